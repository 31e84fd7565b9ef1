#include "sources/physical/page_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <vector>

#include "postgres/page_checksum.h"

namespace pgcairn::sources {
namespace {

using postgres::kPageSize;
using postgres::Lsn;

constexpr uint32_t kSegmentPages = 131'072;
constexpr Lsn kStart{0x3000028};
constexpr Lsn kInsert{0x5000000};
constexpr Lsn kOld{0x2000000};

// A page as a server writes it: LSN, checksum, something in it.
Bytes PageOf(uint32_t block, Lsn lsn, uint8_t fill = 0x5a) {
  Bytes page(kPageSize, fill);
  StoreLe<uint32_t>(page.data(), static_cast<uint32_t>(lsn.value >> 32));
  StoreLe<uint32_t>(page.data() + 4, static_cast<uint32_t>(lsn.value));
  StoreLe<uint16_t>(page.data() + 8, postgres::PageChecksum(page.data(), block));
  return page;
}

Bytes Broken(Bytes page) {
  page[5000] ^= 0xff;
  return page;
}

class PageReaderTest : public ::testing::Test {
 protected:
  PageReaderTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "pgcairn-pages-XXXXXX").string();
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    CHECK(MakeDirectories(directory_ + "/base/5").ok());
    options_.data_directory = directory_;
    options_.data_checksums = true;
    options_.relation_segment_pages = kSegmentPages;
    options_.backup_start = kStart;
    options_.findings = &findings_;
    options_.insert_position = [this]() -> Result<Lsn> {
      ++asked_;
      if (on_ask_) on_ask_();
      return kInsert;
    };
  }
  ~PageReaderTest() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& path, const std::vector<Bytes>& pages) {
    Bytes content;
    for (const Bytes& page : pages) Append(content, page);
    ASSERT_TRUE(WriteFileDurably(directory_ + "/" + path, content).ok());
  }

  // In place, as a server does it.
  void Overwrite(const std::string& path, ByteView bytes, uint64_t offset) {
    Result<UniqueFd> fd = pgcairn::Open(directory_ + "/" + path, O_WRONLY);
    CHECK(fd.ok() && WriteAt(fd->get(), bytes, offset, path).ok());
  }

  // Everything that a slice over `size` bytes of the file delivers, through a buffer of `room`.
  Bytes ReadAll(const std::string& path, uint64_t size, size_t room = 4 * kPageSize,
                uint64_t offset = 0) {
    postgres::DataFile file;
    file.path = path;
    file.size = offset + size;
    file.is_relation = true;
    PageReader reader(options_);
    Status opened = reader.Open(file, {0, offset, size, false});
    EXPECT_TRUE(opened.ok());
    vanished_ = reader.vanished();
    Bytes all;
    Bytes buffer(room);
    for (;;) {
      Result<size_t> got = reader.Read(buffer);
      EXPECT_TRUE(got.ok());
      if (!got.ok() || *got == 0) return all;
      Append(all, ByteView(buffer).first(*got));
    }
  }

  std::string directory_;
  PageFindings findings_;
  PageReaderOptions options_;
  std::function<void()> on_ask_;
  int asked_ = 0;
  bool vanished_ = false;
};

TEST_F(PageReaderTest, GoodPagesAreDeliveredAndCountedWithoutAskingTheServer) {
  std::vector<Bytes> pages;
  Bytes whole;
  for (uint32_t block = 0; block < 11; ++block) {
    pages.push_back(block == 4 ? Bytes(kPageSize) : PageOf(block, kOld));
    Append(whole, pages.back());
  }
  Write("base/5/16384", pages);
  EXPECT_EQ(ReadAll("base/5/16384", whole.size()), whole);
  EXPECT_EQ(findings_.checked(), 11u);
  EXPECT_EQ(findings_.torn(), 0u);
  EXPECT_EQ(findings_.bad_count(), 0u);
  EXPECT_EQ(asked_, 0);
}

TEST_F(PageReaderTest, ASliceDeliversItsPartAndChecksItsBlockNumbers) {
  Write("base/5/16384", {PageOf(0, kOld), PageOf(1, kOld), PageOf(2, kOld), PageOf(3, kOld)});
  Bytes middle = PageOf(1, kOld);
  Append(middle, PageOf(2, kOld));
  // Room that is no multiple of a page still gives whole pages.
  EXPECT_EQ(ReadAll("base/5/16384", 2 * kPageSize, kPageSize + 100, kPageSize), middle);
  EXPECT_EQ(findings_.checked(), 2u);
  EXPECT_EQ(findings_.bad_count(), 0u);
}

