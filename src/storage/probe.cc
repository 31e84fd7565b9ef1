#include "storage/probe.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace pgcairn::storage {
namespace {

constexpr std::string_view kPrefix = "probe-";
constexpr size_t kNameSize = 6 + 32;
constexpr size_t kWriters = 4;
constexpr uint64_t kContentSize = 64;
constexpr int64_t kStaleAfterUs = int64_t{24} * 3600 * 1'000'000;

std::string NewProbeName() {
  std::array<uint8_t, 16> random{};
  CHECK(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  return std::string(kPrefix) + ToHex(random);
}

Error Missing(const Storage& storage, std::string_view what) {
  return {Code::kUnsupported,
          fmt::format("{} is no place for a repository: {}", storage.Describe(), what),
          "use another filesystem or storage service"};
}

// Differs between writers at every place, and between places.
Bytes ContentOf(size_t writer) {
  Bytes content(kContentSize);
  for (size_t i = 0; i < kContentSize; ++i) content[i] = static_cast<uint8_t>(i + 40 * writer);
  return content;
}

// Returns the content that must be stored afterwards.
Result<Bytes> ProvePutIfAbsent(Storage& storage, const std::string& name) {
  std::array<Status, kWriters> answers;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kWriters; ++i) {
    threads.emplace_back([&, i] { answers[i] = storage.PutIfAbsent(name, ContentOf(i)); });
  }
  for (std::thread& thread : threads) thread.join();
  std::optional<size_t> winner;
  for (size_t i = 0; i < kWriters; ++i) {
    if (!answers[i].ok()) {
      if (answers[i].code() != Code::kAlreadyExists) return answers[i].error();
      continue;
    }
    if (winner) return Missing(storage, "two writers stored under one name at the same time");
    winner = i;
  }
  if (!winner) return Missing(storage, "a name that was free is called taken");
  Status again = storage.PutIfAbsent(name, ContentOf(kWriters));
  if (again.ok()) return Missing(storage, "a put under a taken name succeeds");
  if (again.code() != Code::kAlreadyExists) return again.error();
  return ContentOf(*winner);
}

Status ProveReading(Storage& storage, const std::string& name, const Bytes& content) {
  ASSIGN_OR_RETURN(Bytes whole, storage.Get(name, kContentSize));
  if (whole != content) return Missing(storage, "an object was changed by a later put");
  Bytes range(5);
  RETURN_IF_ERROR(storage.GetRange(name, 3, range));
  if (!std::ranges::equal(range, ByteView(content).subspan(3, 5))) {
    return Missing(storage, "a ranged get is not exact");
  }
  ASSIGN_OR_RETURN(ObjectInfo info, storage.Stat(name));
  if (info.size_bytes != kContentSize) return Missing(storage, "the size of an object is wrong");
  return {};
}

bool IsListed(const Listing& listing, const std::string& name) {
  return std::ranges::find(listing.objects, name, &ObjectInfo::name) != listing.objects.end();
}

Status DeleteStaleProbes(Storage& storage, const Listing& listing, Timestamp now) {
  for (const ObjectInfo& object : listing.objects) {
    if (!object.name.starts_with(kPrefix) || object.name.size() != kNameSize) continue;
    if (now.unix_us - object.stored_at.unix_us < kStaleAfterUs) continue;
    RETURN_IF_ERROR(storage.Delete(object.name));
  }
  return {};
}

Status ProveListAndDelete(Storage& storage, const std::string& name) {
  ASSIGN_OR_RETURN(Listing listing, storage.List(""));
  if (!IsListed(listing, name)) return Missing(storage, "a list leaves out what was just stored");
  ASSIGN_OR_RETURN(ObjectInfo info, storage.Stat(name));
  RETURN_IF_ERROR(DeleteStaleProbes(storage, listing, info.stored_at));
  RETURN_IF_ERROR(storage.Delete(name));
  Result<Bytes> gone = storage.Get(name, kContentSize);
  if (gone.ok()) return Missing(storage, "a deleted object can still be read");
  if (gone.code() != Code::kNotFound) return gone.error();
  ASSIGN_OR_RETURN(listing, storage.List(""));
  if (IsListed(listing, name)) return Missing(storage, "a list shows what was deleted");
  return {};
}

}  // namespace

Status ProbeAbilities(Storage& storage) {
  std::string name = NewProbeName();
  auto prove = [&]() -> Status {
    ASSIGN_OR_RETURN(Bytes content, ProvePutIfAbsent(storage, name));
    RETURN_IF_ERROR(ProveReading(storage, name, content));
    return ProveListAndDelete(storage, name);
  };
  Status proven = prove();
  // What was found matters more than whether the scratch object could be removed after it.
  if (!proven.ok()) (void)storage.Delete(name);
  return std::move(proven).Context(fmt::format("testing {}", storage.Describe()));
}

Result<Timestamp> ReadTime(Storage& storage) {
  std::string name = NewProbeName();
  auto read = [&]() -> Result<Timestamp> {
    RETURN_IF_ERROR(storage.PutIfAbsent(name, ContentOf(0)));
    ASSIGN_OR_RETURN(ObjectInfo info, storage.Stat(name));
    RETURN_IF_ERROR(storage.Delete(name));
    return info.stored_at;
  };
  Result<Timestamp> time = read();
  if (!time.ok()) (void)storage.Delete(name);
  return std::move(time).Context(fmt::format("asking {} for its time", storage.Describe()));
}

}  // namespace pgcairn::storage
