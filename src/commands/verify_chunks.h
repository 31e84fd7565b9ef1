// Proves streams of chunks: their leaves, every chunk, and that they are as long as the list says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "commands/verify_needs.h"
#include "commands/verify_streams.h"
#include "repository/pack/blob_reader.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::commands {

// Of one list. What it is made of outlives it.
class ChunkVerifier {
 public:
  ChunkVerifier(const StreamCheck& check, NeededPacks& needs, const OpenedList& list)
      : check_(check), needs_(needs), list_(list), leaf_bytes_(list.list.leaves.size()) {}

  // A leaf of chunks. Errors are those of the leaf itself; those of the packs that it names are
  // blamed on them. Any thread, each with a reader of its own; each leaf once.
  Status VerifyLeaf(repository::BlobReader& reader, size_t leaf);

  // After all leaves. A stream with a leaf that was not read, or not to be read, is not judged.
  void CheckSizes();

  // The bytes of a stream of chunks, whichever packs they lie in. Nothing when they cannot be read,
  // or are not as many as the list states: whatever is to blame for that is blamed. Memory: the
  // stream's size, and one leaf.
  std::optional<Bytes> Read(repository::BlobReader& reader, const repository::StreamEntry& stream);

 private:
  void BlameSize(const repository::StreamEntry& stream, uint64_t bytes);
  bool AppendLeaf(repository::BlobReader& reader, size_t leaf, Bytes& bytes);

  const StreamCheck& check_;
  NeededPacks& needs_;
  const OpenedList& list_;
  std::vector<std::optional<uint64_t>> leaf_bytes_;  // of each leaf that was read
};

}  // namespace pgcairn::commands
