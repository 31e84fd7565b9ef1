#include "commands/verify_needs.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgcairn::commands {

using repository::PackReference;
using repository::StoredPack;

void NeededPacks::Blame(const std::string& object, const Error& error) {
  findings_.Add(object, error, {check_.manifest.backup_id()});
}

void NeededPacks::BlameManifest(const Error& error) {
  Blame(check_.cluster.names.Manifest(check_.manifest.backup_id()), error);
}

void NeededPacks::BlamePack(const PackReference& pack, const Error& error) {
  const bool bad = check_.packs.IsBad(pack.sha256);
  if (bad && check_.references != nullptr) return;
  const Error& whole = bad ? *check_.packs.ProblemOf(*check_.packs.Find(pack.sha256)) : error;
  Blame(check_.cluster.names.Pack(pack.sha256), whole);
}

bool NeededPacks::IsToBeRead(const PackReference& pack) const {
  return check_.only_in == nullptr ||
         std::ranges::binary_search(*check_.only_in, pack.sha256, {}, &StoredPack::sha256);
}

void NeededPacks::RequireListed(const StoredPack& pack) {
  if (check_.references == nullptr) return;
  auto found = std::ranges::lower_bound(*check_.references, pack.sha256, {}, &StoredPack::sha256);
  const bool listed = found != check_.references->end() && found->sha256 == pack.sha256;
  if (listed && found->length == pack.length) return;
  const std::string list = check_.cluster.names.References(check_.manifest.backup_id());
  Blame(list, Damaged(fmt::format("{} {} the pack {}, which the backup needs", list,
                                  listed ? "states another length of" : "does not name",
                                  pack.sha256.ToHex())));
}

void NeededPacks::RequireStated(const OpenedList& list, size_t leaf, const StoredPack& pack) {
  RequireListed(pack);
  const repository::LeafNeeds& needs = list.list.needs[leaf];
  const bool stated =
      std::ranges::any_of(needs.uses,
                          [&](const repository::LeafUse& use) {
                            return list.list.data_packs[use.pack].sha256 == pack.sha256;
                          }) ||
      (needs.base_pack != repository::kNoPack &&
       list.list.packs[needs.base_pack].sha256 == pack.sha256);
  if (stated) return;
  BlamePack(list.pack,
            Damaged(fmt::format("a stream list does not state that a leaf needs the pack {}",
                                pack.sha256.ToHex())));
}

void NeededPacks::Require(const OpenedList& list, size_t leaf, const PackReference& pack,
                          LeafProof& proof) {
  RequireStated(list, leaf, {pack.sha256, pack.length});
  std::optional<size_t> index = check_.packs.Find(pack.sha256);
  proof.whole = proof.whole && index.has_value();
  if (index) proof.leaf.packs.push_back(static_cast<uint32_t>(*index));
}

std::optional<ProvenLeaf> NeededPacks::FindProven(const OpenedList& list, size_t leaf,
                                                  uint64_t identity) {
  std::optional<ProvenLeaf> proven = check_.proven.Find(identity);
  if (proven) {
    for (uint32_t pack : proven->packs) RequireStated(list, leaf, check_.packs.packs()[pack]);
  }
  return proven;
}

}  // namespace pgcairn::commands
