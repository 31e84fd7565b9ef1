// A new database for a trial, which goes with all that is in it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/settings.h"
#include "format/logical.pb.h"
#include "util/result.h"

namespace pgcairn::commands {

class ScratchDatabase {
 public:
  virtual ~ScratchDatabase() = default;

  // To be restored into.
  virtual std::string conninfo() const = 0;
  virtual bool is_own_server() const = 0;
  // Databases that killed trials had left at restore.test_url, and that were removed first.
  virtual std::vector<std::string> removed_before() const { return {}; }
  // Removes it; errors say what stays. Without it the destructor does, silently.
  virtual Status Remove() = 0;
};

// At restore.test_url when that is set, else in a server of our own (logical_drill.h). `catalog`:
// of the backup, whose encoding the database gets. What killed trials left there is removed first.
Result<std::unique_ptr<ScratchDatabase>> MakeScratchDatabase(const config::Settings& settings,
                                                             const format::LogicalCatalog& catalog);

}  // namespace pgcairn::commands
