// A storage that misbehaves on request, for tests of what lies above it.
//
// Header only, so that the tests of every layer can use it:
//   auto faulty = std::make_shared<FaultyStorage>(std::make_shared<MemoryStorage>());
//   faulty->Add({.request = Request::kPut, .name_contains = "packs/", .nth = 3,
//                .effect = FaultEffect::kCrashAfter});
// A test that tries every place of a run adds {.nth = n, .effect = kCrashBefore or kCrashAfter} for
// n = 1, 2, ... until a run ends with crashed() false.
//
// Threads: all methods may be called from many threads. Which call is the n-th is settled in the
// order of arrival; hooks run without a lock.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/request.h"
#include "storage/storage.h"

namespace pgcairn::storage {

enum class FaultEffect {
  kFailBefore,   // an error, and nothing was done
  kFailAfter,    // an error, although it was done: the reply was lost
  kRunHook,      // `hook` runs first (it may wait, or act as another host); then the call goes on
  kCrashBefore,  // as if the process ended before the request was sent, see OnCrash
  kCrashAfter,   // as if it ended after the request was carried out, before the reply
};

struct Fault {
  std::optional<Request> request = std::nullopt;  // every kind when absent
  std::string name_contains = {};                 // every name when empty
  uint64_t nth = 1;    // the first call to disturb, among those that match
  uint64_t times = 1;  // how many calls from there on
  FaultEffect effect = FaultEffect::kFailBefore;
  Code code = Code::kStorage;            // of kFailBefore and kFailAfter
  std::function<void()> hook = nullptr;  // of kRunHook
};

class FaultyStorage : public Storage {
 public:
  explicit FaultyStorage(std::shared_ptr<Storage> inner) : inner_(std::move(inner)) {}

  // When several faults meet one call, the one added first acts; all of them count the call.
  void Add(Fault fault) {
    std::lock_guard lock(mutex_);
    rules_.push_back({std::move(fault), 0});
  }

  // From now on a call that no fault meets fails with this probability, with kStorage, before or
  // after its effect. The same seed disturbs the same calls of the same sequence.
  void FailAtRandom(uint64_t seed, double share) {
    std::lock_guard lock(mutex_);
    generator_.emplace(seed);
    random_share_ = share;
  }

  // What a crash does besides leaving this storage dead (every later call does nothing and is
  // kCancelled): in a forked child, for one, [] { ::raise(SIGKILL); }.
  void OnCrash(std::function<void()> on_crash) {
    std::lock_guard lock(mutex_);
    on_crash_ = std::move(on_crash);
  }

  bool crashed() const {
    std::lock_guard lock(mutex_);
    return crashed_;
  }
  // Calls that arrived before the crash, disturbed ones too.
  uint64_t calls() const {
    std::lock_guard lock(mutex_);
    return calls_;
  }

  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override {
    return Disturb(Request::kPut, name, [&] { return inner_->PutIfAbsent(name, parts); });
  }
  Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) override {
    return Disturb(Request::kGet, name, [&] { return inner_->Get(name, size_max_bytes); });
  }
  Status GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) override {
    return Disturb(Request::kGetRange, name, [&] { return inner_->GetRange(name, offset, into); });
  }
  Result<ObjectInfo> Stat(std::string_view name) override {
    return Disturb(Request::kStat, name, [&] { return inner_->Stat(name); });
  }
  Result<Listing> List(std::string_view directory) override {
    return Disturb(Request::kList, directory, [&] { return inner_->List(directory); });
  }
  Status Delete(std::string_view name) override {
    return Disturb(Request::kDelete, name, [&] { return inner_->Delete(name); });
  }
  std::string Describe() const override { return inner_->Describe(); }

 private:
  struct Rule {
    Fault fault;
    uint64_t matched;
  };

  template <typename Call>
  auto Disturb(Request request, std::string_view name, const Call& call) -> decltype(call()) {
    std::optional<Fault> fault = NextFault(request, name);
    if (!fault) {
      if (crashed()) return CrashError(name);
      return call();
    }
    switch (fault->effect) {
      case FaultEffect::kFailBefore:
        return FaultError(*fault, name);
      case FaultEffect::kFailAfter:
        (void)call();
        return FaultError(*fault, name);
      case FaultEffect::kRunHook:
        fault->hook();
        return call();
      case FaultEffect::kCrashBefore:
        return Crash(name);
      case FaultEffect::kCrashAfter:
        (void)call();
        return Crash(name);
    }
    return call();
  }

  std::optional<Fault> NextFault(Request request, std::string_view name) {
    std::lock_guard lock(mutex_);
    if (crashed_) return std::nullopt;
    ++calls_;
    std::optional<Fault> found;
    for (Rule& rule : rules_) {
      const Fault& fault = rule.fault;
      if (fault.request && *fault.request != request) continue;
      if (name.find(fault.name_contains) == std::string_view::npos) continue;
      ++rule.matched;
      bool due = rule.matched >= fault.nth && rule.matched - fault.nth < fault.times;
      if (due && !found) found = fault;
    }
    if (found || !generator_) return found;
    std::uniform_real_distribution<double> unit(0, 1);
    double draw = unit(*generator_);
    bool after = unit(*generator_) < 0.5;
    if (draw >= random_share_) return std::nullopt;
    Fault random;
    random.effect = after ? FaultEffect::kFailAfter : FaultEffect::kFailBefore;
    return random;
  }

  Error Crash(std::string_view name) {
    std::function<void()> on_crash;
    {
      std::lock_guard lock(mutex_);
      crashed_ = true;
      on_crash = on_crash_;
    }
    if (on_crash) on_crash();
    return CrashError(name);
  }

  static Error CrashError(std::string_view name) {
    return {Code::kCancelled, fmt::format("{}: crashed by the test", name), ""};
  }
  static Error FaultError(const Fault& fault, std::string_view name) {
    return {fault.code, fmt::format("{}: failed by the test", name), ""};
  }

  const std::shared_ptr<Storage> inner_;
  mutable std::mutex mutex_;
  std::vector<Rule> rules_;
  std::function<void()> on_crash_;
  std::optional<std::mt19937_64> generator_;  // set by FailAtRandom
  double random_share_ = 0;
  uint64_t calls_ = 0;
  bool crashed_ = false;
};

}  // namespace pgcairn::storage
