#include "commands/restore_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "commands/batch_restorer.h"
#include "commands/leaf_queue.h"
#include "commands/restore_target.h"
#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

using repository::StreamEntry;
using repository::StreamKind;
using repository::StreamList;
using repository::StreamRoot;

// What is to be filled of each leaf.
std::vector<std::vector<repository::LeafPart>> SelectedParts(const RestoreSelection& selection,
                                                             const StreamList& list) {
  std::vector<std::vector<repository::LeafPart>> parts = repository::PartsByLeaf(list);
  for (std::vector<repository::LeafPart>& of_leaf : parts) {
    std::erase_if(of_leaf, [&](const repository::LeafPart& part) {
      return !selection.Fills(list.streams[part.stream]);
    });
  }
  return parts;
}

// Restores the leaves of one stream list with several threads.
class ListRestorer {
 public:
  ListRestorer(const repository::ClusterAccess& cluster, const RestoreFilesOptions& options,
               const StreamList& list, const std::vector<bool>& compare, UnitCounts& counts)
      : options_(options),
        parts_(SelectedParts(options.selection, list)),
        queue_(parts_, options.threads),
        shared_{cluster, options.roots, list, parts_, compare, counts, options.progress, stop_} {}

  Status Run() {
    std::vector<std::thread> threads;
    running_ = options_.threads;
    for (size_t i = 0; i < options_.threads; ++i) threads.emplace_back([this] { Work(); });
    while (running_ > 0) {
      options_.progress.Show();
      std::this_thread::sleep_for(std::chrono::milliseconds(running_ > 0 ? 5 : 0));
    }
    for (std::thread& thread : threads) thread.join();
    return failure_;
  }

 private:
  void Work() {
    Status status = RestoreBatches();
    if (!status.ok()) {
      std::lock_guard lock(mutex_);
      // Those that were told to stop come later.
      if (failure_.ok()) failure_ = status;
      stop_ = true;
    }
    --running_;
  }

  Status RestoreBatches() {
    BatchRestorer restorer(shared_);
    LeafQueue::Turn turn;
    while (!stop_) {
      std::vector<size_t> leaves = queue_.NextBatch(turn);
      if (leaves.empty()) return {};
      RETURN_IF_ERROR(restorer.Restore(leaves));
    }
    return {};
  }

  const RestoreFilesOptions& options_;
  const std::vector<std::vector<repository::LeafPart>> parts_;
  LeafQueue queue_;
  std::atomic<bool> stop_{false};
  const ListToRestore shared_;
  std::atomic<size_t> running_{0};
  std::mutex mutex_;
  Status failure_;
};

Status ForgetCachedPages(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_RDONLY | O_NOFOLLOW));
  const int error = ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  if (error != 0) return ErrnoError(error, "forgetting the cached pages of", path);
  return {};
}

// Returns which streams are to be compared with what is there.
Result<std::vector<bool>> PlaceStreams(const RestoreFilesOptions& options, const StreamList& list,
                                       RestoredFiles& restored) {
  std::vector<bool> compare;
  compare.reserve(list.streams.size());
  for (const StreamEntry& entry : list.streams) {
    std::string path = options.roots.PathOf(entry);
    if (entry.root == StreamRoot::kExternalConfig) {
      RETURN_IF_ERROR(MakeDirectories(DirectoryOf(path)));
      restored.config_files.push_back(path);
    }
    bool was_there = false;
    if (entry.kind == StreamKind::kDirectory) {
      // A pg_wal on a disk of its own stays there.
      RETURN_IF_ERROR(PlaceDirectory(path, entry.mode, options.existing, entry.path == "pg_wal"));
    } else {
      ASSIGN_OR_RETURN(was_there, PlaceFile(path, entry, options.existing));
      if (was_there && options.distrust_cache) RETURN_IF_ERROR(ForgetCachedPages(path));
      ++restored.files;
      restored.bytes += entry.size;
    }
    compare.push_back(was_there);
  }
  return compare;
}

Status PlaceTablespaces(const RestoreFilesOptions& options, mode_t mode) {
  const StreamRoots& roots = options.roots;
  if (roots.tablespace_locations.empty()) return {};
  RETURN_IF_ERROR(PlaceDirectory(roots.data_directory + "/pg_tblspc", mode, options.existing));
  for (const auto& [oid, location] : roots.tablespace_locations) {
    RETURN_IF_ERROR(MakeDirectories(location));
    RETURN_IF_ERROR(PlaceDirectory(location, mode, options.existing, true));
    RETURN_IF_ERROR(PlaceLink(fmt::format("{}/pg_tblspc/{}", roots.data_directory, oid), location,
                              options.existing));
  }
  return {};
}

Status SetReadOnlyModes(const StreamRoots& roots, const StreamList& list) {
  for (const StreamEntry& entry : list.streams) {
    if (entry.kind == StreamKind::kDirectory || (entry.mode & S_IWUSR) != 0) continue;
    std::string path = roots.PathOf(entry);
    if (::chmod(path.c_str(), entry.mode) != 0) {
      return ErrnoError(errno, "setting the mode of", path);
    }
  }
  return {};
}

}  // namespace

Result<RestoredFiles> RestoreFiles(const repository::ClusterAccess& cluster,
                                   const format::Manifest& manifest,
                                   const RestoreFilesOptions& options) {
  RestoredFiles restored;
  UnitCounts counts;
  // What the group may read of the data directory it may read of the tablespaces.
  RETURN_IF_ERROR(PlaceTablespaces(options, DataDirectoryMode(manifest.data_directory_mode())));
  repository::BlobReader reader(cluster);
  for (const format::BlobReference& message : manifest.stream_lists()) {
    ASSIGN_OR_RETURN(repository::BlobReference reference, repository::FromMessage(message));
    ASSIGN_OR_RETURN(Bytes raw, reader.Read(repository::ObjectKind::kMetadataPack, reference.pack,
                                            reference.location));
    ASSIGN_OR_RETURN(StreamList list, repository::DecodeStreamList(raw));
    ASSIGN_OR_RETURN(std::vector<bool> compare, PlaceStreams(options, list, restored));
    RETURN_IF_ERROR(ListRestorer(cluster, options, list, compare, counts).Run());
    RETURN_IF_ERROR(SetReadOnlyModes(options.roots, list));
  }
  restored.pages_compared = counts.pages_compared;
  restored.pages_written = counts.pages_written;
  restored.bytes_written = counts.bytes_written;
  return restored;
}

}  // namespace pgcairn::commands
