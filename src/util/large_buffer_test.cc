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
  moved.Shrink(3);
  EXPECT_EQ(moved.view().size(), 3u);
  EXPECT_TRUE(LargeBuffer().view().empty());
  EXPECT_TRUE(LargeBuffer(0).view().empty());
}

TEST(ReadLargeFile, GivesTheWholeFileOrAnError) {
  char directory[] = "/tmp/pgcairn-large-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  std::string path = std::string(directory) + "/file";
  Bytes content(3'000'001);
  for (size_t at = 0; at < content.size(); ++at) content[at] = static_cast<uint8_t>(at * 7 / 5);
  ASSERT_TRUE(WriteFileDurably(path, content).ok());
  Result<LargeBuffer> read = ReadLargeFile(path, content.size());
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(std::equal(content.begin(), content.end(), read->view().begin(), read->view().end()));
  EXPECT_EQ(ReadLargeFile(path, content.size() - 1).code(), Code::kStorage);
  EXPECT_EQ(ReadLargeFile(path + "-absent", 1).code(), Code::kNotFound);
  EXPECT_EQ(ReadLargeFile(directory, 1 << 20).code(), Code::kStorage);
  ::unlink(path.c_str());
  ::rmdir(directory);
}

}  // namespace
}  // namespace pgcairn
