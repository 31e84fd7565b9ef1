// Repeats requests that failed for reasons which may pass (kStorage, kConnection).
//
// A put whose reply was lost is the delicate case: repeated, it finds its own object. So when a
// put meets kAlreadyExists after such a failure, what is stored is read back and compared; equal
// bytes are OK. OK then means that these bytes are stored and durable under the name; it does not
// prove that no other writer of the same bytes was first. Who must know that (locks) puts something
// unique into the bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "storage/storage.h"

namespace pgcairn::storage {

struct RetryPolicy {
  int attempts_max = 5;  // the first one counts; at least 1
  // Before the second attempt; doubled each time up to the longest. A random share of up to a half
  // is taken off each delay, so that many hosts do not come back at the same moment.
  std::chrono::milliseconds delay_first{100};
  std::chrono::milliseconds delay_longest{10'000};
  // No attempt begins later than this after the first one began.
  std::chrono::milliseconds elapsed_max{60'000};
};

// What retrying needs of the world; called from many threads at once.
struct RetryTime {
  std::function<double()> monotonic_seconds;
  std::function<void(std::chrono::milliseconds)> sleep;

  static RetryTime Real();
};

class RetryingStorage : public Storage {
 public:
  RetryingStorage(std::shared_ptr<Storage> inner, RetryPolicy policy,
                  RetryTime time = RetryTime::Real());

  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override;
  Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) override;
  Status GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) override;
  Result<ObjectInfo> Stat(std::string_view name) override;
  Result<Listing> List(std::string_view directory) override;
  Status Delete(std::string_view name) override;
  std::string Describe() const override;

 private:
  // One request: when it began and how often it was sent.
  struct Course {
    double began_seconds;
    int attempts = 1;
  };
  Course Begin() const { return {time_.monotonic_seconds()}; }
  // Sleeps and returns true when `error` may pass and the policy allows one more attempt.
  bool MayTryAgain(Course& course, const Error& error);
  Error GivenUp(const Course& course, Error error) const;
  template <typename Call>
  auto Repeat(const Call& call) -> decltype(call());
  Result<bool> HoldsExactly(std::string_view name, std::span<const ByteView> parts);

  const std::shared_ptr<Storage> inner_;
  const RetryPolicy policy_;
  const RetryTime time_;
};

}  // namespace pgcairn::storage
