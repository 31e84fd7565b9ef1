"""What runs that failed or were killed left behind is cleared away, and nothing else is."""

import os
import pathlib
import signal
import socket
import time

import pytest

from killed_runs import start
from restore_proof import cold_contents, repository_is_valid, require_restorable
from scratch import give_to_server_user, kill, wait_for

TIMEOUT = 13
MINE = f"pgcairn-restore-test-{socket.gethostname()}"


def objects(scratch, pattern):
    return sorted(path for path in (scratch.root / "repository/clusters/main").glob(pattern)
                  if path.is_file())


# Temporary files of puts that died

def plant(path, age_hours):
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(b"half of an object")
    path.chmod(0o600)
    when = time.time() - age_hours * 3600
    os.utime(path, (when, when))
    for item in (path.parent.parent, path.parent, path):
        give_to_server_user(item)
    return path


def test_a_backup_removes_old_temporaries_and_no_others(protected):
    scratch, _ = protected
    cluster = scratch.root / "repository/clusters/main"
    old = [plant(cluster / "packs/00/.tmp-0123456789abcdef", 25),
           plant(cluster / "backups/.tmp-fedcba9876543210", 25)]
    # Another host may be writing the young one; the others are nobody's temporaries.
    kept = [plant(cluster / "packs/00/.tmp-00000000000000aa", 23),
            plant(cluster / "packs/00/.tmp-mine", 25),
            plant(cluster / "notes/an-object", 25)]
    scratch.pgcairn("backup", "--test")
    assert all(path.exists() for path in old), "a trial changes nothing"
    result = scratch.pgcairn("backup")
    assert [path for path in old if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []
    assert "removed 2 temporary files" in result.stderr


# Packs and leases of backups that failed

def test_a_backup_that_fails_at_its_end_takes_back_what_it_stored(scratch):
    server = scratch.server()
    server.initdb()
    scratch.protect(server, cluster={"wal_timeout": 2})
    last = scratch.root / "last-archived"
    push = server.sql("SHOW archive_command").replace("'", "''")
    server.configure(f"archive_command = 'test ! -e {last} || test %f = \"$(cat {last})\" && {push}'")
    server.stop()
    server.start()
    good = scratch.pgcairn_json("backup")["backup_id"]
    before = objects(scratch, "packs/*/*")
    assert before

    # The segment that proves archiving arrives, the backup's own do not.
    server.sql("SELECT pg_switch_wal()")
    server.sql("SELECT pg_logical_emit_message(false, 'test', 'a segment that is not empty')")
    last.write_text(server.sql("SELECT pg_walfile_name(pg_current_wal_insert_lsn())"))
    last.chmod(0o644)
    result = scratch.pgcairn("backup", check=False)
    assert result.returncode == TIMEOUT, result.stderr
    assert "waiting for the WAL that the backup needs" in result.stderr
    assert objects(scratch, "packs/*/*") == before
    assert objects(scratch, "leases/*") == []

    last.unlink()
    again = scratch.pgcairn_json("backup")["backup_id"]
    held = cold_contents(server)
    listed = repository_is_valid(scratch)
    assert [backup["backup_id"] for backup in listed["backups"]] == [good, again]
    require_restorable(scratch, held, good, [f"--source={good}"])


# Directories and servers of trials that were killed

def is_running(pid):
    """Not for one that has ended, even if nobody has asked how."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


def trials(folder):
    return sorted(folder.glob(f"{MINE}-*"))


@pytest.mark.slow
def test_a_trial_removes_what_killed_trials_left_and_nothing_that_is_in_use(protected):
    scratch, server = protected
    scratch.pgcairn("backup")
    folder = scratch.make_directory("trials")
    scratch.write_config(server, restore={"test_directory": str(folder)})

    # As a trial that was killed before it could stop its server, or whose server was not told.
    left = scratch.server(f"trials/{MINE}-killed/data")
    left.data.parent.mkdir(mode=0o700)
    give_to_server_user(left.data.parent)
    left.initdb()
    left.start()
    pid = int((left.data / "postmaster.pid").read_text().split("\n", 1)[0])

    # A pid file of another time: the process that has the number now is none of ours.
    other = scratch.make_directory(f"trials/{MINE}-other")
    (other / "data").mkdir()
    (other / "data/postmaster.pid").write_bytes((server.data / "postmaster.pid").read_bytes())
    for path in (other / "data", other / "data/postmaster.pid"):
        give_to_server_user(path)
    bystander = scratch.make_directory(f"trials/{MINE}s")

    running = start(scratch, "restore", "--test")
    try:
        wait_for(lambda: not (other.exists() or left.data.parent.exists()), "the removal")
        wait_for(lambda: trials(folder) and list(trials(folder)[0].iterdir()), "the trial's files")
        os.kill(running.pid, signal.SIGSTOP)
        [in_use] = trials(folder)
        result = scratch.pgcairn("restore", "--test")
        assert trials(folder) == [in_use] and list(in_use.iterdir()) != []
        assert "removing" not in result.stderr
        os.kill(running.pid, signal.SIGCONT)
        assert running.wait(timeout=60) == 0
    finally:
        left.running = is_running(pid)
        if running.returncode is None:
            kill(running)
    assert not left.running
    assert trials(folder) == []
    assert bystander.exists()
    assert server.sql("SELECT 1") == "1"
    # The lock goes with the process, however it ends.
    killed = start(scratch, "restore", "--test")
    wait_for(lambda: trials(folder) and list(trials(folder)[0].iterdir()), "the trial's files")
    kill(killed)
    assert len(trials(folder)) == 1
    scratch.pgcairn("restore", "--test")
    assert trials(folder) == []