TEST_F(PageReaderTest, APageThatReadsBadTwiceIsReportedWithFileAndBlock) {
  Write("base/5/16384", {PageOf(0, kOld), Broken(PageOf(1, kOld)), PageOf(2, kOld)});
  Bytes read = ReadAll("base/5/16384", 3 * kPageSize);
  ASSERT_EQ(findings_.bad_count(), 1u);
  EXPECT_EQ(findings_.bad_pages()[0].path, "base/5/16384");
  EXPECT_EQ(findings_.bad_pages()[0].block, 1u);
  EXPECT_EQ(findings_.torn(), 0u);
  // What is there is kept: better a damaged page than none.
  EXPECT_TRUE(
      std::ranges::equal(ByteView(read).subspan(kPageSize, kPageSize), Broken(PageOf(1, kOld))));
}

TEST_F(PageReaderTest, BlocksOfALaterSegmentGoOnCountingButAreReportedWithinTheirFile) {
  Write("base/5/16384.1", {PageOf(kSegmentPages, kOld), PageOf(kSegmentPages + 1, kOld),
                           Broken(PageOf(kSegmentPages + 2, kOld)), PageOf(3, kOld)});
  ReadAll("base/5/16384.1", 4 * kPageSize);
  std::vector<BadPage> bad = findings_.bad_pages();
  ASSERT_EQ(bad.size(), 2u);
  EXPECT_EQ(bad[0].path, "base/5/16384.1");
  EXPECT_EQ(bad[0].block, 2u);
  EXPECT_EQ(bad[1].block, 3u) << "a page that belongs elsewhere";
}

TEST_F(PageReaderTest, APageThatIsWholeOnTheSecondReadIsTornAndDeliveredWhole) {
  Write("base/5/16384", {PageOf(0, kOld), Broken(PageOf(1, kOld))});
  // The server finishes its write between the two reads.
  on_ask_ = [&] { Overwrite("base/5/16384", PageOf(1, kOld, 0x77), kPageSize); };
  Bytes read = ReadAll("base/5/16384", 2 * kPageSize);
  EXPECT_EQ(findings_.torn(), 1u);
  EXPECT_EQ(findings_.bad_count(), 0u);
  EXPECT_TRUE(std::ranges::equal(ByteView(read).subspan(kPageSize), PageOf(1, kOld, 0x77)));
}

TEST_F(PageReaderTest, APageThatChangesAtEveryReadIsTorn) {
  Write("base/5/16384", {Broken(PageOf(0, kOld))});
  on_ask_ = [&] {
    Bytes page = Broken(PageOf(0, kOld));
    page[100] = static_cast<uint8_t>(asked_);
    Overwrite("base/5/16384", page, 0);
  };
  ReadAll("base/5/16384", kPageSize);
  EXPECT_EQ(findings_.torn(), 1u);
  EXPECT_EQ(findings_.bad_count(), 0u);
}

TEST_F(PageReaderTest, ANewerPageWithABadChecksumIsWalsToRepair) {
  Write("base/5/16384", {Broken(PageOf(0, Lsn{kStart.value + 100})), Broken(PageOf(1, kInsert))});
  ReadAll("base/5/16384", 2 * kPageSize);
  EXPECT_EQ(findings_.bad_count(), 0u);
  EXPECT_EQ(findings_.torn(), 2u);
  EXPECT_GT(asked_, 0);
}

TEST_F(PageReaderTest, AnLsnPastTheServersInsertPositionExcusesNothing) {
  Write("base/5/16384", {Broken(PageOf(0, Lsn{kInsert.value + 1})), Broken(PageOf(1, kOld))});
  ReadAll("base/5/16384", 2 * kPageSize);
  EXPECT_EQ(findings_.bad_count(), 2u);
  EXPECT_EQ(findings_.torn(), 0u);
}

