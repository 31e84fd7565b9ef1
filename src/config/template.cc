#include "config/template.h"

#include <fmt/format.h>

#include "config/settings.h"

namespace pgcairn::config {

// Commented keys come first in their section and end with a comma, so that the file stays valid
// when one of them is put to use.
std::string ConfigTemplate(std::string_view cluster_name) {
  CHECK(ClusterNameProblem(cluster_name).empty());
  return fmt::format(
      R"(// Configuration of pgcairn. Comments are allowed. Relative paths start at the folder above config/.
// Secrets belong in .env in that folder (mode 0600): DATABASE_URL, BACKUP_ENCRYPTION_KEY.
{{
  "cluster": {{
    // "connection": "host=/var/run/postgresql dbname=postgres",  // or postgresql://...; DATABASE_URL wins
    // "data_directory": "/var/lib/postgresql/15/main",  // default: ask the server
    // "method": "auto",       // auto, physical or logical
    // "bin_dir": "/usr/lib/postgresql/15/bin",  // default: by the server's version
    // "wal_timeout": 60,      // seconds a backup waits for its WAL to be archived
    // "lock_timeout": 60,     // seconds a logical backup waits for a table that somebody has locked
    "name": "{}"             // folder in the repository
  }},
  "schedules": {{
    "full_backup": "0 2 * * *",            // cron, UTC: every day at 02:00
    "incremental_backup": "0 */6 * * *",   // cron, UTC: every 6 hours
    "wal_archive": "continuous",           // the only way
    "verification": "after_backup"         // of every backup: after_backup or never
  }},
  "verification": {{
    // "depth": "new"  // new: what the backup stored; deep: everything that it needs
  }},
  "retention": {{
    "full_backups": 30,        // days (no counts) that a full backup is kept
    "incremental_backups": 7,  // days that an incremental backup is kept
    "wal_files": 14            // days back to any moment of which can be recovered
  }},
  "prune": {{
    // "grace": 60,           // seconds between announcing and deleting
    // "lease_expiry": 86400, // seconds after which a run of another host is given up
    // "max_share": 50        // percent of the backups that one prune may delete
  }},
  "storage": {{
    // "log_path": "./storage/logs",  // log files
    "local_path": "./storage/local",  // the repository; BACKUP_STORAGE_PATH wins
    "offsite_enabled": true,          // copy the repository to every off-site storage
    "encryption_enabled": true        // seal the repository's keys
  }},
  "encryption": {{
    // "key_file": "./storage/encryption/host.key"  // this host's key, mode 0600
  }},
  "backup": {{
    // "verify_unchanged_days": 7  // days after which an incremental backup reads every file; 0: never
  }},
  "compaction": {{
    // "live_share_min": 50  // percent of a pack that must be needed, or backups store the rest afresh
  }},
  "compression": {{
    // "level": 3  // zstd, 1 (fast) to 19 (small)
  }},
  "performance": {{
    // "jobs": 4,  // threads; default: the cores
    // "one_scan_gib": 4  // logical backups: tables that are larger are read in parts beside each other
  }},
  "restore": {{
    // "test_directory": "/var/tmp",  // room for restore --test; default: TMPDIR or /tmp
    // "test_url": "postgresql://me@host/postgres"  // logical backups: the server for restore --test
  }},
  "monitoring": {{
    "health_check_interval": 3600,                // seconds
    "alert_on_failure": true,                     // tell the channels about a failed run
    "notification_channels": ["email", "webhook"] // email goes to NOTIFICATION_EMAIL
  }}
}}
)",
      cluster_name);
}

std::string RetentionTemplate() {
  return R"(// Retention policies of pgcairn: what is kept longer than backup.config.json says.
{
  "policies": {
    "daily_backups": {
      "keep_daily": 7,     // last days with a backup, of which one each is kept (UTC)
      "keep_weekly": 4,    // the same for weeks, Monday to Sunday
      "keep_monthly": 12,  // the same for months
      "keep_yearly": 5     // the same for years
    },
    "incremental_backups": {
      "keep_hours": 48,    // hours in which every incremental backup is kept
      "keep_daily": 7      // last days with an incremental backup, of which the last is kept
    },
    "wal_files": {
      "keep_days": 14,          // as retention.wal_files; the longer counts
      "archive_after_days": 30  // no effect: there is no cheaper storage to move WAL to
    }
  }
}
)";
}

}  // namespace pgcairn::config
