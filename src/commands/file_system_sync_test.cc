#include "commands/file_system_sync.h"

#include <gtest/gtest.h>

#include "storage/testing/scratch_directory.h"

namespace pgcairn::commands {
namespace {

TEST(FileSystemSync, BeginsBeforeTheDirectoryExists) {
  storage::ScratchDirectory scratch;
  for (const char* below : {"", "/absent", "/absent/and/absent"}) {
    Result<FileSystemSync> sync = FileSystemSync::Begin(scratch.path() + below);
    ASSERT_TRUE(sync.ok()) << sync.error().message;
    EXPECT_TRUE(sync->Finish().ok());
  }
}

}  // namespace
}  // namespace pgcairn::commands
