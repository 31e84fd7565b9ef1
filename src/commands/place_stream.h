// Makes the files, directories and links of a restore, before their bytes come.
#pragma once

#include <sys/types.h>

#include <string>

#include "repository/map/stream_list.h"
#include "util/result.h"

namespace pgcairn::commands {

// What may be done with something that is there already.
enum class Existing {
  kRefuse,  // an error: the place was empty
  kReuse,   // kept where it is of the same kind, else replaced
};

// A file of the entry's size and mode, but writable by its owner until it is filled. Returns
// whether it is one that was there, with all its bytes up to that size; a new one reads as zeros.
// One with a second name (a hard link) is replaced, for what it is under that name must not change.
// What is right already is not touched: it keeps its times.
Result<bool> PlaceFile(const std::string& path, const repository::StreamEntry& entry,
                       Existing existing);

// `may_be_link`: a link to a directory is kept.
Status PlaceDirectory(const std::string& path, mode_t mode, Existing existing,
                      bool may_be_link = false);

// A link at `path` with the text `target`.
Status PlaceLink(const std::string& path, const std::string& target, Existing existing);

}  // namespace pgcairn::commands
