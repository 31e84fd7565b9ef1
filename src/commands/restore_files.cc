#include "commands/restore_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <thread>
#include <utility>

#include "commands/leaf_queue.h"
#include "crypto/fingerprint.h"
#include "repository/map/leaf_reader.h"
#include "repository/map/map_leaf.h"
#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

using repository::kUnitBytes;
using repository::LeafPart;
using repository::MapLeaf;
using repository::StreamEntry;
using repository::StreamKind;
using repository::StreamList;
using repository::StreamRoot;

// A file of a tablespace is named by its own disk and not by the link to it: an error must say
// which disk is meant.
std::string PathOf(const RestoreFilesOptions& options, const StreamEntry& entry) {
  constexpr std::string_view kTablespaces = "pg_tblspc/";
  if (entry.root != StreamRoot::kExternalConfig && entry.path.starts_with(kTablespaces)) {
    for (const auto& [oid, location] : options.tablespace_locations) {
      std::string link = fmt::format("{}{}/", kTablespaces, oid);
      if (entry.path.starts_with(link)) return location + entry.path.substr(link.size() - 1);
    }
  }
  const std::string& root =
      entry.root == StreamRoot::kExternalConfig ? options.config_directory : options.data_directory;
  return root + "/" + entry.path;
}

// Restores the leaves of one stream list with several threads.
class ListRestorer {
 public:
  ListRestorer(const repository::ClusterAccess& cluster, const RestoreFilesOptions& options,
               const StreamList& list)
      : cluster_(cluster),
        options_(options),
        list_(list),
        parts_(repository::PartsByLeaf(list)),
        queue_(parts_) {}

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
    Status status = RestoreLeaves();
    if (!status.ok()) {
      std::lock_guard lock(mutex_);
      if (failure_.ok()) failure_ = status;
      stop_ = true;
    }
    --running_;
  }

  Status RestoreLeaves() {
    repository::BlobReader reader(cluster_);
    crypto::PageFingerprint fingerprint(cluster_.keys.fingerprint_secret());
    LeafQueue::Turn turn;
    while (!stop_) {
      std::optional<size_t> leaf = queue_.Next(turn);
      if (!leaf) return {};
      RETURN_IF_ERROR(RestoreLeaf(reader, fingerprint, *leaf));
    }
    return {};
  }

  Status RestoreLeaf(repository::BlobReader& reader, const crypto::PageFingerprint& fingerprint,
                     size_t leaf_index) {
    ASSIGN_OR_RETURN(MapLeaf leaf, repository::ReadLeaf(reader, list_, leaf_index));
    std::vector<std::vector<UnitTarget>> targets = TargetsByBlob(leaf, parts_[leaf_index]);
    OpenFile file;
    for (uint32_t pack = 0; pack < leaf.packs.size(); ++pack) {
      RETURN_IF_ERROR(RestorePack(reader, fingerprint, leaf, pack, targets, file));
    }
    return {};
  }

  // Streams follow one another in a blob: one file open at a time does for the thousands of small
  // ones that can share a leaf.
  struct OpenFile {
    uint32_t stream = 0;
    UniqueFd fd;
  };

  // Where one unit of a blob goes.
  struct UnitTarget {
    uint32_t place = 0;  // in the raw blob
    uint32_t stream = 0;
    uint64_t unit = 0;  // of the stream
    uint64_t fingerprint = 0;
  };

  std::vector<std::vector<UnitTarget>> TargetsByBlob(const MapLeaf& leaf,
                                                     const std::vector<LeafPart>& parts) {
    std::vector<std::vector<UnitTarget>> targets(leaf.blobs.size());
    uint64_t zero_bytes = 0;
    for (const LeafPart& part : parts) {
      for (uint32_t i = 0; i < part.count; ++i) {
        const repository::UnitEntry& unit = leaf.units[part.first_entry + i];
        if (unit.blob == repository::kZeroUnit) {
          // The file was made with its full size: what is not written reads as zeros.
          zero_bytes += kUnitBytes;
          continue;
        }
        targets[unit.blob].push_back(
            {unit.place, part.stream, part.first_unit + i, unit.fingerprint});
      }
    }
    options_.progress.Add(zero_bytes);
    return targets;
  }

  Status RestorePack(repository::BlobReader& reader, const crypto::PageFingerprint& fingerprint,
                     const MapLeaf& leaf, uint32_t pack,
                     const std::vector<std::vector<UnitTarget>>& targets, OpenFile& file) {
    std::vector<uint32_t> wanted;
    for (uint32_t blob = 0; blob < leaf.blobs.size(); ++blob) {
      if (leaf.blobs[blob].pack == pack && !targets[blob].empty()) wanted.push_back(blob);
    }
    std::sort(wanted.begin(), wanted.end(), [&](uint32_t a, uint32_t b) {
      return leaf.blobs[a].location.offset < leaf.blobs[b].location.offset;
    });
    std::vector<repository::BlobLocation> locations;
    locations.reserve(wanted.size());
    for (uint32_t blob : wanted) locations.push_back(leaf.blobs[blob].location);
    return reader.ReadMany(repository::ObjectKind::kDataPack, leaf.packs[pack], locations,
                           [&](size_t index, ByteView raw) {
                             return WriteUnits(fingerprint, raw, targets[wanted[index]], file);
                           });
  }

  size_t UnitLength(const StreamEntry& entry, uint64_t unit) const {
    return std::min<uint64_t>(kUnitBytes, entry.size - unit * kUnitBytes);
  }

  // Proves every unit, then writes runs that are adjacent in the blob and in the file in one call.
  Status WriteUnits(const crypto::PageFingerprint& fingerprint, ByteView raw,
                    const std::vector<UnitTarget>& targets, OpenFile& file) {
    for (size_t first = 0; first < targets.size();) {
      size_t end = first;
      size_t bytes = 0;
      for (; end < targets.size(); ++end) {
        const UnitTarget& target = targets[end];
        const StreamEntry& entry = list_.streams[target.stream];
        bool adjacent = target.stream == targets[first].stream &&
                        target.unit == targets[first].unit + (end - first) &&
                        target.place == targets[first].place + bytes;
        if (!adjacent) break;
        size_t length = UnitLength(entry, target.unit);
        if (target.place + length > raw.size() ||
            fingerprint.Of(raw.subspan(target.place, length)) != target.fingerprint) {
          return Error{
              Code::kDamaged,
              fmt::format("unit {} of {} is not what was backed up", target.unit, entry.path),
              "run `pgcairn list` and restore from another backup"};
        }
        bytes += length;
      }
      const StreamEntry& entry = list_.streams[targets[first].stream];
      std::string path = PathOf(options_, entry);
      if (!file.fd.valid() || file.stream != targets[first].stream) {
        ASSIGN_OR_RETURN(file.fd, Open(path, O_WRONLY | O_NOFOLLOW));
        file.stream = targets[first].stream;
      }
      RETURN_IF_ERROR(WriteAt(file.fd.get(), raw.subspan(targets[first].place, bytes),
                              targets[first].unit * kUnitBytes, path));
      options_.progress.Add(bytes);
      first = end;
    }
    return {};
  }

  const repository::ClusterAccess& cluster_;
  const RestoreFilesOptions& options_;
  const StreamList& list_;
  const std::vector<std::vector<LeafPart>> parts_;
  LeafQueue queue_;
  std::atomic<bool> stop_{false};
  std::atomic<size_t> running_{0};
  std::mutex mutex_;
  Status failure_;
};

