// Damages every object of a small repository in every way: verification names it, and a restore
// never succeeds with other bytes. PGCAIRN_EVERY_BYTE=1 changes each byte of small objects.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

#include "commands/testing/small_repository.h"
#include "commands/verify.h"
#include "postgres/lsn.h"

namespace pgcairn::commands {
namespace {

using repository::Content;
using repository::Replace;
using testing::RestoredTree;
using testing::RestoreTree;
using testing::SmallRepository;

constexpr size_t kSmallBytes = 4096;

bool EveryByte() { return std::getenv("PGCAIRN_EVERY_BYTE") != nullptr; }
size_t FlipsPerObject() { return EveryByte() ? 200 : PGCAIRN_SANITIZED ? 1 : 6; }

bool IsStoredTwice(const std::string& object) {
  return object.starts_with("repository") || object.find("/keys/") != std::string::npos ||
         object.find("/epochs/") != std::string::npos;
}

class DamageTest : public ::testing::Test {
 protected:
  DamageTest() {
    Result<RestoredTree> tree = RestoreTree(repository_.storage(), "latest");
    CHECK(tree.ok());
    newest_ = std::move(*tree);
    tree = RestoreTree(repository_.storage(), SmallRepository::kFirst);
    CHECK(tree.ok());
    oldest_ = std::move(*tree);
    std::cout << "seed " << seed_ << "\n";
  }

  VerifyReport Verify() {
    Result<VerifyReport> report = VerifyStored(repository_.storage(), "main", {}, {});
    CHECK(report.ok());
    return std::move(report).value();
  }

  static bool Names(const VerifyReport& report, const std::string& object) {
    for (const DamagedObject& damaged : report.damaged) {
      if (damaged.object == object) return true;
    }
    return std::any_of(
        report.warnings.begin(), report.warnings.end(),
        [&](const std::string& text) { return text.find(object + " ") != std::string::npos; });
  }

  // Whether `restored` is `whole`, or with `shorter_log` the same files and the beginning of its
  // WAL.
  static bool Is(const RestoredTree& restored, const RestoredTree& whole, bool shorter_log) {
    if (!shorter_log) return restored == whole;
    bool ended = false;
    for (const auto& [name, bytes] : whole) {
      auto found = restored.find(name);
      const bool there = found != restored.end();
      if (there && found->second != bytes) return false;
      if (postgres::KindOfWalFile(name) != postgres::WalFileKind::kSegment) {
        if (!there) return false;
        continue;
      }
      if (there && ended) return false;
      ended = !there;
    }
    return true;
  }

  // Fails when a restore succeeds with other bytes; returns whether the newest state was restored.
  // Without a segment in their midst the archived log ends before it: that is allowed only then.
  bool RestoresNothingElse(bool shorter_log = false) {
    Result<RestoredTree> newest = RestoreTree(repository_.storage(), "latest");
    Result<RestoredTree> oldest = RestoreTree(repository_.storage(), SmallRepository::kFirst);
    // "latest" may be the older backup when the newer one is gone.
    if (newest.ok()) {
      EXPECT_TRUE(Is(*newest, newest_, shorter_log) || Is(*newest, oldest_, shorter_log));
    }
    if (oldest.ok()) {
      EXPECT_TRUE(Is(*oldest, oldest_, shorter_log));
    }
    return newest.ok() && *newest == newest_;
  }

  // `bytes` instead of the object's own, and back again.
  void ExpectNamed(const std::string& object, ByteView bytes, bool copy_must_serve) {
    Bytes own = Content(*repository_.storage(), object);
    Replace(*repository_.storage(), object, bytes);
    VerifyReport report = Verify();
    EXPECT_TRUE(Names(report, object));
    // Around a damaged copy everything is verified.
    EXPECT_TRUE(report.with_key || object == "format/1");
    bool restored = RestoresNothingElse();
    if (copy_must_serve) {
      EXPECT_TRUE(restored);
    }
    Replace(*repository_.storage(), object, own);
  }

