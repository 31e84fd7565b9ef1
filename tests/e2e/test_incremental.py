"""Incremental backups: whatever the server did in between, each restores to what the server held,
and its report says which way it went."""

import json
import random
import shutil
import subprocess

import pytest

from preloaded_writes import build_library
from restore_proof import cold_contents, require_restorable
from scratch import CLIENT_BINDIR, Scratch, as_server_user, give_to_server_user, wait_for
from test_bad_pages import damage, make_table
from tree_state import tree_state

pytestmark = pytest.mark.slow

REFUSED, CORRUPT_PAGES = 12, 16
DAY_S = 86400

# The program's wall clock runs ahead, by as many seconds as the environment says.
CLOCK_AHEAD = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    typedef int (*clock_function)(clockid_t, struct timespec *);
    clock_function real = (clock_function) dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += atol(getenv("CLOCK_AHEAD_S"));
    return result;
}
"""


def incremental(scratch, *arguments, **options):
    return scratch.pgcairn_json("backup", "--type=incremental", *arguments, **options)


def settle(server, seconds=4):
    """Returns when no file of the server was written lately: stamps as young as a backup's start
    prove nothing."""
    server.sql("CHECKPOINT")

    def settled():
        newest = max(path.lstat().st_ctime for path in server.data.rglob("*")
                     if "pg_wal" not in path.parts and path.is_file())
        now = scratch_time(server)
        return now - newest > seconds

    wait_for(settled, "a server that writes nothing")


def scratch_time(server):
    """Now, by the clock of the file system."""
    probe = server.scratch.root / "probe"
    probe.write_text("")
    return probe.lstat().st_ctime


@pytest.fixture(scope="module", name="lived")
def _lived():
    """A quiet server with some tables and databases, and a full backup. Tests leave it running."""
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb("--wal-segsize=1")
        server.configure("autovacuum = off", "bgwriter_lru_maxpages = 0")
        scratch.protect(server, schedules={"verification": "never"})
        server.sql("CREATE TABLE rows (id int PRIMARY KEY, body text) WITH (fillfactor = 80);"
                   "INSERT INTO rows SELECT g, md5(g::text) FROM generate_series(1, 60000) g;"
                   "CREATE TABLE other AS SELECT g, md5(g::text) FROM generate_series(1, 9000) g")
        server.sql("VACUUM (FREEZE) rows, other")
        server.sql("CREATE DATABASE side")
        server.sql("CREATE TABLE t AS SELECT g FROM generate_series(1, 2000) g", "side")
        settle(server)
        full = scratch.pgcairn_json("backup")
        assert full["type"] == "full" and full["compare_reason"] == "full"
        yield scratch, server


def require_restores(scratch, server):
    """The newest backup, and what came after it; the server runs again afterwards."""
    held = cold_contents(server)
    require_restorable(scratch, held)
    server.start()


def test_without_an_earlier_backup_it_is_full_and_says_so(scratch):
    server = scratch.server()
    server.initdb("--wal-segsize=1")
    scratch.protect(server)
    result = scratch.pgcairn("--output=json", "backup", "--type=incremental")
    report = json.loads(result.stdout)
    assert report["type"] == "full" and report["base_backup_id"] is None
    assert report["compare_reason"] == "full" and report["files_unchanged"] == 0
    assert "there is no earlier backup" in result.stderr
    assert [one["type"] for one in scratch.pgcairn_json("list")["backups"]] == ["full"]


def test_a_page_that_changed_is_read_and_stored_and_little_else(lived):
    scratch, server = lived
    incremental(scratch)
    settle(server)
    last = incremental(scratch)
    server.sql("UPDATE rows SET body = 'changed' WHERE id IN (1, 30000, 60000)")
    report = incremental(scratch)
    assert report["type"] == "incremental" and report["base_backup_id"] == last["backup_id"]
    assert report["compare_reason"] == "stamps"
    assert report["files_unchanged"] > 20 * report["files_compared"]
    assert 3 <= report["pages_changed"] < 200
    assert report["pages_read"] < 3000, "only files that were written to"
    assert report["pages_stored"] <= report["pages_changed"]
    assert report["metadata_bytes_stored"] < 1 << 20
    require_restores(scratch, server)


def test_when_nothing_changed_next_to_nothing_is_stored(lived):
    scratch, server = lived
    settle(server)
    incremental(scratch)
    report = incremental(scratch)
    assert report["metadata_bytes_stored"] < 1 << 20
    assert report["data_bytes_stored"] < 1 << 20
    assert report["bytes_stored"] < 1 << 20
    require_restores(scratch, server)


CHANGES = {
    "grew": ["INSERT INTO rows SELECT g, md5(g::text) FROM generate_series(100001, 130000) g"],
    "shrank": ["DELETE FROM other WHERE g > 100", "VACUUM other"],
    "vanished": ["CREATE TABLE gone AS SELECT g FROM generate_series(1, 9000) g", "BACKUP",
                 "DROP TABLE gone"],
    "vacuum_full": ["DELETE FROM rows WHERE id % 7 = 0", "VACUUM FULL rows"],
    "truncate": ["CREATE TABLE cut AS SELECT g FROM generate_series(1, 9000) g", "BACKUP",
                 "TRUNCATE cut", "INSERT INTO cut VALUES (1)"],
    "reindex": ["REINDEX TABLE rows"],
    "database_again": ["DROP DATABASE side", "CREATE DATABASE side", "BACKUP",
                       "DROP DATABASE side", "CREATE DATABASE side STRATEGY file_copy"],
    "updated_everywhere": ["UPDATE rows SET body = md5(body) WHERE id % 3 = 0"],
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_restores_what_was(lived, change):
    scratch, server = lived
    for statement in CHANGES[change]:
        if statement == "BACKUP":
            incremental(scratch)
        else:
            server.sql(statement)
    server.sql("CHECKPOINT")
    report = incremental(scratch)
    assert report["type"] == "incremental" and report["compare_reason"] == "stamps"
    assert report["pages_changed"] > 0
    assert report["unseen_change_count"] == 0
    require_restores(scratch, server)
    scratch.pgcairn("verify", "--latest")


def test_a_tablespace_that_is_new_and_one_that_went(lived):
    scratch, server = lived
    place = scratch.make_directory("new space")
    server.sql(f"CREATE TABLESPACE fresh LOCATION '{place}'")
    server.sql("CREATE TABLE there TABLESPACE fresh AS SELECT g FROM generate_series(1, 5000) g")
    incremental(scratch)
    held = cold_contents(server)
    require_restorable(scratch, held,
                       options=[f"--tablespace-map=fresh={scratch.root}/restored space"])
    server.start()
    server.sql("ALTER TABLE there SET TABLESPACE pg_default")
    server.sql("DROP TABLESPACE fresh")
    incremental(scratch)
    require_restores(scratch, server)


def test_verify_unchanged_reads_everything_whatever_the_stamps_say(lived):
    scratch, server = lived
    settle(server)
    incremental(scratch)
    settle(server)
    trusting = incremental(scratch)
    assert trusting["compare_reason"] == "stamps" and trusting["files_unchanged"] > 500
    report = incremental(scratch, "--verify-unchanged")
    assert report["compare_reason"] == "asked" and report["files_unchanged"] == 0
    # The trusting one reads what it writes again for compaction too: that depends on the tests before.
    read = trusting["pages_read"] - trusting["pages_compacted"]
    assert report["pages_read"] > 10 * read, (report, trusting)
    assert report["pages_changed"] < 100 and report["unseen_change_count"] == 0
    assert report["metadata_bytes_stored"] < 1 << 20
    require_restores(scratch, server)


def test_changes_while_everything_is_compared_are_no_unseen_changes(lived):
    """A busy server writes to files that looked unchanged when they were listed."""
    scratch, server = lived
    settle(server)
    incremental(scratch)
    settle(server)
    script = scratch.root / "writes.sql"
    script.write_text("UPDATE other SET md5 = md5(md5) WHERE g % 50 = 0;\nCHECKPOINT;\n")
    writer = subprocess.Popen(
        as_server_user([CLIENT_BINDIR / "pgbench", "-n", "-T", "300", "-f", script,
                        server.conninfo()]),
        env=scratch.environment, cwd=scratch.root, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        for _ in range(3):
            report = incremental(scratch, "--verify-unchanged")
            assert report["unseen_change_count"] == 0, report["unseen_changes"]
    finally:
        writer.kill()
        writer.wait()
    require_restores(scratch, server)


def test_a_comparison_is_due_after_so_many_days_and_after_the_clock_went_back(scratch):
    server = scratch.server()
    server.initdb("--wal-segsize=1")
    server.configure("autovacuum = off")
    scratch.protect(server, backup={"verify_unchanged_days": 7})
    library = build_library(scratch, CLOCK_AHEAD)

    def later(days):
        return incremental(scratch, env={"LD_PRELOAD": str(library),
                                         "CLOCK_AHEAD_S": str(days * DAY_S)})

    scratch.pgcairn("backup")
    assert incremental(scratch)["compare_reason"] == "stamps"
    assert later(6)["compare_reason"] == "stamps"
    assert later(8)["compare_reason"] == "due"
    assert later(9)["compare_reason"] == "stamps"
    back = incremental(scratch)
    assert back["compare_reason"] == "clock" and back["files_unchanged"] == 0
    scratch.write_config(server, backup={"verify_unchanged_days": 0})
    assert later(4000)["compare_reason"] == "stamps"
    require_restores(scratch, server)


def test_another_timeline_is_compared(scratch):
    server = scratch.server()
    server.initdb("--wal-segsize=1")
    server.configure("autovacuum = off")
    scratch.protect(server)
    server.sql("CREATE TABLE t AS SELECT g, md5(g::text) FROM generate_series(1, 20000) g")
    first = scratch.pgcairn_json("backup")
    server.sql("UPDATE t SET md5 = 'later' WHERE g < 5000")
    server.sql("CHECKPOINT")
    second = incremental(scratch)
    server.wait_archived()
    server.stop()
    # Back to the first backup, in place, and on from there.
    shutil.rmtree(server.data)
    scratch.pgcairn("restore", "--type=pitr", "--immediate", f"--source={first['backup_id']}",
                    "--archive-mode=preserve", f"--target-dir={server.data}")
    server.start_recovered()
    server.sql("UPDATE t SET md5 = 'elsewhere' WHERE g > 19000")
    server.sql("CHECKPOINT")
    report = incremental(scratch)
    assert report["timeline"] == 2 and report["type"] == "incremental"
    assert report["base_backup_id"] == second["backup_id"]
    assert report["compare_reason"] == "timeline" and report["files_unchanged"] == 0
    assert report["unseen_change_count"] == 0
    again = incremental(scratch)
    assert again["compare_reason"] == "stamps"
    require_restores(scratch, server)


def test_a_cluster_goes_on_under_a_new_system_identifier_and_its_old_backups_stay(scratch):
    """As after pg_upgrade: another initdb, in the place of the old server."""
    old = scratch.server("old")
    old.initdb("--wal-segsize=1")
    scratch.protect(old)
    old.sql("CREATE TABLE t AS SELECT g FROM generate_series(1, 5000) g")
    scratch.pgcairn("backup")
    old.sql("INSERT INTO t SELECT -g FROM generate_series(1, 3000) g")
    before = incremental(scratch)
    assert before["type"] == "incremental"
    old.sql("INSERT INTO t VALUES (7777777)")
    held_before = cold_contents(old)

    new = scratch.server("new")
    new.initdb("--wal-segsize=1")
    new.start()
    scratch.write_config(new)
    refused = scratch.pgcairn("init", check=False)
    assert refused.returncode == REFUSED and "init --new-system" in refused.stderr
    init = scratch.pgcairn_json("init", "--new-system")
    new.configure(*init["postgresql_conf"])
    new.stop()
    new.start()
    new.sql("CREATE TABLE upgraded AS SELECT g FROM generate_series(1, 5000) g")
    first = json.loads((result := scratch.pgcairn(
        "--output=json", "backup", "--type=incremental")).stdout)
    assert first["type"] == "full" and "no earlier backup of this PostgreSQL" in result.stderr
    new.sql("INSERT INTO upgraded VALUES (1)")
    second = incremental(scratch)
    assert second["base_backup_id"] == first["backup_id"]
    held_after = cold_contents(new)
    require_restorable(scratch, held_after, name="after")
    # The old one with the WAL of its own time, to its very end.
    require_restorable(scratch, held_before, name="before",
                       options=[f"--source={before['backup_id']}"])
    scratch.pgcairn("verify", "--all")
    assert len(scratch.pgcairn_json("list")["backups"]) == 4


def test_a_bad_page_is_reported_again_by_the_next_backup(scratch):
    server = scratch.server()
    server.initdb("--wal-segsize=1")
    server.configure("autovacuum = off")
    server.start()
    path = make_table(server, "here")
    scratch.protect(server)
    settle(server)
    scratch.pgcairn("backup")
    damage(server.data / path, 5, random.Random(1))
    for _ in range(2):
        result = scratch.pgcairn("--output=json", "backup", "--type=incremental", check=False)
        report = json.loads(result.stdout)
        assert result.returncode == CORRUPT_PAGES, result.stderr
        assert report["type"] == "incremental" and report["bad_page_count"] == 1
        assert report["bad_pages"] == [f"{path} block 5"]
        settle(server)


def restore_files(scratch, repository, backup_id):
    """What a restore writes, without its own settings."""
    target = scratch.root / "compared"
    config = json.loads((scratch.root / "config/backup.config.json").read_text())
    config["storage"]["local_path"] = str(repository)
    other = scratch.root / "config-of-copy/backup.config.json"
    other.parent.mkdir(exist_ok=True)
    give_to_server_user(other.parent)
    other.write_text(json.dumps(config))
    other.chmod(0o600)
    give_to_server_user(other)
    for key in (scratch.root / "config").glob("*"):
        if key.name != other.name and not (other.parent / key.name).exists():
            scratch.run(["cp", "-a", key, other.parent / key.name])
    scratch.run([scratch.program, f"--config={other}", "--no-progress", "restore",
                 "--type=full", f"--source={backup_id}", f"--target-dir={target}"])
    state = {path: entry for path, entry in tree_state(target).items()
             if path != "postgresql.auto.conf"}
    shutil.rmtree(target)
    return state


def delete_by_hand(cluster, backup_id):
    """The manifest, its list, and the packs that no other list names."""
    def packs(refs):
        return {line.split()[0] for line in refs.read_text().splitlines()[1:-1]}

    refs = cluster / f"backups/{backup_id}.refs"
    alone = packs(refs)
    for other in (cluster / "backups").glob("*.refs"):
        if other != refs:
            alone -= packs(other)
    for pack in alone:
        (cluster / f"packs/{pack[:2]}/{pack}").unlink()
    refs.unlink()
    (cluster / f"backups/{backup_id}").unlink()
    return len(alone)


def test_any_backup_can_be_deleted_and_all_others_stay_whole(scratch):
    server = scratch.server()
    server.initdb("--wal-segsize=1")
    scratch.protect(server, storage={"encryption_enabled": False},
                    schedules={"verification": "never"})
    server.sql("CREATE TABLE t (id int PRIMARY KEY, body text);"
               "INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 30000) g")
    ids = [scratch.pgcairn_json("backup")["backup_id"]]
    for number in range(4):
        server.sql(f"UPDATE t SET body = md5(body) WHERE id % 5 = {number};"
                   f"CREATE TABLE n{number} AS SELECT g FROM generate_series(1, 3000) g")
        if number > 1:
            server.sql(f"DROP TABLE n{number - 2}")
        ids.append(incremental(scratch)["backup_id"])
    server.wait_archived()
    server.stop()
    repository = scratch.root / "repository"
    whole = {backup: restore_files(scratch, repository, backup) for backup in ids}
    assert len({json.dumps(sorted(map(str, state.items()))) for state in whole.values()}) == 5
    for victim in ids:
        copy = scratch.root / "copy"
        scratch.run(["cp", "-al", repository, copy])
        assert delete_by_hand(copy / "clusters/main", victim) > 0
        scratch.run(["/usr/bin/python3", scratch.reader, "--repository", copy, "check-hashes"])
        for backup in ids:
            if backup != victim:
                assert restore_files(scratch, copy, backup) == whole[backup], (victim, backup)
        shutil.rmtree(copy)
