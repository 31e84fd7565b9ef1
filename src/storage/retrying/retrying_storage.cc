#include "storage/retrying/retrying_storage.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

namespace pgcairn::storage {
namespace {

bool MayPass(Code code) { return code == Code::kStorage || code == Code::kConnection; }

double RandomUnit() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

RetryTime RetryTime::Real() {
  return {MonotonicSeconds,
          [](std::chrono::milliseconds delay) { std::this_thread::sleep_for(delay); }};
}

RetryingStorage::RetryingStorage(std::shared_ptr<Storage> inner, RetryPolicy policy, RetryTime time)
    : inner_(std::move(inner)), policy_(policy), time_(std::move(time)) {
  CHECK(policy_.attempts_max >= 1);
  CHECK(policy_.delay_first.count() >= 0 && policy_.delay_longest >= policy_.delay_first);
}

bool RetryingStorage::MayTryAgain(Course& course, const Error& error) {
  if (!MayPass(error.code) || course.attempts >= policy_.attempts_max) return false;
  int64_t longest = policy_.delay_first.count();
  for (int i = 1; i < course.attempts && longest < policy_.delay_longest.count(); ++i) longest *= 2;
  longest = std::min<int64_t>(longest, policy_.delay_longest.count());
  std::chrono::milliseconds delay(
      static_cast<int64_t>(static_cast<double>(longest) * (0.5 + RandomUnit() / 2)));
  double elapsed_ms = (time_.monotonic_seconds() - course.began_seconds) * 1000;
  if (elapsed_ms + static_cast<double>(delay.count()) >
      static_cast<double>(policy_.elapsed_max.count())) {
    return false;
  }
  time_.sleep(delay);
  ++course.attempts;
  return true;
}

Error RetryingStorage::GivenUp(const Course& course, Error error) const {
  if (course.attempts > 1 && MayPass(error.code)) {
    error.message += fmt::format(" (tried {} times)", course.attempts);
  }
  return error;
}

template <typename Call>
auto RetryingStorage::Repeat(const Call& call) -> decltype(call()) {
  Course course = Begin();
  for (;;) {
    auto answer = call();
    if (answer.ok()) return answer;
    if (!MayTryAgain(course, answer.error())) return GivenUp(course, answer.error());
  }
}

Status RetryingStorage::PutIfAbsent(std::string_view name, std::span<const ByteView> parts) {
  Course course = Begin();
  bool perhaps_stored = false;
  for (;;) {
    Status stored = inner_->PutIfAbsent(name, parts);
    if (!stored.ok() && stored.code() == Code::kAlreadyExists && perhaps_stored) {
      Result<bool> ours = HoldsExactly(name, parts);
      if (ours.ok()) return *ours ? Status() : stored;
      // Found and then not found: somebody deleted it meanwhile, so it is put once more.
      Error unread = ours.error();
      if (unread.code == Code::kNotFound) unread.code = Code::kStorage;
      stored = unread;
    }
    if (stored.ok()) return stored;
    if (!MayTryAgain(course, stored.error())) return GivenUp(course, stored.error());
    perhaps_stored = true;
  }
}

Result<bool> RetryingStorage::HoldsExactly(std::string_view name, std::span<const ByteView> parts) {
  uint64_t size = 0;
  for (ByteView part : parts) size += part.size();
  Result<Bytes> content = Repeat([&] { return inner_->Get(name, size); });
  if (!content.ok()) {
    if (content.code() == Code::kDamaged) return false;
    return Error(content.error());
  }
  if (content->size() != size) return false;
  ByteView rest(*content);
  for (ByteView part : parts) {
    if (!std::ranges::equal(part, rest.first(part.size()))) return false;
    rest = rest.subspan(part.size());
  }
  return true;
}

Result<Bytes> RetryingStorage::Get(std::string_view name, uint64_t size_max_bytes) {
  return Repeat([&] { return inner_->Get(name, size_max_bytes); });
}

Status RetryingStorage::GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) {
  return Repeat([&] { return inner_->GetRange(name, offset, into); });
}

Result<ObjectInfo> RetryingStorage::Stat(std::string_view name) {
  return Repeat([&] { return inner_->Stat(name); });
}

Result<Listing> RetryingStorage::List(std::string_view directory) {
  return Repeat([&] { return inner_->List(directory); });
}

Status RetryingStorage::Delete(std::string_view name) {
  return Repeat([&] { return inner_->Delete(name); });
}

std::string RetryingStorage::Describe() const { return inner_->Describe(); }

}  // namespace pgcairn::storage
