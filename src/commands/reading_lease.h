// Keeps a backup from being deleted while it is read.
#pragma once

#include <string>

#include "format/runs.pb.h"
#include "repository/cluster_access.h"
#include "util/result.h"

namespace pgcairn::commands {

// Holds a lease from Take until it is destroyed. Where the storage takes no writes there is none,
// which a debug message says: whoever reads copes with what is deleted, as everything that is read
// is proven.
// Not for two threads at once.
class ReadingLease {
 public:
  // `base`: the backup that is read; empty: all. The storage of `cluster` outlives the lease.
  // kNotFound: the backup was deleted meanwhile. A prune that means to delete it is a warning:
  // reading it can succeed, and may be somebody's last hope.
  static Result<ReadingLease> Take(const repository::ClusterAccess& cluster,
                                   format::Lease::Kind kind, const std::string& base);

  ReadingLease(ReadingLease&& other) noexcept;
  ReadingLease& operator=(ReadingLease&&) = delete;
  ~ReadingLease();

 private:
  ReadingLease(storage::Storage& storage, std::string object);

  storage::Storage* storage_;
  std::string object_;  // empty: there is no lease
};

}  // namespace pgcairn::commands