  const uint64_t seed_ = std::random_device()();
  std::mt19937_64 random_{seed_};
  SmallRepository repository_;
  RestoredTree newest_;
  RestoredTree oldest_;
};

TEST_F(DamageTest, AnUndamagedRepositoryIsGood) {
  EXPECT_TRUE(Verify().good());
  EXPECT_TRUE(RestoresNothingElse());
  EXPECT_NE(newest_, oldest_);
}

TEST_F(DamageTest, AChangedByteIsNamed) {
  for (const std::string& object : repository_.Objects()) {
    const Bytes own = Content(*repository_.storage(), object);
    std::set<size_t> places;
    while (places.size() < std::min(own.size(), FlipsPerObject())) {
      places.insert(random_() % own.size());
    }
    if (EveryByte() && own.size() < kSmallBytes) {
      for (size_t at = 0; at < own.size(); ++at) places.insert(at);
    }
    for (size_t at : places) {
      SCOPED_TRACE(fmt::format("{} byte {} of {}", object, at, own.size()));
      Bytes changed = own;
      changed[at] ^= static_cast<uint8_t>(1U << random_() % 8);
      ExpectNamed(object, changed, IsStoredTwice(object));
      if (HasFailure()) return;
    }
  }
}

TEST_F(DamageTest, ACutOrEmptiedOrLongerObjectIsNamed) {
  for (const std::string& object : repository_.Objects()) {
    const Bytes own = Content(*repository_.storage(), object);
    Bytes longer = own;
    longer.push_back(0);
    std::vector<size_t> sizes{random_() % own.size()};
    if (!PGCAIRN_SANITIZED) sizes.insert(sizes.end(), {0, own.size() - 1});
    for (size_t size : sizes) {
      SCOPED_TRACE(fmt::format("{} cut from {} to {}", object, own.size(), size));
      ExpectNamed(object, ByteView(own).first(size), IsStoredTwice(object));
    }
    SCOPED_TRACE(object + " with a byte more");
    ExpectNamed(object, longer, IsStoredTwice(object));
  }
}

TEST_F(DamageTest, ARemovedObjectIsNamed) {
  // Nothing that is left can know of these: the newest segment of a timeline, and a part of a
  // segment that no recovery on a later timeline reads. The host's memory of what it archived does.
  const std::set<std::string> unknowable{repository_.WalObject(2, 8),
                                         repository_.WalObject(1, 7) + ".partial"};
  for (const std::string& object : repository_.Objects()) {
    SCOPED_TRACE(object);
    const Bytes own = Content(*repository_.storage(), object);
    ASSERT_TRUE(repository_.storage()->Delete(object).ok());
    EXPECT_EQ(Names(Verify(), object), !unknowable.contains(object));
    bool restored = RestoresNothingElse(object.find("/wal/") != std::string::npos);
    if (IsStoredTwice(object)) {
      EXPECT_TRUE(restored);
    }
    ASSERT_TRUE(repository_.storage()->PutIfAbsent(object, own).ok());
  }
}

TEST_F(DamageTest, ObjectsThatChangedPlacesAreNamed) {
  const std::vector<std::string> objects = repository_.Objects();
  for (size_t i = 0; i < objects.size(); ++i) {
    // The next one is of the same folder, but at its end.
    const std::string& first = objects[i];
    const std::string& second = objects[(i + 1) % objects.size()];
    SCOPED_TRACE(first + " and " + second);
    const Bytes a = Content(*repository_.storage(), first);
    const Bytes b = Content(*repository_.storage(), second);
    if (a == b) continue;  // an object and its copy
    Replace(*repository_.storage(), first, b);
    Replace(*repository_.storage(), second, a);
    VerifyReport report = Verify();
    EXPECT_TRUE(Names(report, first));
    EXPECT_TRUE(Names(report, second));
    RestoresNothingElse();
    Replace(*repository_.storage(), first, a);
    Replace(*repository_.storage(), second, b);
  }
}

TEST_F(DamageTest, AnObjectOfThatNameFromAnotherRepositoryIsNamed) {
  SmallRepository other;
  size_t replaced = 0;
  for (const std::string& object : other.Objects()) {
    const Bytes theirs = Content(*other.storage(), object);
    Result<Bytes> own = repository_.storage()->Get(object, uint64_t{1} << 30);
    if (!own.ok() || *own == theirs) continue;  // packs have other names; a format is a format
    SCOPED_TRACE(object);
    ExpectNamed(object, theirs, false);
    ++replaced;
  }
  EXPECT_GE(replaced, 17u);
}

TEST_F(DamageTest, ADamagedCopyIsCalledOne) {
  for (const std::string& object : repository_.Objects()) {
    if (!IsStoredTwice(object)) continue;
    SCOPED_TRACE(object);
    const Bytes own = Content(*repository_.storage(), object);
    Replace(*repository_.storage(), object, ByteView(own).first(own.size() / 2));
    VerifyReport report = Verify();
    ASSERT_EQ(report.damaged.size(), 1u);
    EXPECT_TRUE(report.damaged[0].copy_is_good);
    EXPECT_TRUE(report.damaged[0].backups.empty());
    EXPECT_TRUE(std::all_of(report.backups.begin(), report.backups.end(),
                            [](const VerifiedBackup& backup) { return backup.good; }));
    Replace(*repository_.storage(), object, own);
  }
}

}  // namespace
}  // namespace pgcairn::commands
