// Makes streams of chunks of what a database gives: read, cut, compare, compress, seal, store.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands/placed_streams.h"
#include "commands/previous_map.h"
#include "postgres/connection.h"
#include "repository/cluster_access.h"
#include "repository/map/chunk_writer.h"
#include "repository/map/metadata_writer.h"
#include "repository/map/unit_writer.h"
#include "repository/pack/pack_uploader.h"
#include "util/bytes.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

using OnPiece = std::function<Status(ByteView piece)>;

// Where streams come from.
struct StreamSource {
  std::string path;
  std::string what;   // for people: "table public.orders"
  bool rows = false;  // each piece is a row; else pieces end anywhere
  // Of an earlier backup: chunks of these streams are not stored again. When it is cut those of the
  // same name are known, a few of them at a time.
  std::vector<std::string> known_paths;
  uint64_t bytes_about = 0;  // decides who is first, and is what progress counts
  // Gives all pieces; `worker` is of the calling thread. Returns how many rows there were.
  std::function<Result<uint64_t>(postgres::Connection& worker, const OnPiece& on_piece)> read;
  // When given: false means that this worker cannot read it now. Then the session does that has
  // locked all tables.
  std::function<Result<bool>(postgres::Connection& worker)> may_read = {};
  // It becomes as many streams as it takes, each of whole rows and 64 MiB or more: PATH/0, PATH/1
  // and so on. Else it is one stream.
  bool cut = false;
};

struct CopiedStream {
  struct Leaf {
    NewLeaf stored;
    std::optional<uint32_t> earlier;  // the number of a leaf of the previous map, which serves
  };
  uint64_t bytes = 0;
  std::vector<Leaf> leaves;
};

// What a source became: one stream at least.
struct CopiedSource {
  uint64_t rows = 0;
  std::deque<CopiedStream> streams;  // in the order of their rows; stay where they are

  uint64_t bytes() const;
};

struct StreamTools {
  const repository::ClusterAccess& cluster;
  PreviousMap& previous;
  repository::PackUploader& uploader;
  repository::MetadataWriter& metadata;
  repository::CompactionBudget* budget = nullptr;  // null: nothing is emptied
  int compression_level = 3;
  Progress& progress;
};

class StreamCopier;

// The threads of a logical backup, one for each worker. Not for two threads at once.
//
// Memory for each thread: about 40 MiB, twice the longest row, and 66 bytes for each chunk that is
// known, in 2 KiB of rows: of three parts of a table, or of 6 streams of one that is cut, and of 20
// where rows are looked for.
class StreamCopiers {
 public:
  // `tools` outlives it.
  StreamCopiers(const StreamTools& tools, size_t threads);
  ~StreamCopiers();

  // Copies all of them, each by one of the workers, the longest first; those that no worker may
  // read by `locking`, when the others are done. Returns the number of the first; the others
  // follow in the order of `sources`. The first error ends all, and names the stream; copying other
  // streams may go on.
  Result<size_t> Copy(const std::vector<StreamSource>& sources,
                      std::vector<postgres::Connection>& workers, postgres::Connection& locking);

  // When this returns OK every leaf of what was copied is with the metadata writer.
  Status Flush();

  // Its leaves are complete only after Flush.
  const CopiedSource& result(size_t number) const { return results_[number]; }
  repository::ChunkCounts counts() const;

 private:
  class Turns;

  const StreamTools& tools_;
  std::deque<CopiedSource> results_;  // each one is its thread's alone
  std::vector<std::unique_ptr<StreamCopier>> copiers_;
};

// As lists hold them. Refers to `copied`.
std::vector<PlacedStream> PlaceCopied(const StreamSource& source, const CopiedSource& copied);

}  // namespace pgcairn::commands
