// WAL that prunes deleted on purpose, by the records that they left: that it is missing is no loss.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "commands/archive.h"
#include "postgres/lsn.h"
#include "repository/cluster_access.h"
#include "repository/notes/note_store.h"
#include "util/result.h"

namespace pgcairn::commands {

class DeletedWal {
 public:
  // Of one PostgreSQL cluster. A record that cannot be read says nothing: what it names counts as
  // lost.
  static Result<DeletedWal> Read(const repository::ClusterAccess& cluster,
                                 postgres::SystemIdentifier system, uint64_t segment_bytes);
  static DeletedWal Of(const repository::Deletions& deletions, postgres::SystemIdentifier system,
                       uint64_t segment_bytes);

  bool Holds(postgres::WalSegment segment) const;
  // What nobody deleted of a gap, in order.
  std::vector<Archive::Gap> LostOf(const Archive::Gap& gap) const;

 private:
  void Add(postgres::TimelineId timeline, uint64_t first, uint64_t last);

  // From the first to the last number of each run; runs neither touch nor overlap.
  std::map<postgres::TimelineId, std::map<uint64_t, uint64_t>> runs_;
};

}  // namespace pgcairn::commands
