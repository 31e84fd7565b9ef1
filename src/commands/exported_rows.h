// The rows of one table out of a logical backup, for a file that others load.
#pragma once

#include <functional>

#include "commands/logical_contents.h"
#include "format/logical.pb.h"
#include "util/bytes.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

using TakeBytes = std::function<Status(ByteView bytes)>;

// All parts, one after the other, as COPY gave them. kDamaged: they are not as many rows as the
// catalog says, or one would end its COPY, so that psql would run the rows after it.
Status ExportRows(const LogicalContents& contents, const format::LogicalTable& table,
                  Progress& progress, const TakeBytes& take);

}  // namespace pgcairn::commands
