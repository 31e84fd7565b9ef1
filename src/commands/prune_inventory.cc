#include "commands/prune_inventory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "postgres/lsn.h"
#include "repository/names.h"
#include "util/bytes.h"

namespace pgcairn::commands {
namespace {

// The start of every header: magic, kind, version, header length, features.
constexpr size_t kStartBytes = 16;
constexpr std::string_view kMagic = "PGCAIRN";

std::string_view NameBelow(std::string_view name) { return name.substr(name.rfind('/') + 1); }

// Sixteen lower-case digits.
std::optional<uint64_t> ParseSystem(std::string_view text) {
  uint64_t system = 0;
  auto read = std::from_chars(text.data(), text.data() + text.size(), system, 16);
  if (read.ec != std::errc() || fmt::format("{:016x}", system) != text) return std::nullopt;
  return system;
}

bool IsNumber(std::string_view text) {
  uint32_t number = 0;
  auto read = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return read.ec == std::errc() && fmt::format("{:08x}", number) == text;
}

bool IsTrashPart(std::string_view text) {
  size_t dot = text.find('.');
  return dot != std::string_view::npos && repository::IsBackupId(text.substr(0, dot)) &&
         IsNumber(text.substr(dot + 1));
}

class InventoryTaker {
 public:
  explicit InventoryTaker(const repository::ClusterAccess& cluster)
      : storage_(cluster.storage), names_(cluster.names) {}

  Result<Inventory> Run() {
    RETURN_IF_ERROR(LookAtRoot());
    RETURN_IF_ERROR(TakeBackups());
    RETURN_IF_ERROR(TakeWal());
    RETURN_IF_ERROR(TakeCheckpoints());
    RETURN_IF_ERROR(TakeDamaged());
    RETURN_IF_ERROR(LookAtFlat(names_.Leases(), "L", repository::IsBackupId));
    RETURN_IF_ERROR(LookAtFlat(names_.Histories(), "H", [](std::string_view text) {
      return ParseSystem(text).has_value();
    }));
    RETURN_IF_ERROR(LookAtFlat(names_.Trashes(), "P", IsTrashPart));
    RETURN_IF_ERROR(LookAtNotes());
    if (!unknown_.empty()) return UnknownNames(unknown_);
    return std::move(inventory_);
  }

 private:
  Result<storage::Listing> List(const std::string& directory) {
    return storage_.List(directory).Context("listing " + directory);
  }

  Status LookAtRoot() {
    static constexpr std::array<std::string_view, 11> kKnown{
        "keys",   "epochs", "packs",   "backups", "history",    "wal",
        "leases", "trash",  "damaged", "notes",   "checkpoints"};
    ASSIGN_OR_RETURN(storage::Listing listing, List(names_.Root()));
    for (const storage::ObjectInfo& object : listing.objects) unknown_.push_back(object.name);
    for (std::string& directory : listing.directories) {
      if (std::ranges::find(kKnown, NameBelow(directory)) == kKnown.end()) {
        unknown_.push_back(std::move(directory));
      }
    }
    return {};
  }

  // `kinds`: the letters that a document of that name may have.
  Status LookAtHeader(const storage::ObjectInfo& object, std::string_view kinds) {
    Bytes start(kStartBytes);
    if (object.size_bytes < start.size()) return {};  // damaged, and refused by whoever reads it
    Status read = storage_.GetRange(object.name, 0, start);
    // kDamaged: it is shorter than that, as above.
    if (!read.ok() && (read.code() == Code::kNotFound || read.code() == Code::kDamaged)) return {};
    RETURN_IF_ERROR(read);
    ByteReader in(start);
    std::string_view magic = AsText(in.View(kMagic.size()));
    const char kind = static_cast<char>(in.Le<uint8_t>());
    const uint16_t version = in.Le<uint16_t>();
    in.Le<uint16_t>();
    const uint32_t features = in.Le<uint32_t>();
    if (magic != kMagic) return {};  // damaged, as above
    if (kinds.find(kind) == std::string_view::npos || version != 1 || features != 0) {
      unknown_.push_back(fmt::format("{} (kind {}, version {}, features {:#x})", object.name, kind,
                                     version, features));
    }
    return {};
  }

  Status TakeBackups() {
    ASSIGN_OR_RETURN(inventory_.backups, repository::ListBackups(storage_, names_));
    for (std::string& name : inventory_.backups.unknown) unknown_.push_back(std::move(name));
    auto look = [&](const std::vector<std::string>& ids, std::string_view kinds) -> Status {
      for (const std::string& id : ids) {
        RETURN_IF_ERROR(LookAtHeader({names_.Manifest(id), kStartBytes, {}}, kinds));
      }
      return {};
    };
    RETURN_IF_ERROR(look(inventory_.backups.ids, "B"));
    return look(inventory_.backups.tombstones, "T");
  }

  Status TakeWal() {
    ASSIGN_OR_RETURN(storage::Listing systems, List(names_.Root() + "/wal"));
    TakeUnknown(systems.objects);
    for (const std::string& directory : systems.directories) {
      std::optional<uint64_t> system = ParseSystem(NameBelow(directory));
      if (!system) {
        unknown_.push_back(directory);
        continue;
      }
      ASSIGN_OR_RETURN(storage::Listing logs, List(directory));
      TakeUnknown(logs.objects);
      for (const std::string& log : logs.directories) RETURN_IF_ERROR(TakeLog(*system, log));
    }
    return {};
  }

