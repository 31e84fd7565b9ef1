// Which backup "latest" means where rows are wanted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "util/result.h"

namespace pgcairn::commands {

// Whether rows come back from it: it is not one of definitions alone.
bool HoldsRows(const format::Manifest& manifest);

// As repository::ResolveBackupId of rising `ids`, but "latest" passes over backups of definitions
// alone, unless all are. One whose manifest cannot be read is taken for one with rows: what is
// damaged must not be passed over in silence. kNotFound, kUsage.
Result<std::string> ResolveBackupWithRows(const repository::ClusterAccess& cluster,
                                          const std::vector<std::string>& ids,
                                          std::string_view text);

}  // namespace pgcairn::commands
