// Which packs one backup needs, and whom to blame when one is not as it should be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "commands/proven_leaves.h"
#include "commands/verify_report.h"
#include "commands/verify_streams.h"
#include "repository/map/stream_list.h"
#include "repository/pack/pack_reference.h"
#include "util/result.h"

namespace pgcairn::commands {

// A stream list, and the pack that it lies in.
struct OpenedList {
  repository::StreamList list;
  repository::PackReference pack;
};

// What proving one leaf has found so far.
struct LeafProof {
  bool whole = true;  // no unit was found wrong, and all packs that they need are listed
  ProvenLeaf leaf;
};

// Any thread.
class NeededPacks {
 public:
  // Both outlive it.
  NeededPacks(const StreamCheck& check, Findings& findings) : check_(check), findings_(findings) {}

  void BlameManifest(const Error& error);
  // A pack that is bad as a whole is reported once, for all whose list names it.
  void BlamePack(const repository::PackReference& pack, const Error& error);

  bool IsToBeRead(const repository::PackReference& pack) const;

  // The reference list must name it, with its length: pruning goes by that.
  void RequireListed(const repository::StoredPack& pack);
  void RequireListed(const repository::PackReference& pack) {
    RequireListed(repository::StoredPack{pack.sha256, pack.length});
  }
  // A pack that the units of a leaf were found to need. The stream list must state it too, because
  // the next backup goes by what that says.
  void Require(const OpenedList& list, size_t leaf, const repository::PackReference& pack,
               LeafProof& proof);
  // What was proven for another backup; what this one says of it was not, and is looked at here.
  std::optional<ProvenLeaf> FindProven(const OpenedList& list, size_t leaf, uint64_t identity);

 private:
  void Blame(const std::string& object, const Error& error);
  void RequireStated(const OpenedList& list, size_t leaf, const repository::StoredPack& pack);

  const StreamCheck& check_;
  Findings& findings_;
};

}  // namespace pgcairn::commands
