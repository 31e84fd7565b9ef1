// The contract of a place that keeps objects.
//
// An object is a named, immutable run of bytes. Names are relative paths of components joined by
// '/'; a component has 1 to 200 characters of [A-Za-z0-9._@+-], does not begin with '.' or '-' and
// is not "lost+found" (ext4 makes it in the root of a disk); a whole name has at most 900
// characters (S3 allows 1024, and its users want a prefix). Every method answers kRefused to any
// other name. No name may be a directory of another name: callers never ask for it, and a storage
// that notices answers kRefused.
//
// Every implementation runs the test-suite in storage/testing/storage_contract.h.
//
// Threads: every method may be called from many threads at once, on the same object too.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "util/bytes.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::storage {

struct ObjectInfo {
  std::string name;  // the whole name, from the root of the storage
  uint64_t size_bytes = 0;
  // By the storage's own clock, at its resolution: a moment between the start of the put and its
  // return. Never changes.
  Timestamp stored_at;
};

// What lies directly in one directory of names; both sorted by name (bytewise).
struct Listing {
  std::vector<ObjectInfo> objects;
  // Whole names, without a trailing '/'. One whose last object was deleted may still be here.
  std::vector<std::string> directories;
};

class Storage {
 public:
  virtual ~Storage() = default;

  // Stores the concatenation of `parts` under `name` unless that name is taken. Directories need
  // not be made beforehand. No parts, or only empty ones, make an empty object.
  // OK: the object is whole and durable, and every later read on any host sees it.
  // kAlreadyExists: the name was taken; what is stored there is whole, durable and unchanged.
  // kNoSpace: no room. kUnsupported: this storage cannot put without the risk of overwriting.
  // After any other error than kAlreadyExists the object is either absent or whole, never partial;
  // which of the two is not known.
  virtual Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) = 0;

  // The whole object. kNotFound: proven absent. kDamaged: longer than `size_max_bytes`.
  virtual Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) = 0;

  // Fills `into`, which the caller keeps, with the bytes from `offset` on; empty is a valid length.
  // kNotFound: proven absent. kDamaged: the object ends before `into` is full. After an error
  // nothing is known of what `into` holds.
  virtual Status GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) = 0;

  // kNotFound: proven absent.
  virtual Result<ObjectInfo> Stat(std::string_view name) = 0;

  // What lies directly in `directory` ("" is the root). An absent directory is an empty listing.
  // Everything whose put returned before the call began is in it. Names that no PutIfAbsent made
  // (temporary files of a crashed run, for one) are not.
  virtual Result<Listing> List(std::string_view directory) = 0;

  // OK also when the object is absent already. Durable when it returns OK.
  virtual Status Delete(std::string_view name) = 0;

  // For messages: "directory /srv/backup". No secrets.
  virtual std::string Describe() const = 0;

  Status PutIfAbsent(std::string_view name, ByteView bytes) {
    return PutIfAbsent(name, std::span<const ByteView>(&bytes, 1));
  }
};

// False for names outside the contract above.
bool IsValidObjectName(std::string_view name);

// kRefused, naming the rule, when IsValidObjectName is false.
Status CheckObjectName(std::string_view name);
// The same for the argument of List, where "" is the root.
Status CheckDirectoryName(std::string_view directory);

}  // namespace pgcairn::storage
