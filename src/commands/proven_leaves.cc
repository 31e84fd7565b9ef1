#include "commands/proven_leaves.h"

#include <utility>

#include "crypto/sha256.h"

namespace pgcairn::commands {

uint64_t LeafIdentity(const repository::StreamList& list, size_t leaf, ByteView meaning) {
  repository::TableBlob at = list.leaves[leaf];
  Bytes text;
  Append(text, list.packs[at.pack].sha256.view());
  at.pack = 0;
  repository::AppendTableBlob(text, at);
  Append(text, meaning);
  return LoadLe<uint64_t>(crypto::Sha256(text).bytes.data());
}

void ProvenLeaves::BeginBackup() {
  std::lock_guard lock(mutex_);
  leaves_before_ = std::exchange(leaves_, {});
}

std::optional<ProvenLeaf> ProvenLeaves::Find(uint64_t leaf) {
  std::lock_guard lock(mutex_);
  auto found = leaves_.find(leaf);
  if (found != leaves_.end()) return found->second;
  auto before = leaves_before_.extract(leaf);
  if (before.empty()) return std::nullopt;
  return leaves_.insert(std::move(before)).position->second;
}

void ProvenLeaves::Add(uint64_t leaf, ProvenLeaf proven) {
  std::lock_guard lock(mutex_);
  leaves_.insert_or_assign(leaf, std::move(proven));
}

}  // namespace pgcairn::commands
