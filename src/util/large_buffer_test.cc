#include "util/large_buffer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "util/file.h"

namespace pgcairn {
namespace {

TEST(LargeBuffer, HoldsWhatIsWrittenAndMoves) {
  LargeBuffer buffer((5 << 20) + 7);
  std::fill(buffer.bytes().begin(), buffer.bytes().end(), uint8_t{0xA5});
  LargeBuffer moved = std::move(buffer);
  ASSERT_EQ(moved.view().size(), size_t{(5 << 20) + 7});
  EXPECT_TRUE(std::all_of(moved.view().begin(), moved.view().end(),
                          [](uint8_t byte) { return byte == 0xA5; }));
  EXPECT_TRUE(LargeBuffer().view().empty());
  EXPECT_TRUE(LargeBuffer(0).view().empty());
}

TEST(LargeBuffer, IsZerosWhereNothingWasWritten) {
  LargeBuffer buffer(3 << 20);
  buffer.bytes()[1 << 20] = 1;
  EXPECT_TRUE(IsAllZeros(buffer.view().first(1 << 20)));
  EXPECT_TRUE(IsAllZeros(buffer.view().subspan((1 << 20) + 1)));
}

TEST(ReadLargeFile, GivesTheWholeFileOrAnError) {
  char directory[] = "/tmp/pgcairn-large-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  std::string path = std::string(directory) + "/file";
  Bytes content(3'000'001);
  for (size_t written : {0u, 1u, 65'535u, 65'536u, 1'048'577u, 3'000'000u, 3'000'001u}) {
    for (size_t at = 0; at < written; ++at) content[at] = static_cast<uint8_t>(at * 7 / 5 + 1);
    if (written > 0) content[written - 1] = 1;
    ASSERT_TRUE(WriteFileDurably(path, content).ok());
    Result<LargeFile> read = ReadLargeFile(path, content.size(), 2);
    ASSERT_TRUE(read.ok());
    EXPECT_TRUE(std::ranges::equal(content, read->buffer.view())) << written;
    EXPECT_GE(read->content().size(), written);
    EXPECT_LT(read->content().size(), written + 65'536);
    ::unlink(path.c_str());
  }
  ASSERT_TRUE(WriteFileDurably(path, content).ok());
  EXPECT_EQ(ReadLargeFile(path, content.size() - 1, 2).code(), Code::kStorage);
  EXPECT_EQ(ReadLargeFile(path + "-absent", 1, 2).code(), Code::kNotFound);
  EXPECT_EQ(ReadLargeFile(directory, 1 << 20, 2).code(), Code::kStorage);
  ::unlink(path.c_str());
  ::rmdir(directory);
}

}  // namespace
}  // namespace pgcairn
