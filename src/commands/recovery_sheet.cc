#include "commands/recovery_sheet.h"

#include <fmt/format.h>

#include "util/clock.h"

namespace pgcairn::commands {
namespace {

std::string Sheet(const SheetFacts& facts, const std::string& key) {
  std::string head = fmt::format(
      "pgcairn recovery sheet: keep it apart from the server and from the repository\n"
      "  of several     the newest counts: a sheet of a run that was interrupted is worth "
      "nothing\n"
      "  written        {}\n"
      "  repository     {} (id {})\n"
      "  cluster        {} (PostgreSQL {}, system identifier {})\n",
      Timestamp::Now().ToText(), facts.repository_path, facts.repository.ToHex(), facts.cluster,
      facts.server_major, facts.system_identifier);
  return head + key +
         "  to restore     install pgcairn on the new host, set BACKUP_STORAGE_PATH to a copy of "
         "the\n"
         "                 repository, give the key as above, then: pgcairn list;\n" +
         (facts.logical
              ? "                 pgcairn restore --type=full --target-url=URL (of an empty "
                "database)\n"
                "  without it     tools/reader/pgcairn_reader.py export writes SQL for "
                "psql with Python alone\n"
              : "                 pgcairn restore --type=full --target-dir=DIR\n"
                "  without it     tools/reader/pgcairn_reader.py restores with Python "
                "alone\n");
}

}  // namespace

std::string RecoverySheet(const SheetFacts& facts,
                          const std::optional<repository::AccessKeyPair>& recovery) {
  if (!recovery) {
    return Sheet(
        facts,
        "  key            the passphrase that BACKUP_ENCRYPTION_KEY held when this was written:\n"
        "                 write it here by hand ______________________________________________\n");
  }
  crypto::SecretBytes line = repository::EncodeKeyFile(*recovery);
  return Sheet(facts, fmt::format("  recovery key   put the next line into a file, chmod 600, and "
                                  "name that file in\n"
                                  "                 encryption.key_file. It is shown this once and "
                                  "stored nowhere.\n"
                                  "{}",
                                  AsText(line.view())));
}

std::string RecoverySheetWithoutKey(const SheetFacts& facts) {
  return Sheet(facts, "  key            none: the repository is not encrypted\n");
}

}  // namespace pgcairn::commands
