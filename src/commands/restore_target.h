// Where a restore writes: checked before a byte is written (rules 9 and 27 of what a restore must
// get right).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "format/manifest.pb.h"
#include "util/result.h"

namespace pgcairn::commands {

struct RestorePlaces {
  std::string data_directory;    // absolute
  std::string config_directory;  // data_directory + ".config"
  std::map<uint32_t, std::string> tablespace_locations;
  bool tablespaces_moved = false;  // any location differs from the manifest's
};

// `tablespace_map` holds "OLD=NEW" (absolute paths; OLD may also be the tablespace's name or oid).
// kUsage: a mapping that fits nothing. kRefused: a tablespace that is not mapped while the data
// directory is not the original one; two tablespaces in one place; a place inside the data
// directory.
Result<RestorePlaces> ChoosePlaces(const format::Manifest& manifest,
                                   const std::string& data_directory,
                                   const std::vector<std::string>& tablespace_map);

// All tablespaces below one directory, for a trial restore.
RestorePlaces ChooseTestPlaces(const format::Manifest& manifest, const std::string& root);

// kRefused: a place exists and is not empty, or a server runs in it. kPermission: it cannot be
// written, or belongs to another user. kNoSpace: the file system has less room than `bytes`. The
// data directory is made, with the manifest's mode, when this returns OK.
Status PreparePlaces(const format::Manifest& manifest, const RestorePlaces& places, uint64_t bytes);

// Of a restored data directory and its tablespaces.
mode_t DataDirectoryMode(uint32_t mode_of_origin);

// kNoSpace when all disks of the places together have less than that free. The manifest does not
// say how much goes to which place: a restore that this lets pass may still find one of them full.
Status RequireRoom(const RestorePlaces& places, uint64_t bytes);

}  // namespace pgcairn::commands
