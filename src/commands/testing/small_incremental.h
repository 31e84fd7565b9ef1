// A backup that shares most of its packs and leaves with the second of a SmallRepository.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "commands/testing/small_repository.h"
#include "format/manifest.pb.h"
#include "repository/map/map_leaf.h"
#include "repository/map/stream_list.h"
#include "repository/pack/pack_reference.h"

namespace pgcairn::commands::testing {

struct SmallIncremental {
  format::Manifest manifest;
  std::vector<repository::StoredPack> packs;   // all that it needs
  std::vector<repository::StoredPack> shared;  // of them, the second backup's
  repository::StoredPack data;                 // the others: units, leaves, the stream list
  repository::StoredPack leaves;
  repository::StoredPack list;
  repository::StoredPack shared_leaves;  // the second backup's pack of leaves
};

struct IncrementalChanges {
  // Block 3 of base/5/16384 is another page: its leaf is written anew and refers to packs of both
  // backups. Without it all leaves of the second backup are shared.
  bool change_page = false;
  // The same as a patch on that leaf.
  bool as_patch = false;
  // A leaf that is written as if its writer had a fault.
  std::function<void(repository::MapLeaf&)> edit_leaf = [](repository::MapLeaf&) {};
  // A list that is written as if its writer had a fault; its last leaf is the new file's.
  std::function<void(repository::StreamList&)> edit_list = [](repository::StreamList&) {};
  // Whether the reference list names the packs of the second backup that are needed.
  bool list_shared = true;
};

// Commits it as `id`, based on the second backup. It has one file more, base/5/20000 of two pages.
SmallIncremental CommitIncremental(SmallRepository& repository, const std::string& id,
                                   const IncrementalChanges& changes = {});

}  // namespace pgcairn::commands::testing
