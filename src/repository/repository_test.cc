#include "repository/repository.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "format/identity.pb.h"
#include "repository/seal/document.h"
#include "repository/testing/memory_cluster.h"
#include "storage/testing/faulty_storage.h"
#include "util/log.h"

namespace pgcairn::repository {
namespace {

using storage::MemoryStorage;

Bytes FormatObject(uint32_t version, const std::string& feature) {
  format::RepositoryFormat format;
  format.set_version(version);
  if (!feature.empty()) format.add_required_features(feature);
  return EncodePlainDocument(ObjectKind::kFormat, format.SerializeAsString());
}

TEST(Repository, IsMadeOnceAndThenFound) {
  MemoryStorage storage;
  EXPECT_EQ(OpenRepository(storage).code(), Code::kNotFound);
  Result<RepositoryId> first = CreateRepository(storage);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(*CreateRepository(storage), *first);
  EXPECT_EQ(*OpenRepository(storage), *first);
  EXPECT_EQ(Content(storage, "repository"), Content(storage, "repository.copy"));
  MemoryStorage other;
  EXPECT_NE(*CreateRepository(other), *first);
}

TEST(Repository, AnInterruptedCreationIsFinishedByTheNext) {
  for (uint64_t nth = 1; nth <= 3; ++nth) {
    auto memory = std::make_shared<MemoryStorage>();
    storage::FaultyStorage faulty(memory);
    faulty.Add({.request = storage::Request::kPut,
                .nth = nth,
                .effect = storage::FaultEffect::kCrashBefore});
    EXPECT_FALSE(CreateRepository(faulty).ok());
    EXPECT_EQ(OpenRepository(*memory).code(), Code::kNotFound);
    Result<RepositoryId> id = CreateRepository(*memory);
    ASSERT_TRUE(id.ok()) << id.error().message;
    EXPECT_EQ(*OpenRepository(*memory), *id);
    EXPECT_EQ(Content(*memory, "repository"), Content(*memory, "repository.copy"));
  }
}

TEST(Repository, AllWhoMakeItAtOnceGetTheSame) {
  for (int round = 0; round < 20; ++round) {
    MemoryStorage storage;
    std::vector<Result<RepositoryId>> ids(4, Error{});
    std::vector<std::thread> threads;
    for (Result<RepositoryId>& id : ids) {
      threads.emplace_back([&] { id = CreateRepository(storage); });
    }
    for (std::thread& thread : threads) thread.join();
    for (const Result<RepositoryId>& id : ids) {
      ASSERT_TRUE(id.ok()) << id.error().message;
      EXPECT_EQ(*id, *ids.front());
    }
    EXPECT_EQ(Content(storage, "repository"), Content(storage, "repository.copy"));
  }
}

TEST(Repository, TheCopyStandsInForADamagedOrMissingIdentity) {
  SetLogLevel(LogLevel::kError);  // each use of a copy is a warning
  MemoryStorage storage;
  RepositoryId id = *CreateRepository(storage);
  Bytes whole = Content(storage, "repository");
  for (size_t at = 0; at < whole.size(); ++at) {
    Bytes changed = whole;
    changed[at] ^= 1;
    Replace(storage, "repository", changed);
    Result<RepositoryId> opened = OpenRepository(storage);
    ASSERT_TRUE(opened.ok()) << at << ": " << opened.error().message;
    EXPECT_EQ(*opened, id);
  }
  ASSERT_TRUE(storage.Delete("repository").ok());
  EXPECT_EQ(*OpenRepository(storage), id);
}

TEST(Repository, ANewerFormatIsRefusedByReadersAndMakers) {
  MemoryStorage storage;
  ASSERT_TRUE(CreateRepository(storage).ok());
  ASSERT_TRUE(storage.PutIfAbsent("format/2", FormatObject(2, "")).ok());
  EXPECT_EQ(OpenRepository(storage).code(), Code::kUnsupported);
  EXPECT_EQ(CreateRepository(storage).code(), Code::kUnsupported);
  ASSERT_TRUE(storage.Delete("format/2").ok());
  ASSERT_TRUE(OpenRepository(storage).ok());
  ASSERT_TRUE(storage.PutIfAbsent("format/1x", AsBytes("?")).ok());
  EXPECT_EQ(OpenRepository(storage).code(), Code::kUnsupported);
}

TEST(Repository, AnUnknownRequiredFeatureIsRefusedByName) {
  MemoryStorage storage;
  ASSERT_TRUE(CreateRepository(storage).ok());
  Replace(storage, "format/1", FormatObject(1, "time-travel"));
  Result<RepositoryId> opened = OpenRepository(storage);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.code(), Code::kUnsupported);
  EXPECT_NE(opened.error().message.find("time-travel"), std::string::npos);
  Replace(storage, "format/1", FormatObject(7, ""));
  EXPECT_EQ(OpenRepository(storage).code(), Code::kDamaged);
}

TEST(Repository, ClustersAreListedAndOpenedByName) {
  MemoryCluster cluster = MakeMemoryCluster();
  EXPECT_EQ(*ListClusters(*cluster.storage), std::vector<std::string>{"main"});
  EXPECT_EQ(cluster.access->place.repository, *OpenRepository(*cluster.storage));
  EXPECT_EQ(OpenCluster(*cluster.storage, "other", {}).code(), Code::kNotFound);
}

class ForeignFirstCopy : public ::testing::Test {
 protected:
  void TakeFromElsewhere(const std::string& name) {
    Replace(*cluster_.storage, name, Content(*elsewhere_.storage, name));
  }
  void ExpectOpens() {
    Result<std::unique_ptr<ClusterAccess>> opened = OpenCluster(*cluster_.storage, "main", {});
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_EQ((*opened)->place.repository, cluster_.access->place.repository);
    EXPECT_EQ((*opened)->place.cluster, cluster_.access->place.cluster);
    EXPECT_EQ(&(*opened)->storage, cluster_.storage.get());
  }

  MemoryCluster cluster_ = MakeMemoryCluster();
  MemoryCluster elsewhere_ = MakeMemoryCluster();
  const std::string identity_{kIdentityName};
  const std::string key_ = ClusterNames("main").Key(1, AccessKeyId());
};

TEST_F(ForeignFirstCopy, OfTheIdentityIsReplacedByTheSecond) {
  TakeFromElsewhere(identity_);
  ::testing::internal::CaptureStderr();
  SetLogLevel(LogLevel::kWarning);
  ExpectOpens();
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("repository does not fit"),
            std::string::npos);
}

TEST_F(ForeignFirstCopy, OfAnAccessKeyIsReplacedByTheSecond) {
  TakeFromElsewhere(key_);
  ExpectOpens();
}

TEST_F(ForeignFirstCopy, OfAllObjectsIsReplacedByTheSecond) {
  TakeFromElsewhere(identity_);
  TakeFromElsewhere(key_);
  ExpectOpens();
}

TEST_F(ForeignFirstCopy, IsAnErrorWhenTheSecondIsForeignToo) {
  TakeFromElsewhere(key_);
  TakeFromElsewhere(key_ + ".copy");
  EXPECT_EQ(OpenCluster(*cluster_.storage, "main", {}).code(), Code::kWrongKey);
  TakeFromElsewhere(identity_);
  EXPECT_FALSE(OpenCluster(*cluster_.storage, "main", {}).ok());
}

TEST_F(ForeignFirstCopy, MayBeTheSecondWithoutHarm) {
  TakeFromElsewhere(identity_ + ".copy");
  TakeFromElsewhere(key_ + ".copy");
  ExpectOpens();
}

}  // namespace
}  // namespace pgcairn::repository
