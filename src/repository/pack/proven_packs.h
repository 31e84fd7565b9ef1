// Serves packs that were proven whole: each is read once, hashed, and kept while there is room.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "repository/names.h"
#include "repository/pack/pack_reference.h"
#include "storage/storage.h"
#include "util/large_buffer.h"
#include "util/result.h"

namespace pgcairn::repository {

// A view of a storage in which ranges of the packs that a reference list names are handed out only
// when the pack's length is the list's and its SHA-256 its name; all else is read as it is. Writes
// are kRefused.
//
// The first range of a pack fetches all of it. Later ones are served from memory while it is kept,
// then by themselves. Memory: `memory_bytes_max` for whole packs, at least one; 48 bytes for each
// pack of the list. Any number of threads; one waits while another reads the pack that it needs,
// and while there is no room.
class ProvenPacks : public storage::Storage {
 public:
  // `packs` in rising order, each once. `on_read` gets the bytes of packs as they are read, from
  // any thread. `inner` outlives this.
  ProvenPacks(storage::Storage& inner, ClusterNames names, std::vector<StoredPack> packs,
              uint64_t memory_bytes_max, std::function<void(uint64_t)> on_read);

  const std::vector<StoredPack>& packs() const { return packs_; }
  std::string NameOf(size_t index) const { return names_.Pack(packs_[index].sha256); }

  // Proves the pack unless that was done; its bytes are not kept.
  Status Prove(size_t index);
  // What is wrong with it, as far as it was read.
  std::optional<Error> ProblemOf(size_t index) const;
  // The place in packs(); nothing when the pack is not listed.
  std::optional<size_t> Find(const crypto::Sha256Digest& sha256) const;
  // Both are false for packs that are not listed and those that nobody read yet.
  bool IsBad(const crypto::Sha256Digest& sha256) const;
  bool IsGood(const crypto::Sha256Digest& sha256) const;

  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override;
  Status Delete(std::string_view name) override;
  Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) override;
  Status GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) override;
  Result<storage::ObjectInfo> Stat(std::string_view name) override;
  Result<storage::Listing> List(std::string_view directory) override;
  std::string Describe() const override;

 private:
  enum class State : uint8_t { kUnread, kReading, kGood, kBad };
  struct Kept {
    LargeBuffer pack;
    uint64_t last_use = 0;
    uint32_t users = 0;
  };

  bool IsIn(State state, const crypto::Sha256Digest& sha256) const;
  std::optional<size_t> FindByName(std::string_view name) const;
  // Returns with the pack in memory and in use (Release ends that), or nullptr when it was proven
  // before and is no longer kept.
  Result<Kept*> Acquire(size_t index);
  void Release(Kept* kept);
  uint64_t MemoryOf(size_t index) const;
  void MakeRoom(std::unique_lock<std::mutex>& lock, uint64_t bytes);
  Result<LargeBuffer> ReadWhole(size_t index);

  storage::Storage& inner_;
  const ClusterNames names_;
  const std::vector<StoredPack> packs_;
  const uint64_t memory_bytes_max_;
  const std::function<void(uint64_t)> on_read_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<State> states_;
  std::map<size_t, Error> problems_;
  std::map<size_t, Kept> kept_;
  uint64_t used_bytes_ = 0;  // of what is kept and being read
  uint64_t clock_ = 0;
};

}  // namespace pgcairn::repository
