// The list of packs that a backup needs, in plain text (docs/format.md, section 10).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "repository/pack/pack_reference.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

void SortAndDropRepeated(std::vector<StoredPack>& packs);

// Sorts and removes repetitions.
Bytes EncodeReferenceList(std::string_view backup_id, std::vector<StoredPack> packs);
// kDamaged unless it is such a list, whole, in order and of that backup.
Result<std::vector<StoredPack>> DecodeReferenceList(std::string_view backup_id, ByteView list);

}  // namespace pgcairn::repository
