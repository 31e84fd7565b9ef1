#include "repository/lease/process_identity.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "util/result.h"

namespace pgcairn::repository {
namespace {

// A child that waits; its identity is what it says of itself.
class Child {
 public:
  Child() {
    std::array<int, 2> pipe{};
    CHECK(::pipe(pipe.data()) == 0);
    pid_ = ::fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
      std::string text = ThisProcess().SerializeAsString();
      CHECK(::write(pipe[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
      ::close(pipe[1]);
      for (;;) ::pause();
    }
    ::close(pipe[1]);
    std::string text(4096, '\0');
    ssize_t size = ::read(pipe[0], text.data(), text.size());
    ::close(pipe[0]);
    CHECK(size > 0 && identity_.ParseFromString(text.substr(0, static_cast<size_t>(size))));
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { Reap(); }

  const format::ProcessIdentity& identity() const { return identity_; }
  void Send(int signal) const { ::kill(pid_, signal); }
  void WaitWithoutReaping() const {
    siginfo_t info{};
    CHECK(::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) == 0);
  }
  void Reap() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  format::ProcessIdentity identity_;
};

TEST(ProcessIdentity, OfThisProcessIsWholeAndAlive) {
  format::ProcessIdentity here = ThisProcess();
  EXPECT_FALSE(here.host().empty());
  EXPECT_EQ(here.boot_id().size(), 36u);
  EXPECT_NE(here.process_id_space(), 0u);
  EXPECT_NE(here.process_start_ticks(), 0u);
  EXPECT_EQ(LifeOf(here), Life::kAlive);
}

TEST(ProcessIdentity, AStoppedProcessIsAlive) {
  Child child;
  child.Send(SIGSTOP);
  EXPECT_EQ(LifeOf(child.identity()), Life::kAlive);
}

TEST(ProcessIdentity, AnEndedProcessIsDeadAlsoBeforeItIsReaped) {
  Child child;
  child.Send(SIGKILL);
  child.WaitWithoutReaping();
  EXPECT_EQ(LifeOf(child.identity()), Life::kDead);
  child.Reap();
  EXPECT_EQ(LifeOf(child.identity()), Life::kDead);
}

TEST(ProcessIdentity, AnotherProcessWithTheSameNumberIsNotIt) {
  format::ProcessIdentity before = ThisProcess();
  before.set_process_start_ticks(before.process_start_ticks() - 1);
  EXPECT_EQ(LifeOf(before), Life::kDead);
}

TEST(ProcessIdentity, WhatRanBeforeTheLastBootIsDead) {
  format::ProcessIdentity here = ThisProcess();
  here.set_machine("a container may have none");
  format::ProcessIdentity before = here;
  before.set_boot_id("00000000-0000-0000-0000-000000000000");
  EXPECT_EQ(LifeOf(before, here), Life::kDead);
}

TEST(ProcessIdentity, WithoutAMachineIdAnotherBootMayBeAnotherHosts) {
  format::ProcessIdentity here = ThisProcess();
  here.clear_machine();
  format::ProcessIdentity before = here;
  EXPECT_EQ(LifeOf(before, here), Life::kAlive);
  before.set_boot_id("00000000-0000-0000-0000-000000000000");
  EXPECT_EQ(LifeOf(before, here), Life::kUnknown);
}

TEST(ProcessIdentity, NothingIsKnownOfOtherHostsAndOtherSpaces) {
  Child child;
  child.Send(SIGKILL);
  child.Reap();
  auto expect_unknown = [&](auto change) {
    format::ProcessIdentity identity = child.identity();
    change(identity);
    EXPECT_EQ(LifeOf(identity), Life::kUnknown) << identity.host();
  };
  expect_unknown([](auto& identity) { identity.set_host("elsewhere"); });
  expect_unknown([](auto& identity) { identity.set_host(""); });
  expect_unknown([](auto& identity) { identity.set_machine("another one"); });
  expect_unknown([](auto& identity) { identity.set_boot_id(""); });
  expect_unknown([](auto& identity) { identity.set_process_id_space(1); });
  expect_unknown([](auto& identity) { identity.set_process_id_space(0); });
  expect_unknown([](auto& identity) { identity.set_process_start_ticks(0); });
  expect_unknown([](auto& identity) { identity.set_process_id(0); });
}

}  // namespace
}  // namespace pgcairn::repository
