#include "repository/pack/blob_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "repository/pack/pack_builder.h"
#include "repository/testing/memory_cluster.h"
#include "storage/counting/counting_storage.h"

namespace pgcairn::repository {
namespace {

using storage::CountingStorage;
using storage::Request;

class BlobReaderTest : public ::testing::Test {
 protected:
  // A stored pack with one blob for each size; half of the blobs compress.
  void Store(const std::vector<size_t>& sizes, ObjectKind kind = ObjectKind::kDataPack) {
    Encoder encoder(1);
    Result<PackBuilder> builder =
        PackBuilder::Begin(kind, cluster_.access->keys.Current(), cluster_.access->place, &encoder);
    ASSERT_TRUE(builder.ok());
    for (size_t size : sizes) {
      size_t index = raw_.size();
      raw_.push_back(index % 2 == 0 ? RandomContent(size, index)
                                    : Bytes(size, static_cast<uint8_t>(index)));
      Result<BlobLocation> location = builder->Add(raw_.back());
      ASSERT_TRUE(location.ok());
      EXPECT_EQ(location->ordinal, index);
      locations_.push_back(*location);
    }
    FinishedPack pack = builder->Finish();
    pack_ = pack.reference;
    name_ = cluster_.access->names.Pack(pack_.sha256);
    EXPECT_EQ(crypto::Sha256(pack.view()), pack_.sha256);
    ASSERT_TRUE(cluster_.storage->PutIfAbsent(name_, pack.view()).ok());
    for (const BlobLocation& location : locations_) {
      EXPECT_TRUE(CheckLocation(pack_, location, kMetadataBlobRawBytesMax).ok());
    }
  }

  Status ReadAll(const std::vector<size_t>& wanted) {
    std::vector<BlobLocation> locations;
    for (size_t index : wanted) locations.push_back(locations_[index]);
    size_t next = 0;
    Status status =
        reader_.ReadMany(ObjectKind::kDataPack, pack_, locations, [&](size_t index, ByteView raw) {
          EXPECT_EQ(index, next++);
          EXPECT_EQ(ToBytes(raw), raw_[wanted[index]]);
          return Status();
        });
    if (status.ok()) {
      EXPECT_EQ(next, wanted.size());
    }
    return status;
  }

  uint64_t Requests() const { return counting_->Count(Request::kGetRange).requests; }