Status MakeDirectory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return ErrnoError(errno, "creating directory", path);
  }
  if (::chmod(path.c_str(), mode) != 0) return ErrnoError(errno, "setting the mode of", path);
  return {};
}

Status MakeFile(const std::string& path, const StreamEntry& entry) {
  ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  // Until it is filled the file must be writable, whatever its mode.
  if (::fchmod(fd.get(), entry.mode | S_IWUSR) != 0) {
    return ErrnoError(errno, "setting the mode of", path);
  }
  if (entry.size > 0 && ::ftruncate(fd.get(), static_cast<off_t>(entry.size)) != 0) {
    return ErrnoError(errno, "setting the size of", path);
  }
  return {};
}

Status MakeStreams(const RestoreFilesOptions& options, const StreamList& list,
                   RestoredFiles& restored) {
  for (const StreamEntry& entry : list.streams) {
    std::string path = PathOf(options, entry);
    if (entry.root == StreamRoot::kExternalConfig) {
      RETURN_IF_ERROR(MakeDirectories(DirectoryOf(path)));
      restored.config_files.push_back(path);
    }
    if (entry.kind == StreamKind::kDirectory) {
      RETURN_IF_ERROR(MakeDirectory(path, entry.mode));
      continue;
    }
    RETURN_IF_ERROR(MakeFile(path, entry));
    ++restored.files;
    restored.bytes += entry.size;
  }
  return {};
}

Status MakeTablespaces(const RestoreFilesOptions& options, mode_t mode) {
  if (options.tablespace_locations.empty()) return {};
  RETURN_IF_ERROR(MakeDirectory(options.data_directory + "/pg_tblspc", mode));
  for (const auto& [oid, location] : options.tablespace_locations) {
    RETURN_IF_ERROR(MakeDirectories(location));
    RETURN_IF_ERROR(MakeDirectory(location, mode));
    std::string link = fmt::format("{}/pg_tblspc/{}", options.data_directory, oid);
    if (::symlink(location.c_str(), link.c_str()) != 0) {
      return ErrnoError(errno, "linking the tablespace", link);
    }
  }
  return {};
}

Status SetReadOnlyModes(const RestoreFilesOptions& options, const StreamList& list) {
  for (const StreamEntry& entry : list.streams) {
    if (entry.kind == StreamKind::kDirectory || (entry.mode & S_IWUSR) != 0) continue;
    std::string path = PathOf(options, entry);
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
  // What the group may read of the data directory it may read of the tablespaces.
  RETURN_IF_ERROR(MakeTablespaces(options, manifest.data_directory_mode() == 0750 ? 0750 : 0700));
  repository::BlobReader reader(cluster);
  for (const format::BlobReference& message : manifest.stream_lists()) {
    ASSIGN_OR_RETURN(repository::BlobReference reference, repository::FromMessage(message));
    ASSIGN_OR_RETURN(Bytes raw, reader.Read(repository::ObjectKind::kMetadataPack, reference.pack,
                                            reference.location));
    ASSIGN_OR_RETURN(StreamList list, repository::DecodeStreamList(raw));
    RETURN_IF_ERROR(MakeStreams(options, list, restored));
    RETURN_IF_ERROR(ListRestorer(cluster, options, list).Run());
    RETURN_IF_ERROR(SetReadOnlyModes(options, list));
  }
  return restored;
}

}  // namespace pgcairn::commands
