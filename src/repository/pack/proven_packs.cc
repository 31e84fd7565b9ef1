#include "repository/pack/proven_packs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "repository/header.h"

namespace pgcairn::repository {
namespace {

Error Refused(std::string_view doing, std::string_view name) {
  return {Code::kRefused,
          fmt::format("{} {}: this view of the storage is for reading", doing, name), ""};
}

Status CheckPackHeader(ByteView pack) {
  Result<ObjectHeader> header = DecodeHeader(pack, ObjectKind::kDataPack);
  if (!header.ok()) header = DecodeHeader(pack, ObjectKind::kMetadataPack);
  RETURN_IF_ERROR(header);
  if (!header->sealed) return Error{Code::kDamaged, "it is plain where it must be sealed", ""};
  return {};
}

}  // namespace

ProvenPacks::ProvenPacks(storage::Storage& inner, ClusterNames names, std::vector<StoredPack> packs,
                         uint64_t memory_bytes_max, std::function<void(uint64_t)> on_read)
    : inner_(inner),
      names_(std::move(names)),
      packs_(std::move(packs)),
      memory_bytes_max_(memory_bytes_max),
      on_read_(std::move(on_read)),
      states_(packs_.size(), State::kUnread) {}

std::optional<size_t> ProvenPacks::Find(const crypto::Sha256Digest& sha256) const {
  auto found = std::lower_bound(packs_.begin(), packs_.end(), sha256,
                                [](const StoredPack& pack, const crypto::Sha256Digest& wanted) {
                                  return pack.sha256 < wanted;
                                });
  if (found == packs_.end() || found->sha256 != sha256) return std::nullopt;
  return static_cast<size_t>(found - packs_.begin());
}

std::optional<size_t> ProvenPacks::FindByName(std::string_view name) const {
  std::optional<crypto::Sha256Digest> sha256 = names_.PackOf(name);
  return sha256 ? Find(*sha256) : std::nullopt;
}

Result<LargeBuffer> ProvenPacks::ReadWhole(size_t index) {
  const StoredPack& listed = packs_[index];
  std::string name = NameOf(index);
  if (listed.length > kPackBytesMax) {
    return Error{Code::kDamaged, fmt::format("{} is listed with an impossible length", name), ""};
  }
  ASSIGN_OR_RETURN(storage::ObjectInfo info, inner_.Stat(name));
  if (info.size_bytes != listed.length) {
    return Error{Code::kDamaged,
                 fmt::format("{} has {} bytes instead of {}", name, info.size_bytes, listed.length),
                 ""};
  }
  LargeBuffer pack(listed.length);
  RETURN_IF_ERROR(inner_.GetRange(name, 0, pack.bytes()));
  on_read_(listed.length);
  if (crypto::Sha256(pack.view()) != listed.sha256) {
    return Error{Code::kDamaged, fmt::format("the SHA-256 of {} is not its name", name), ""};
  }
  RETURN_IF_ERROR(CheckPackHeader(pack.view()).Context("reading " + name));
  return pack;
}

uint64_t ProvenPacks::MemoryOf(size_t index) const {
  return LargeBuffer::MemoryOf(std::min<uint64_t>(packs_[index].length, kPackBytesMax));
}

// Waits until `bytes` more may be taken. One pack larger than the limit is let through alone.
void ProvenPacks::MakeRoom(std::unique_lock<std::mutex>& lock, uint64_t bytes) {
  while (used_bytes_ > 0 && used_bytes_ + bytes > memory_bytes_max_) {
    auto oldest = kept_.end();
    for (auto it = kept_.begin(); it != kept_.end(); ++it) {
      if (it->second.users > 0) continue;
      if (oldest == kept_.end() || it->second.last_use < oldest->second.last_use) oldest = it;
    }
    if (oldest == kept_.end()) {
      changed_.wait(lock);
    } else {
      used_bytes_ -= MemoryOf(oldest->first);
      kept_.erase(oldest);
    }
  }
}

Result<ProvenPacks::Kept*> ProvenPacks::Acquire(size_t index) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return states_[index] != State::kReading; });
  if (states_[index] == State::kBad) return problems_.at(index);
  if (states_[index] == State::kGood) {
    auto found = kept_.find(index);
    if (found == kept_.end()) return static_cast<Kept*>(nullptr);
    found->second.last_use = ++clock_;
    ++found->second.users;
    return &found->second;
  }
  states_[index] = State::kReading;
  MakeRoom(lock, MemoryOf(index));
  used_bytes_ += MemoryOf(index);
  lock.unlock();
  Result<LargeBuffer> pack = ReadWhole(index);
  lock.lock();
  changed_.notify_all();
  if (!pack.ok()) {
    used_bytes_ -= MemoryOf(index);
    states_[index] = State::kBad;
    problems_.emplace(index, pack.error());
    return pack.error();
  }
  states_[index] = State::kGood;
  Kept& kept = kept_[index];
  kept = {std::move(*pack), ++clock_, 1};
  return &kept;
}

