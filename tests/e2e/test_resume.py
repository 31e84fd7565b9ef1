"""A backup that was interrupted is gone on from; two at once keep out of each other's way."""

import json
import signal
import subprocess
import time

import pytest

from killed_runs import start
from restore_proof import cold_contents, repository_is_valid, require_restorable
from scratch import as_server_user, kill, wait_for
from stopped_runs import Stopper

REFUSED = 12

# The first two random bytes that a process asks for are the last digits of its id.
SAME_DIGITS = r"""
#define _GNU_SOURCE
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int drawn;

ssize_t getrandom(void *into, size_t size, unsigned flags)
{
    if (size != 2 || drawn)
        return syscall(SYS_getrandom, into, size, flags);
    drawn = 1;
    memset(into, 0, size);
    return size;
}
"""
ROWS = 700_000  # about as many KB that do not compress


def stored_bytes(scratch):
    return sum(path.stat().st_size
               for path in (scratch.root / "repository/clusters/main/packs").rglob("*")
               if path.is_file())


def names(scratch, pattern):
    return sorted(path.name for path in (scratch.root / "repository/clusters/main").glob(pattern)
                  if path.is_file())


@pytest.fixture(name="large", scope="module")
def _large():
    from scratch import Scratch
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb()
        server.configure("max_wal_size = '4GB'")
        scratch.protect(server, cluster={"wal_timeout": 300}, compression={"level": 1},
                        schedules={"verification": "never"})
        server.sql("CREATE EXTENSION pgcrypto; CREATE TABLE noise (id int, bytes bytea); "
                   "ALTER TABLE noise ALTER bytes SET STORAGE EXTERNAL")
        server.sql("INSERT INTO noise SELECT i, gen_random_bytes(1000) "
                   f"FROM generate_series(1, {ROWS}) i")
        server.sql("CHECKPOINT")
        yield scratch, server


def interrupt_at(scratch, share, total, *arguments):
    """Kills a backup when that share of what it will store is stored. Returns the bytes it stored."""
    before = stored_bytes(scratch)
    process = start(scratch, "backup", *arguments)
    wait_for(lambda: stored_bytes(scratch) - before >= share * total or process.poll() is not None,
             "the backup does not get that far", timeout=120)
    assert process.poll() is None, "it was over before it could be killed"
    kill(process)
    return stored_bytes(scratch) - before


@pytest.mark.slow
def test_an_incremental_backup_goes_on_from_an_interrupted_one(large):
    scratch, server = large
    base = scratch.pgcairn_json("backup", "--type=incremental")["backup_id"]
    server.sql("UPDATE noise SET bytes = gen_random_bytes(1000) WHERE id % 2 = 0")
    server.sql("CHECKPOINT")
    before = stored_bytes(scratch)
    process = start(scratch, "backup", "--type=incremental")
    wait_for(lambda: names(scratch, "checkpoints/*/*") and
             stored_bytes(scratch) - before > 200 << 20 or process.poll() is not None,
             "no checkpoint", timeout=120)
    assert process.poll() is None
    kill(process)
    stored = stored_bytes(scratch) - before
    report = scratch.pgcairn_json("backup", "--type=incremental")
    assert report["type"] == "incremental" and report["base_backup_id"] == base
    assert report["resumed_from"]
    whole = report["bytes_stored"] + stored
    fresh = scratch.pgcairn_json("backup", "--test")["bytes_stored"]
    assert whole < fresh * 1.3, "nothing is stored twice but what came after the last checkpoint"
    repository_is_valid(scratch)


# The last one: comparing it with the server writes WAL that is not archived.
@pytest.mark.slow
def test_a_full_backup_killed_at_nine_tenths_stores_little_again(large):
    scratch, _ = large
    total = scratch.pgcairn_json("backup")["bytes_stored"]
    stored = interrupt_at(scratch, 0.9, total)
    assert names(scratch, "leases/*") != [] and names(scratch, "checkpoints/*/*") != []
    report = scratch.pgcairn_json("backup")
    assert report["type"] == "full" and report["resumed_from"]
    again = report["bytes_stored"] - (total - stored)
    print(f"{again} of {total} bytes again")
    assert again <= 0.15 * total, (again, total)
    assert names(scratch, "leases/*") == names(scratch, "checkpoints/*/*") == []
    repository_is_valid(scratch)
    contents = cold_contents(large[1])
    require_restorable(scratch, contents, "resumed")


def test_a_second_backup_at_the_same_time_is_refused(protected):
    scratch, server = protected
    scratch.pgcairn("backup")
    server.sql("CREATE TABLE more AS SELECT i FROM generate_series(1, 200000) i")
    going = start(scratch, "backup")
    try:
        wait_for(lambda: names(scratch, "leases/*") or going.poll() is not None, "no lease")
        going.send_signal(signal.SIGSTOP)
        assert going.poll() is None, "it was over before it could be stopped"
        time.sleep(0.05)
        second = scratch.pgcairn("--output=json", "backup", check=False)
        assert second.returncode == REFUSED, second.stderr
        assert "another backup" in json.loads(second.stdout)["error"]["message"]
    finally:
        going.send_signal(signal.SIGCONT)
    assert going.wait(60) == 0
    scratch.pgcairn("backup")
    assert names(scratch, "leases/*") == []
    repository_is_valid(scratch)


def test_a_backup_that_draws_the_id_of_another_leaves_its_lease(protected):
    scratch, server = protected
    # Later ids follow this one's, so that they are of one second.
    ahead = Stopper(scratch).environment(clock_shift=3600)
    scratch.pgcairn("backup", env=ahead)
    library = scratch.root / "same_digits.so"
    source = library.with_suffix(".c")
    source.write_text(SAME_DIGITS)
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    library.chmod(0o755)
    preload = {"LD_PRELOAD": str(library)}
    server.sql("CREATE TABLE more AS SELECT i FROM generate_series(1, 200000) i")
    going = subprocess.Popen(
        as_server_user([scratch.program, f"--config={scratch.root}/config/backup.config.json",
                        "--no-progress", "backup"]),
        cwd=scratch.root, env={**scratch.environment, **preload}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: names(scratch, "leases/*") or going.poll() is not None, "no lease")
        going.send_signal(signal.SIGSTOP)
        assert going.poll() is None, "it was over before it could be stopped"
        time.sleep(0.05)
        [lease] = names(scratch, "leases/*")
        assert lease.endswith("-0000")
        for kind in "full", "incremental":
            second = scratch.pgcairn("backup", f"--type={kind}", check=False, env=preload)
            assert second.returncode == REFUSED, second.stderr
            assert "another backup" in second.stderr and lease in second.stderr
            assert names(scratch, "leases/*") == [lease]
    finally:
        going.send_signal(signal.SIGCONT)
    assert going.wait(60) == 0
    assert names(scratch, "backups/*-0000") == [lease] and names(scratch, "leases/*") == []
    repository_is_valid(scratch)
