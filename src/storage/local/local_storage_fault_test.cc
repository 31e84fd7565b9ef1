// Full disks, failing system calls and filesystems that lack an ability. Each fault is made in a
// child process, by a limit or a filter on its own system calls.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>

#include "storage/local/local_storage.h"
#include "storage/testing/child_process.h"
#include "storage/testing/get_range.h"
#include "storage/testing/scratch_directory.h"
#include "storage/testing/storage_contract.h"

namespace pgcairn::storage {
namespace {

using Names = std::vector<std::string>;

constexpr PublishMethod kMethods[] = {PublishMethod::kUnnamedLink, PublishMethod::kNamedLink,
                                      PublishMethod::kRename};

std::string Said(const Status& status) {
  return status.ok() ? "ok" : fmt::format("code {}", static_cast<int>(status.code()));
}
std::string Said(Code code) { return fmt::format("code {}", static_cast<int>(code)); }

void LimitFileSize(rlim_t bytes) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  CHECK(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
  limit.rlim_cur = bytes;
  CHECK(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

TEST(LocalStorageFaults, AWriteThatStopsShortIsNoSpaceAndLeavesNothing) {
  Bytes content = Pattern(1, 1 << 20);
  for (PublishMethod method : kMethods) {
    ScratchDirectory scratch;
    std::unique_ptr<LocalStorage> storage = scratch.OpenStorage(method);
    ASSERT_TRUE(storage->PutIfAbsent("d/there", AsBytes("x")).ok());
    std::string said = ResultOfChild([&] {
      LimitFileSize(100'000);
      ByteView view(content);
      ByteView parts[] = {view.first(70'000), view.subspan(70'000)};
      std::string first = Said(storage->PutIfAbsent("d/big", std::span<const ByteView>(parts)));
      std::string small = Said(storage->PutIfAbsent("d/small", AsBytes("x")));
      LimitFileSize(0);
      std::string there = Said(storage->PutIfAbsent("d/there", AsBytes("x")));
      LimitFileSize(RLIM_INFINITY);
      return first + ", " + small + ", " + there;
    });
    EXPECT_EQ(said, Said(Code::kNoSpace) + ", ok, " + Said(Code::kAlreadyExists));
    EXPECT_EQ(scratch.Files(), (Names{"d/small", "d/there"}));
    ASSERT_TRUE(storage->PutIfAbsent("d/big", content).ok());
    EXPECT_TRUE(*storage->Get("d/big", content.size()) == content);
  }
}

// What a put says in a child in which one system call fails.
std::string PutWithFault(LocalStorage& storage, const std::string& name, long number, int error,
                         unsigned flags = 0) {
  return ResultOfChild([&]() -> std::string {
    if (!FailSystemCall(number, error, flags)) return "no filter";
    return Said(storage.PutIfAbsent(name, AsBytes("content")));
  });
}

TEST(LocalStorageFaults, NoSpaceAtAnyStepIsNoSpaceAndLeavesNothing) {
  for (PublishMethod method : kMethods) {
    ScratchDirectory scratch;
    std::unique_ptr<LocalStorage> storage = scratch.OpenStorage(method);
    ASSERT_TRUE(storage->PutIfAbsent("d/there", AsBytes("x")).ok());
    for (int error : {ENOSPC, EDQUOT, EFBIG}) {
      for (long number : {SYS_writev, SYS_fsync, SYS_fchmod}) {
        EXPECT_EQ(PutWithFault(*storage, "d/x", number, error), Said(Code::kNoSpace)) << number;
      }
      long publish = method == PublishMethod::kRename ? SYS_renameat2 : SYS_linkat;
      EXPECT_EQ(PutWithFault(*storage, "d/x", publish, error), Said(Code::kNoSpace));
      EXPECT_EQ(PutWithFault(*storage, "d/x", SYS_openat, error, O_WRONLY), Said(Code::kNoSpace));
      EXPECT_EQ(PutWithFault(*storage, "e/x", SYS_mkdirat, error), Said(Code::kNoSpace));
    }
    EXPECT_EQ(scratch.Files(), Names{"d/there"});
    EXPECT_TRUE(storage->PutIfAbsent("d/x", AsBytes("x")).ok());
  }
}

TEST(LocalStorageFaults, AFailedFsyncIsAFailedPut) {
  for (PublishMethod method : kMethods) {
    ScratchDirectory scratch;
    EXPECT_EQ(PutWithFault(*scratch.OpenStorage(method), "x", SYS_fsync, EIO),
              Said(Code::kStorage));
    EXPECT_TRUE(scratch.Files().empty());
  }
}

TEST(LocalStorageFaults, WithoutUnnamedFilesATemporaryNameIsUsed) {
  for (int error : {EOPNOTSUPP, EISDIR, EINVAL}) {
    ScratchDirectory scratch;
    std::unique_ptr<LocalStorage> storage = scratch.OpenStorage();
    EXPECT_EQ(PutWithFault(*storage, "d/x", SYS_openat, error, O_TMPFILE), "ok");
    EXPECT_EQ(scratch.Files(), Names{"d/x"});
  }
}

TEST(LocalStorageFaults, WithoutLinksARenameThatDoesNotOverwriteIsUsed) {
  for (PublishMethod method : {PublishMethod::kUnnamedLink, PublishMethod::kNamedLink}) {
    for (int error : {EPERM, EOPNOTSUPP, ENOSYS, EMLINK}) {
      ScratchDirectory scratch;
      std::unique_ptr<LocalStorage> storage = scratch.OpenStorage(method);
      std::string said = ResultOfChild([&]() -> std::string {
        if (!FailSystemCall(SYS_linkat, error)) return "no filter";
        std::string first = Said(storage->PutIfAbsent("d/x", AsBytes("first")));
        return first + ", " + Said(storage->PutIfAbsent("d/x", AsBytes("second")));
      });
      EXPECT_EQ(said, "ok, " + Said(Code::kAlreadyExists));
      EXPECT_EQ(scratch.Files(), Names{"d/x"});
      EXPECT_EQ(ToString(*storage->Get("d/x", 10)), "first");
    }
  }
}

TEST(LocalStorageFaults, WithNeitherLinksNorSuchARenamePutsAreUnsupported) {
  for (int error : {EINVAL, ENOSYS, EPERM}) {
    ScratchDirectory scratch;
    std::unique_ptr<LocalStorage> storage = scratch.OpenStorage();
    std::string said = ResultOfChild([&]() -> std::string {
      if (!FailSystemCall(SYS_linkat, EPERM) || !FailSystemCall(SYS_renameat2, error)) {
        return "no filter";
      }
      return Said(storage->PutIfAbsent("x", AsBytes("x")));
    });
    EXPECT_EQ(said, Said(Code::kUnsupported));
    EXPECT_TRUE(scratch.Files().empty());
  }
}

TEST(LocalStorageFaults, WithoutOpenat2NamesAreStillFoundAndLinksRefused) {
  for (int error : {ENOSYS, EPERM}) {
    ScratchDirectory scratch;
    std::filesystem::create_symlink("/etc/hostname", scratch.path() + "/link");
    std::filesystem::create_directory_symlink("/etc", scratch.path() + "/etc");
    std::unique_ptr<LocalStorage> storage = scratch.OpenStorage();
    std::string said = ResultOfChild([&]() -> std::string {
      if (!FailSystemCall(SYS_openat2, error)) return "no filter";
      std::string text = Said(storage->PutIfAbsent("a/b/x", AsBytes("content")));
      for (const char* name : {"a/b/x", "a/b/y", "link", "etc/hostname"}) {
        text += ", " + Said(storage->Get(name, 1000).status());
      }
      text += ", " + Said(storage->List("etc").status());
      return text + fmt::format(", {}", storage->List("a/b")->objects.size());
    });
    EXPECT_EQ(said, fmt::format("ok, ok, {}, {}, {}, {}, 1", Said(Code::kNotFound),
                                Said(Code::kRefused), Said(Code::kRefused), Said(Code::kRefused)));
  }
}

TEST(LocalStorageFaults, AFailedReadIsNotAnAbsentObject) {
  ScratchDirectory scratch;
  std::unique_ptr<LocalStorage> storage = scratch.OpenStorage();
  ASSERT_TRUE(storage->PutIfAbsent("d/x", AsBytes("content")).ok());
  struct Case {
    long number;
    int error;
    Code code;
  };
  for (const Case& fault :
       {Case{SYS_openat2, EIO, Code::kStorage}, Case{SYS_openat2, ESTALE, Code::kStorage},
        Case{SYS_openat2, EMFILE, Code::kStorage}, Case{SYS_openat2, EACCES, Code::kPermission},
        Case{SYS_pread64, EIO, Code::kStorage}}) {
    std::string said = ResultOfChild([&]() -> std::string {
      if (!FailSystemCall(fault.number, fault.error)) return "no filter";
      return Said(storage->Get("d/x", 10).status()) + ", " +
             Said(GetRange(*storage, "d/x", 0, 3).status());
    });
    EXPECT_EQ(said, Said(fault.code) + ", " + Said(fault.code));
  }
  std::string said = ResultOfChild([&]() -> std::string {
    if (!FailSystemCall(SYS_getdents64, EIO)) return "no filter";
    return Said(storage->List("d").status());
  });
  EXPECT_EQ(said, Said(Code::kStorage));
}

}  // namespace
}  // namespace pgcairn::storage
