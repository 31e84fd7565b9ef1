// A trial that is told to end leaves nothing behind.
#pragma once

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigset_t

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

#include "commands/trial_directory.h"
#include "util/result.h"

namespace pgcairn::commands {

// While it lives, SIGTERM, SIGINT and SIGHUP (those that are not ignored) end the process only
// after the server of the trial was stopped and its directory removed. To be made before other
// threads are: they take over that the signals are blocked. Programs that are started do not. One
// at a time in a process.
class EndOnSignal {
 public:
  EndOnSignal();
  EndOnSignal(const EndOnSignal&) = delete;
  EndOnSignal& operator=(const EndOnSignal&) = delete;
  // When a signal has come, the process ends here.
  ~EndOnSignal();

  // The trial that is to leave nothing behind; an earlier one is gone. Once a signal has come, none
  // is made any more: this does not return then.
  Result<TrialDirectory> MakeTrial(const std::string& parent);

 private:
  void Wait();

  sigset_t signals_{};
  sigset_t before_{};
  std::mutex mutex_;
  std::string trial_;  // its path
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace pgcairn::commands