void ProvenPacks::Release(Kept* kept) {
  std::lock_guard lock(mutex_);
  --kept->users;
  changed_.notify_all();
}

Status ProvenPacks::Prove(size_t index) {
  ASSIGN_OR_RETURN(Kept * kept, Acquire(index));
  if (kept == nullptr) return {};
  std::lock_guard lock(mutex_);
  changed_.notify_all();
  if (--kept->users > 0) return {};
  used_bytes_ -= MemoryOf(index);
  kept_.erase(index);
  return {};
}

std::optional<Error> ProvenPacks::ProblemOf(size_t index) const {
  std::lock_guard lock(mutex_);
  auto found = problems_.find(index);
  if (found == problems_.end()) return std::nullopt;
  return found->second;
}

bool ProvenPacks::IsBad(const crypto::Sha256Digest& sha256) const {
  return IsIn(State::kBad, sha256);
}

bool ProvenPacks::IsGood(const crypto::Sha256Digest& sha256) const {
  return IsIn(State::kGood, sha256);
}

bool ProvenPacks::IsIn(State state, const crypto::Sha256Digest& sha256) const {
  std::optional<size_t> index = Find(sha256);
  if (!index) return false;
  std::lock_guard lock(mutex_);
  return states_[*index] == state;
}

Status ProvenPacks::PutIfAbsent(std::string_view name, std::span<const ByteView>) {
  return Refused("storing", name);
}

Status ProvenPacks::Delete(std::string_view name) { return Refused("deleting", name); }

Result<Bytes> ProvenPacks::Get(std::string_view name, uint64_t size_max_bytes) {
  return inner_.Get(name, size_max_bytes);
}

Status ProvenPacks::GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) {
  std::optional<size_t> index = FindByName(name);
  if (!index) return inner_.GetRange(name, offset, into);
  ASSIGN_OR_RETURN(Kept * kept, Acquire(*index));
  if (kept == nullptr) return inner_.GetRange(name, offset, into);
  ByteView pack = kept->pack.view();
  const size_t size = pack.size();
  const bool fits = offset <= size && into.size() <= size - offset;
  if (fits) std::ranges::copy(pack.subspan(offset, into.size()), into.begin());
  Release(kept);
  if (fits) return {};
  return Error{Code::kDamaged,
               fmt::format("reading {} bytes at {} of {}: it has only {} bytes", into.size(),
                           offset, name, size),
               ""};
}

Result<storage::ObjectInfo> ProvenPacks::Stat(std::string_view name) { return inner_.Stat(name); }

Result<storage::Listing> ProvenPacks::List(std::string_view directory) {
  return inner_.List(directory);
}

std::string ProvenPacks::Describe() const { return inner_.Describe(); }

}  // namespace pgcairn::repository
