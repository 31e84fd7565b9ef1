// The configuration that pgcairn took over from the project it grew out of, to the letter.
#pragma once

#include <string_view>

namespace pgcairn::config::testing {

inline constexpr std::string_view kSeedBackupConfig = R"({
  "schedules": {
    "full_backup": "0 2 * * *",
    "incremental_backup": "0 */6 * * *",
    "wal_archive": "continuous",
    "verification": "after_backup"
  },
  "retention": {
    "full_backups": 30,
    "incremental_backups": 7,
    "wal_files": 14
  },
  "storage": {
    "local_path": "./storage/local",
    "offsite_enabled": true,
    "encryption_enabled": true
  },
  "monitoring": {
    "health_check_interval": 3600,
    "alert_on_failure": true,
    "notification_channels": ["email", "webhook"]
  }
}
)";

inline constexpr std::string_view kSeedRetentionConfig = R"({
  "policies": {
    "daily_backups": {
      "keep_daily": 7,
      "keep_weekly": 4,
      "keep_monthly": 12,
      "keep_yearly": 5
    },
    "incremental_backups": {
      "keep_hours": 48,
      "keep_daily": 7
    },
    "wal_files": {
      "keep_days": 14,
      "archive_after_days": 30
    }
  }
}
)";

inline constexpr std::string_view kSeedEnv = R"(SUPABASE_PROJECT_ID=chekmxqlnosxphbmxiil
SUPABASE_DB_URL=postgresql://postgres:[password]@db.chekmxqlnosxphbmxiil.supabase.co:5432/postgres
BACKUP_ENCRYPTION_KEY=your-encryption-key-here
BACKUP_STORAGE_PATH=/path/to/backup/storage
NOTIFICATION_EMAIL=admin@yourproject.com
)";

}  // namespace pgcairn::config::testing