  std::shared_ptr<CountingStorage> counting_ =
      std::make_shared<CountingStorage>(std::make_shared<storage::MemoryStorage>());
  MemoryCluster cluster_ = MakeMemoryCluster(counting_);
  BlobReader reader_{*cluster_.access};
  std::vector<Bytes> raw_;
  std::vector<BlobLocation> locations_;
  PackReference pack_;
  std::string name_;
};

TEST_F(BlobReaderTest, EveryBlobComesBack) {
  Store({1, 8192, 262'144, 5, 0, 100'000});
  for (size_t i = 0; i < raw_.size(); ++i) {
    Result<Bytes> raw = reader_.Read(ObjectKind::kDataPack, pack_, locations_[i]);
    ASSERT_TRUE(raw.ok()) << raw.error().message;
    EXPECT_EQ(*raw, raw_[i]);
  }
}

TEST_F(BlobReaderTest, NeighboursAreFetchedInOneRequest) {
  Store({8192, 8192, 8192, 8192, 8192, 8192});
  ASSERT_TRUE(ReadAll({0, 1, 2, 3, 4, 5}).ok());
  EXPECT_EQ(Requests(), 1u);
  // A small gap is cheaper to read than to skip.
  ASSERT_TRUE(ReadAll({0, 5}).ok());
  EXPECT_EQ(Requests(), 2u);
}

TEST_F(BlobReaderTest, ALargeGapIsNotFetched) {
  Store({8192, 8192, 300'000, 8192});
  ASSERT_TRUE(ReadAll({0, 3}).ok());
  EXPECT_EQ(Requests(), 2u);
  EXPECT_LT(counting_->Count(Request::kGetRange).bytes, 20'000u);
}

TEST_F(BlobReaderTest, ARequestHasAtMostSixteenMebibytes) {
  std::vector<size_t> sizes;
  std::vector<size_t> all;
  // Every second blob compresses to nothing: 48 random ones of 1 MiB are three requests.
  for (size_t i = 0; i < 96; ++i) {
    sizes.push_back(1'048'576);
    all.push_back(i);
  }
  Store(sizes);
  ASSERT_TRUE(ReadAll(all).ok());
  EXPECT_EQ(Requests(), 4u) << "15 of them fit into one, with their tags";
  EXPECT_LE(counting_->Count(Request::kGetRange).bytes, pack_.length);
}

TEST_F(BlobReaderTest, ABlobThatIsGivenSeveralTimesIsFetchedOnceAndHandedOutEachTime) {
  Store({8192, 8192, 600'000, 8192});
  ASSERT_TRUE(ReadAll({0, 0, 3, 3, 3}).ok());
  EXPECT_EQ(Requests(), 2u);
  EXPECT_LT(counting_->Count(Request::kGetRange).bytes, 20'000u);
}

TEST_F(BlobReaderTest, AnErrorOfTheCallerEndsTheReading) {
  Store({100, 100, 100});
  size_t calls = 0;
  Status status =
      reader_.ReadMany(ObjectKind::kDataPack, pack_, locations_, [&](size_t, ByteView) -> Status {
        ++calls;
        return Error{Code::kNoSpace, "full", ""};
      });
  EXPECT_EQ(status.code(), Code::kNoSpace);
  EXPECT_EQ(calls, 1u);
}

TEST_F(BlobReaderTest, EveryChangedByteOfABlobIsDamaged) {
  Store({300, 300});
  const Bytes whole = Content(*cluster_.storage, name_);
  for (size_t at = kSealedHeaderBytes; at < whole.size(); ++at) {
    Bytes changed = whole;
    changed[at] ^= 4;
    Replace(*cluster_.storage, name_, changed);
    Status status = ReadAll({0, 1});
    ASSERT_FALSE(status.ok()) << at;
    EXPECT_EQ(status.code(), Code::kDamaged);
    EXPECT_NE(status.error().message.find(name_), std::string::npos);
  }
}

TEST_F(BlobReaderTest, BlobsThatChangedPlacesAreDamaged) {
  Store({1000, 1000, 1000});
  // The same length and codec: only the ordinal tells the first from the third.
  ASSERT_EQ(locations_[0].stored_length, locations_[2].stored_length);
  Bytes bytes = Content(*cluster_.storage, name_);
  std::swap_ranges(bytes.begin() + locations_[0].offset,
                   bytes.begin() + locations_[0].offset + locations_[0].stored_length,
                   bytes.begin() + locations_[2].offset);
  Replace(*cluster_.storage, name_, bytes);
  EXPECT_EQ(ReadAll({0}).code(), Code::kDamaged);
  EXPECT_EQ(ReadAll({2}).code(), Code::kDamaged);
  EXPECT_TRUE(ReadAll({1}).ok());
}

TEST_F(BlobReaderTest, AnotherPackUnderTheNameIsDamaged) {
  Store({1000});
  PackReference first = pack_;
  std::string first_name = name_;
  BlobLocation location = locations_[0];
  raw_.clear();
  locations_.clear();
  Store({1000});
  Replace(*cluster_.storage, first_name, Content(*cluster_.storage, name_));
  EXPECT_EQ(reader_.Read(ObjectKind::kDataPack, first, location).code(), Code::kDamaged);
}

TEST_F(BlobReaderTest, AMetadataPackIsNotReadAsADataPack) {
  Store({1000}, ObjectKind::kMetadataPack);
  EXPECT_TRUE(reader_.Read(ObjectKind::kMetadataPack, pack_, locations_[0]).ok());
  EXPECT_EQ(reader_.Read(ObjectKind::kDataPack, pack_, locations_[0]).code(), Code::kDamaged);
}

TEST_F(BlobReaderTest, ATruncatedPackIsDamagedAndAMissingOneNotFound) {
  Store({1000, 1000});
  Bytes whole = Content(*cluster_.storage, name_);
  Replace(*cluster_.storage, name_, ByteView(whole).first(whole.size() - 1));
  EXPECT_EQ(ReadAll({1}).code(), Code::kDamaged);
  EXPECT_TRUE(ReadAll({0}).ok());
  ASSERT_TRUE(cluster_.storage->Delete(name_).ok());
  Status missing = ReadAll({0});
  EXPECT_EQ(missing.code(), Code::kNotFound);
  EXPECT_NE(missing.error().message.find(name_), std::string::npos);
}

TEST_F(BlobReaderTest, AKeyOfAnotherClusterIsAWrongKey) {
  Store({1000});
  pack_.key_id.bytes[0] ^= 1;
  EXPECT_EQ(ReadAll({0}).code(), Code::kWrongKey);
}

TEST(PackBuilder, APackIsFullNearItsTargetAndNeverTooLarge) {
  MemoryCluster cluster = MakeMemoryCluster();
  Encoder encoder(1);
  PackBuilder builder = PackBuilder::Begin(ObjectKind::kDataPack, cluster.access->keys.Current(),
                                           cluster.access->place, &encoder)
                            .value();
  EXPECT_TRUE(builder.HasRoom(kMetadataBlobRawBytesMax));
  Bytes blob = RandomContent(262'144, 1);
  while (builder.HasRoom(blob.size())) ASSERT_TRUE(builder.Add(blob).ok());
  EXPECT_GE(builder.size_bytes(), kPackBytesTarget - blob.size());
  EXPECT_LE(builder.size_bytes(), kPackBytesTarget + blob.size());
  uint32_t blobs = builder.blob_count();
  FinishedPack pack = builder.Finish();
  EXPECT_EQ(pack.reference.length, kSealedHeaderBytes + blobs * (blob.size() + kSealBytes));
}

TEST(PackBuilder, TheLargestMetadataBlobFits) {
  MemoryCluster cluster = MakeMemoryCluster();
  Encoder encoder(1);
  PackBuilder builder =
      PackBuilder::Begin(ObjectKind::kMetadataPack, cluster.access->keys.Current(),
                         cluster.access->place, &encoder)
          .value();
  Bytes blob = RandomContent(kMetadataBlobRawBytesMax, 1);
  BlobLocation location = builder.Add(blob).value();
  FinishedPack pack = builder.Finish();
  EXPECT_TRUE(CheckLocation(pack.reference, location, kMetadataBlobRawBytesMax).ok());
  ASSERT_TRUE(
      cluster.storage->PutIfAbsent(cluster.access->names.Pack(pack.reference.sha256), pack.view())
          .ok());
  BlobReader reader(*cluster.access);
  EXPECT_EQ(*reader.Read(ObjectKind::kMetadataPack, pack.reference, location), blob);
}

TEST(PackReference, ImpossiblePlacesAreDamaged) {
  PackReference pack;
  pack.length = 1000;
  const BlobLocation good{200, 100, 90, 0, 1};
  ASSERT_TRUE(CheckLocation(pack, good, 1000).ok());
  auto code = [&](auto change) {
    PackReference changed_pack = pack;
    BlobLocation changed = good;
    change(changed_pack, changed);
    Status status = CheckLocation(changed_pack, changed, 1000);
    return status.ok() ? Code::kFailed : status.code();
  };
  EXPECT_EQ(code([](auto& p, auto&) { p.length = kPackBytesMax + 1; }), Code::kDamaged);
  EXPECT_EQ(code([](auto& p, auto&) { p.length = 299; }), Code::kDamaged);
  EXPECT_EQ(code([](auto&, auto& l) { l.offset = 107; }), Code::kDamaged);
  EXPECT_EQ(code([](auto&, auto& l) { l.offset = UINT32_MAX; }), Code::kDamaged);
  EXPECT_EQ(code([](auto&, auto& l) { l.stored_length = 15; }), Code::kDamaged);
  EXPECT_EQ(code([](auto&, auto& l) { l.stored_length = UINT32_MAX; }), Code::kDamaged);
  EXPECT_EQ(code([](auto&, auto& l) { l.raw_length = 1001; }), Code::kDamaged);
  EXPECT_EQ(code([](auto&, auto& l) { l.ordinal = kPackBlobsMax; }), Code::kDamaged);
}

TEST(PackReference, ComesBackFromTheManifest) {
  PackReference pack;
  pack.sha256.bytes.fill(1);
  pack.length = 5000;
  pack.key_id.bytes.fill(2);
  pack.salt.bytes.fill(3);
  format::BlobReference message;
  ToMessage(pack, {200, 100, 90, 4, 1}, &message);
  Result<BlobReference> reference = FromMessage(message);
  ASSERT_TRUE(reference.ok());
  EXPECT_EQ(reference->pack, pack);
  EXPECT_EQ(reference->location.offset, 200u);
  EXPECT_EQ(reference->location.ordinal, 4u);
  auto code = [&](auto change) {
    format::BlobReference changed = message;
    change(changed);
    Result<BlobReference> result = FromMessage(changed);
    return result.ok() ? Code::kFailed : result.code();
  };
  EXPECT_EQ(code([](auto& m) { m.mutable_pack()->mutable_sha256()->pop_back(); }), Code::kDamaged);
  EXPECT_EQ(code([](auto& m) { m.mutable_pack()->mutable_salt()->push_back('x'); }),
            Code::kDamaged);
  EXPECT_EQ(code([](auto& m) { m.mutable_pack()->clear_key_id(); }), Code::kDamaged);
  EXPECT_EQ(code([](auto& m) { m.set_codec(70'000); }), Code::kDamaged);
  EXPECT_EQ(code([](auto& m) { m.set_offset(6000); }), Code::kDamaged);
}

}  // namespace
}  // namespace pgcairn::repository
