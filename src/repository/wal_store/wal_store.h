// The archive of write-ahead log files of one PostgreSQL cluster (docs/format.md, section 9).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "format/wal.pb.h"
#include "repository/cluster_access.h"
#include "repository/header.h"
#include "repository/wal_store/wal_blobs.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

inline constexpr uint64_t kWalFileBytesMax = uint64_t{1} << 30;

enum class PushOutcome {
  kStored,
  kAlreadyStored,  // the same name with the same bytes
};

using DescribeWal = std::function<Result<format::WalInfo>()>;

// A file's bytes without any or all of the zeros at its end.
struct WalContent {
  ByteView bytes;
  uint64_t file_bytes = 0;  // with the zeros
};

struct WalFile {
  Bytes bytes;
  format::WalInfo info;
  ContentIdentity identity;
};

// Names are PostgreSQL's file names; the caller has checked their form. Any number of threads.
class WalStore {
 public:
  // `threads`: how many may work at one file.
  WalStore(const ClusterAccess& cluster, uint64_t system_identifier, size_t threads = 1)
      : cluster_(cluster), system_identifier_(system_identifier), threads_(threads) {}

  // When this returns OK the file is durable. `describe` says what is known of the file; name,
  // size, blobs and identity are filled in afterwards. It is called once, possibly on another
  // thread, while the bytes are sealed; after an error of it nothing is stored. `level` is zstd's.
  // kRefused: the name is taken by other bytes: two servers archive into one place, or a restored
  // copy archives into its origin's.
  Result<PushOutcome> Push(std::string_view name, const WalContent& file,
                           const DescribeWal& describe, int level) const;

  // The file, proven byte for byte, its content identity computed and compared. kNotFound: proven
  // absent.
  Result<WalFile> Fetch(std::string_view name) const;
  // As Fetch, without the bytes: the content identity of a file that is whole. Costs what is stored
  // of it, however long it is.
  Result<ContentIdentity> Prove(std::string_view name) const;
  // The file, proven byte for byte by its seals; the content identity is the one sealed with it and
  // is not computed again. On an error the sink may have got
  // a part of the file.
  Status Read(std::string_view name, const WalSink& sink) const;
  // What is known of the file, without its bytes. kNotFound: proven absent.
  Result<format::WalInfo> ReadInfo(std::string_view name) const;
  // kNotFound: proven absent. The value is compared only: it is not authenticated by itself.
  Result<ContentIdentity> ReadIdentity(std::string_view name) const;
  ContentIdentity IdentityOf(std::string_view name, ByteView file) const;

  // Names of all whole segments (no .partial), in rising order: by timeline, then by place.
  Result<std::vector<std::string>> ListSegments() const;
  // Names of all timeline history files, in rising order.
  Result<std::vector<std::string>> ListHistories() const;

  uint64_t system_identifier() const { return system_identifier_; }

 private:
  std::string ObjectName(std::string_view name) const {
    return cluster_.names.WalFile(system_identifier_, name);
  }

  const ClusterAccess& cluster_;
  uint64_t system_identifier_;
  size_t threads_;
};

}  // namespace pgcairn::repository