TEST_F(PageReaderTest, WithoutChecksumsAndInOtherFilesNothingIsJudged) {
  Write("base/5/16384", {Broken(PageOf(0, kOld))});
  Write("base/5/PG_VERSION", {Broken(PageOf(0, kOld))});
  EXPECT_EQ(ReadAll("base/5/PG_VERSION", kPageSize).size(), kPageSize);
  options_.data_checksums = false;
  EXPECT_EQ(ReadAll("base/5/16384", kPageSize).size(), kPageSize);
  EXPECT_EQ(findings_.bad_count(), 0u);
  EXPECT_EQ(asked_, 0);
}

TEST_F(PageReaderTest, ATruncatedFileEndsEarlyAndThePieceOfAPageIsDelivered) {
  Write("base/5/16384", {PageOf(0, kOld), PageOf(1, kOld), PageOf(2, kOld)});
  std::filesystem::resize_file(directory_ + "/base/5/16384", kPageSize + 1000);
  Bytes whole = PageOf(0, kOld);
  Append(whole, ByteView(PageOf(1, kOld)).first(1000));
  EXPECT_EQ(ReadAll("base/5/16384", 3 * kPageSize), whole);
  EXPECT_EQ(findings_.bad_count(), 0u);
  EXPECT_EQ(ReadAll("base/5/16384", kPageSize, kPageSize, 2 * kPageSize).size(), 0u);
}

TEST_F(PageReaderTest, AFileCutWhileABadPageIsReadAgainIsTorn) {
  Write("base/5/16384", {PageOf(0, kOld), Broken(PageOf(1, kOld))});
  on_ask_ = [&] { std::filesystem::resize_file(directory_ + "/base/5/16384", kPageSize); };
  EXPECT_EQ(ReadAll("base/5/16384", 2 * kPageSize).size(), 2 * kPageSize);
  EXPECT_EQ(findings_.torn(), 1u);
  EXPECT_EQ(findings_.bad_count(), 0u);
}

TEST_F(PageReaderTest, AFileThatGrewIsReadAsFarAsItWasListed) {
  Write("base/5/16384", {PageOf(0, kOld), PageOf(1, kOld)});
  EXPECT_EQ(ReadAll("base/5/16384", kPageSize), PageOf(0, kOld));
}

TEST_F(PageReaderTest, AVanishedFileIsEmptyAndSaysSo) {
  EXPECT_TRUE(ReadAll("base/5/16384", 3 * kPageSize).empty());
  EXPECT_TRUE(vanished_);
  Write("base/5/16385", {});
  EXPECT_TRUE(ReadAll("base/5/16385", 0).empty());
  EXPECT_FALSE(vanished_);
}

TEST_F(PageReaderTest, WhenTheServerCannotBeAskedTheReadFails) {
  Write("base/5/16384", {Broken(PageOf(0, kOld))});
  options_.insert_position = []() -> Result<Lsn> {
    return Error{Code::kConnection, "the server is gone", ""};
  };
  postgres::DataFile file;
  file.path = "base/5/16384";
  file.is_relation = true;
  PageReader reader(options_);
  ASSERT_TRUE(reader.Open(file, {0, 0, kPageSize, false}).ok());
  Bytes buffer(kPageSize);
  EXPECT_EQ(reader.Read(buffer).code(), Code::kConnection);
}

TEST(PageFindings, KeepTheFirstThousandBadPagesAndCountAll) {
  PageFindings findings;
  for (uint32_t i = 0; i < 1500; ++i) findings.AddBad({"base/5/1", i});
  EXPECT_EQ(findings.bad_count(), 1500u);
  ASSERT_EQ(findings.bad_pages().size(), 1000u);
  EXPECT_EQ(findings.bad_pages().back().block, 999u);
}

TEST(PageFindings, NothingOfManyThreadsIsLost) {
  PageFindings findings;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&findings] {
      for (uint32_t i = 0; i < 1000; ++i) {
        findings.AddChecked(2);
        findings.AddTorn();
        findings.AddBad({"base/5/1", i});
        EXPECT_LE(findings.bad_pages().size(), 1000u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(findings.checked(), 8000u);
  EXPECT_EQ(findings.torn(), 4000u);
  EXPECT_EQ(findings.bad_count(), 4000u);
  EXPECT_EQ(findings.bad_pages().size(), 1000u);
}

}  // namespace
}  // namespace pgcairn::sources
