#include "repository/manifest/reference_list.h"

#include <gtest/gtest.h>

namespace pgcairn::repository {
namespace {

constexpr char kListId[] = "20240101_020000-00af";

StoredPack ListedPack(uint8_t fill, uint64_t length) {
  StoredPack pack;
  pack.sha256.bytes.fill(fill);
  pack.length = length;
  return pack;
}

std::string HexOf(const std::string& two) {
  std::string hex;
  for (int i = 0; i < 32; ++i) hex += two;
  return hex;
}

const std::string kText = "pgcairn-refs 1 20240101_020000-00af\n" + HexOf("01") + " 10\n" +
                          HexOf("ab") + " 16777216\nend 2\n";

Result<std::vector<StoredPack>> Decode(const std::string& text) {
  return DecodeReferenceList(kListId, AsBytes(text));
}

TEST(ReferenceList, IsTheTextOfTheSpecificationSortedWithoutRepetitions) {
  Bytes text = EncodeReferenceList(
      kListId, {ListedPack(0xab, 16'777'216), ListedPack(1, 10), ListedPack(0xab, 16'777'216)});
  EXPECT_EQ(AsText(text), kText);
  EXPECT_EQ(AsText(EncodeReferenceList(kListId, {})),
            "pgcairn-refs 1 20240101_020000-00af\nend 0\n");
}

TEST(ReferenceList, ComesBackAsItWasWritten) {
  Result<std::vector<StoredPack>> packs = Decode(kText);
  ASSERT_TRUE(packs.ok()) << packs.error().message;
  ASSERT_EQ(packs->size(), 2u);
  EXPECT_EQ(packs->at(0).sha256, ListedPack(1, 10).sha256);
  EXPECT_EQ(packs->at(1).length, 16'777'216u);
  EXPECT_TRUE(DecodeReferenceList(kListId, EncodeReferenceList(kListId, {}))->empty());
}

TEST(ReferenceList, CutAnywhereIsDamaged) {
  for (size_t size = 0; size < kText.size(); ++size) {
    Result<std::vector<StoredPack>> packs = Decode(kText.substr(0, size));
    ASSERT_FALSE(packs.ok()) << size;
    EXPECT_EQ(packs.code(), Code::kDamaged);
  }
}

TEST(ReferenceList, WhatTheSpecificationDoesNotSayIsDamaged) {
  const std::string head = "pgcairn-refs 1 20240101_020000-00af\n";
  const std::string one = HexOf("01") + " 10\n";
  const std::string two = HexOf("ab") + " 20\n";
  ASSERT_TRUE(Decode(head + one + two + "end 2\n").ok());
  for (const std::string& text : std::vector<std::string>{
           head + two + one + "end 2\n", head + one + one + "end 2\n", head + one + two + "end 1\n",
           head + one + two + "end 3\n", head + one + "end 1\n" + two, one + "end 1\n",
           "pgcairn-refs 2 20240101_020000-00af\nend 0\n",
           std::string("pgcairn-refs 1 20240101_020000-00b0\nend 0\n"),
           head + HexOf("01") + " -1\nend 1\n", head + HexOf("01") + " \nend 1\n",
           head + HexOf("01") + "\nend 1\n", head + HexOf("0g") + " 1\nend 1\n",
           head + HexOf("01") + " 99999999999999999999999\nend 1\n", head + one + "end x\n",
           head + "\nend 0\n", head + head + "end 0\n"}) {
    Result<std::vector<StoredPack>> packs = Decode(text);
    ASSERT_FALSE(packs.ok()) << text;
    EXPECT_EQ(packs.code(), Code::kDamaged);
    EXPECT_NE(packs.error().message.find(kListId), std::string::npos);
  }
}

}  // namespace
}  // namespace pgcairn::repository
