"""A cluster of which `prune` keeps nothing but the newest backup, and what is true of it always."""

import json

from restore_proof import repository_is_valid
from scratch import give_to_server_user

KEEP_NOTHING = {
    "policies": {
        "daily_backups": {"keep_daily": 0, "keep_weekly": 0, "keep_monthly": 0, "keep_yearly": 0},
        "incremental_backups": {"keep_hours": 0, "keep_daily": 0},
        "wal_files": {"keep_days": 0},
    }
}
NO_DAYS = {"full_backups": 0, "incremental_backups": 0, "wal_files": 0}


def keep_only_the_newest(scratch, server, **prune):
    """Leases of other hosts are given up after a second, and nothing waits."""
    settings = {"grace": 0, "lease_expiry": 1, "max_share": 100, **prune}
    scratch.write_config(server, retention=NO_DAYS, prune=settings,
                         performance={"jobs": 1})
    path = scratch.root / "config/retention.config.json"
    path.write_text(json.dumps(KEEP_NOTHING))
    give_to_server_user(path)


def backup(scratch, server, kind="incremental"):
    """After some changes. Returns its id."""
    server.sql("CREATE TABLE IF NOT EXISTS filler (id int, body text);"
               "INSERT INTO filler SELECT g, md5(g::text) FROM generate_series(1, 2000) g")
    return scratch.pgcairn_json("backup", f"--type={kind}")["backup_id"]


def backups(scratch):
    return [one["backup_id"] for one in scratch.pgcairn_json("list")["backups"]]


def objects(scratch, pattern):
    return sorted(str(path.relative_to(scratch.root / "repository/clusters/main"))
                  for path in (scratch.root / "repository/clusters/main").glob(pattern)
                  if path.is_file())


def require_whole(scratch):
    """Every backup can be restored: all that it needs is there and proven."""
    listed = repository_is_valid(scratch)
    assert listed["recovery_windows"] != [], "nothing can be restored"
    return listed
