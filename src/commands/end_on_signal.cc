#include "commands/end_on_signal.h"

#include <unistd.h>

#include <ctime>

#include "util/log.h"

namespace pgcairn::commands {

EndOnSignal::EndOnSignal() {
  ::sigemptyset(&signals_);
  for (int number : {SIGTERM, SIGINT, SIGHUP}) {
    struct sigaction action {};
    // nohup
    if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) continue;
    ::sigaddset(&signals_, number);
  }
  ::pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  thread_ = std::thread([this] { Wait(); });
}

EndOnSignal::~EndOnSignal() {
  over_ = true;
  thread_.join();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

Result<TrialDirectory> EndOnSignal::MakeTrial(const std::string& parent) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(TrialDirectory trial, TrialDirectory::Make(parent));
  trial_ = trial.path();
  return trial;
}

void EndOnSignal::Wait() {
  constexpr timespec kTurn{0, 50'000'000};
  while (!over_) {
    const int number = ::sigtimedwait(&signals_, nullptr, &kTurn);
    if (number < 0) continue;
    // Held until the end: nobody begins another trial.
    std::lock_guard lock(mutex_);
    LogWarning("ended by signal {}", number);
    if (!trial_.empty()) DiscardTrial(trial_);
    ::signal(number, SIG_DFL);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    ::kill(::getpid(), number);
    // Blocked elsewhere, it is delivered to this thread, now or very soon.
    for (;;) ::pause();
  }
}

}  // namespace pgcairn::commands