  Status TakeLog(uint64_t system, const std::string& directory) {
    ASSIGN_OR_RETURN(storage::Listing files, List(directory));
    TakeUnknownDirectories(files);
    for (storage::ObjectInfo& object : files.objects) {
      std::string file(NameBelow(object.name));
      postgres::WalFileKind kind = postgres::KindOfWalFile(file);
      if (kind == postgres::WalFileKind::kOther || names_.WalFile(system, file) != object.name) {
        unknown_.push_back(std::move(object.name));
      } else if (kind != postgres::WalFileKind::kHistory) {
        inventory_.wal.push_back(
            {std::move(object.name), system, std::move(file), object.size_bytes});
      }
    }
    return {};
  }

  // `checkpoints/<run id>`, or objects in a directory of that name.
  Status TakeCheckpoints() {
    ASSIGN_OR_RETURN(storage::Listing listing, List(names_.Checkpoints()));
    for (const storage::ObjectInfo& object : listing.objects) {
      RETURN_IF_ERROR(TakeCheckpoint(std::string(NameBelow(object.name)), object));
    }
    for (const std::string& directory : listing.directories) {
      ASSIGN_OR_RETURN(storage::Listing objects, List(directory));
      TakeUnknownDirectories(objects);
      for (const storage::ObjectInfo& object : objects.objects) {
        RETURN_IF_ERROR(TakeCheckpoint(std::string(NameBelow(directory)), object));
      }
    }
    return {};
  }

  Status TakeCheckpoint(const std::string& run_id, const storage::ObjectInfo& object) {
    if (!repository::IsBackupId(run_id)) {
      unknown_.push_back(object.name);
      return {};
    }
    Checkpoints& of_run = inventory_.checkpoints[run_id];
    of_run.objects.push_back(object.name);
    of_run.newest_at = std::max(of_run.newest_at, object.stored_at);
    return LookAtHeader(object, "C");
  }

  Status TakeDamaged() {
    const std::string directory = names_.Root() + "/damaged";
    ASSIGN_OR_RETURN(storage::Listing listing, List(directory));
    TakeUnknownDirectories(listing);
    for (const storage::ObjectInfo& object : listing.objects) {
      std::optional<Bytes> hash = FromHex(NameBelow(object.name));
      crypto::Sha256Digest sha256;
      if (!hash || hash->size() != sha256.bytes.size() || ToHex(*hash) != NameBelow(object.name)) {
        unknown_.push_back(object.name);
        continue;
      }
      std::ranges::copy(*hash, sha256.bytes.begin());
      inventory_.damaged.push_back(sha256);
      RETURN_IF_ERROR(LookAtHeader(object, "X"));
    }
    return {};
  }

  template <typename IsName>
  Status LookAtFlat(const std::string& directory, std::string_view kinds, IsName is_name) {
    ASSIGN_OR_RETURN(storage::Listing listing, List(directory));
    TakeUnknownDirectories(listing);
    for (const storage::ObjectInfo& object : listing.objects) {
      if (is_name(NameBelow(object.name))) {
        RETURN_IF_ERROR(LookAtHeader(object, kinds));
      } else {
        unknown_.push_back(object.name);
      }
    }
    return {};
  }

  // Numbered objects in directories named for backups, and records of deletions.
  Status LookAtNotes() {
    ASSIGN_OR_RETURN(storage::Listing listing, List(names_.Notes()));
    TakeUnknown(listing.objects);
    for (const std::string& below : listing.directories) {
      if (below == names_.Deletions()) {
        RETURN_IF_ERROR(LookAtFlat(below, "N", repository::IsBackupId));
      } else if (repository::IsBackupId(NameBelow(below))) {
        RETURN_IF_ERROR(LookAtFlat(below, "N", IsNumber));
      } else {
        unknown_.push_back(below);
      }
    }
    return {};
  }

  void TakeUnknown(const std::vector<storage::ObjectInfo>& objects) {
    for (const storage::ObjectInfo& object : objects) unknown_.push_back(object.name);
  }
  void TakeUnknownDirectories(const storage::Listing& listing) {
    unknown_.insert(unknown_.end(), listing.directories.begin(), listing.directories.end());
  }

  storage::Storage& storage_;
  const repository::ClusterNames& names_;
  Inventory inventory_;
  std::vector<std::string> unknown_;
};

}  // namespace

Error UnknownNames(const std::vector<std::string>& names) {
  constexpr size_t kNamedMax = 5;
  size_t named = std::min(names.size(), kNamedMax);
  std::string more = names.size() > named ? fmt::format(" and {} more", names.size() - named) : "";
  return {Code::kRefused,
          fmt::format("the cluster holds what this program does not know: {}{}",
                      fmt::join(names.begin(), names.begin() + static_cast<ptrdiff_t>(named), ", "),
                      more),
          "nothing is deleted beside what is not known: a newer pgcairn wrote it, then prune with "
          "that one; or somebody put it there, then take it away"};
}

Result<Inventory> TakeInventory(const repository::ClusterAccess& cluster) {
  return InventoryTaker(cluster).Run();
}

}  // namespace pgcairn::commands
