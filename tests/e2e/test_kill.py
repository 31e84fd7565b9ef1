"""kill -9 at random points: the repository stays valid, the server goes on, the next run succeeds,
and no WAL that was acknowledged is lost."""

import os
import pathlib
import shutil
import signal

import pytest

from bulk_rows import make_bulk
from killed_runs import Accidents, duration_of, generator, random_points, run_and_kill, start
from preloaded_writes import SLOW_STORING, build_library
from restore_proof import ALONE, cold_contents, repository_is_valid, require_recovers, \
    require_restorable
from scratch import BINDIR, CLIENT_BINDIR, PORT, Scratch, wait_for
from tree_state import changes, tree_state
from write_load import WriteLoad, create_ledger

REFUSED = 12


@pytest.fixture(name="kills", params=[6, pytest.param(30, marks=pytest.mark.soak)])
def _kills(request):
    return request.param


def temporaries(folder):
    """What only a run that was killed can have left."""
    return [path for path in folder.rglob("*")
            if path.name.startswith(".") or "pgcairn-tmp" in path.name]


# backup

@pytest.mark.slow
def test_killed_backups_leave_a_valid_repository(scratch, seed, kills):
    repository = scratch.root / "repository"
    server = scratch.server()
    server.initdb()
    server.configure("max_prepared_transactions = 20")
    scratch.protect(server)
    make_bulk(server, 16)
    create_ledger(server)
    scratch.run([CLIENT_BINDIR / "pgbench", "-h", server.socket, "-p", PORT, "-U", "postgres", "-i",
                 "-q", "postgres"])
    known, of_killed_runs = [], []

    def back_up():
        known.append(scratch.pgcairn_json("backup")["backup_id"])

    def listed():
        return [backup["backup_id"] for backup in scratch.pgcairn_json("list")["backups"]]

    with WriteLoad(server, seed):
        duration = duration_of(back_up)
        for delay in random_points(generator(seed, "backup"), kills, duration):
            while not run_and_kill(lambda: start(scratch, "backup"), delay):
                known = listed()
            # The manifest is the commit: it was before the kill, or never comes.
            found = listed()
            assert found[:len(known)] == known and len(found) - len(known) in (0, 1)
            of_killed_runs += found[len(known):]
            known = found
            back_up()
            assert listed() == known
    held = cold_contents(server)
    listed_at_last = repository_is_valid(scratch)
    assert all(backup["good"] for backup in listed_at_last["backups"])
    assert listed_at_last["wal_gaps"] == []
    assert temporaries(repository) == []
    print(f"{kills} kills within {duration:.2f} s, after the commit: {of_killed_runs}; "
          f"{len(list(repository.glob('clusters/main/leases/*')))} leases left")
    for source in {known[0], known[len(known) // 2], known[-1], *of_killed_runs}:
        require_restorable(scratch, held, source, [f"--source={source}"])


# wal push

class Archiving:
    """A server whose archive_command meets with accidents."""

    def __init__(self, scratch, server):
        self.scratch, self.server = scratch, server
        self.accidents = Accidents(scratch, "push")
        # Else the moments in which a segment is half stored would be too short to be met.
        slow = build_library(scratch, SLOW_STORING, pause_us=3000)
        command = f"/usr/bin/env LD_PRELOAD={slow} " + server.sql("SHOW archive_command")
        # All that was ever written stays, to be compared with.
        server.configure("wal_keep_size = 4GB", "archive_timeout = 0", "max_wal_size = 4GB",
                         "archive_command = '{}'".format(
                             self.accidents.wrap(command).replace("'", "''")))
        server.stop()
        server.start()
        server.sql("CREATE TABLE rows (id int, body bytea)")
        self.rows = 0

    def finish_segment(self):
        """Fills some of a segment and ends it; the archiver is told. Returns its name."""
        self.rows += 1
        self.server.sql(
            f"INSERT INTO rows SELECT {self.rows}, sha256((g || ' {self.rows}')::bytea) "
            "FROM generate_series(1, 60000) g")
        return self.server.sql("SELECT pg_walfile_name(pg_switch_wal())")

    def is_archived(self, segment):
        return (self.server.data / f"pg_wal/archive_status/{segment}.done").exists()

    def wait_archived(self, segment):
        def is_archived():
            # Between connections the postmaster may sleep for a minute, and not see that it may
            # start an archiver again.
            self.accept_again()
            return self.is_archived(segment)
        wait_for(is_archived, f"archiving {segment}", timeout=90)

    def acknowledged(self):
        """What the server itself takes for archived."""
        return sorted(path.stem for path in (self.server.data / "pg_wal/archive_status").iterdir()
                      if path.suffix == ".done")

    def accept_again(self):
        """Waits for the end of the crash recovery that a killed archiver causes."""
        def accepts():
            return self.scratch.run([CLIENT_BINDIR / "psql", "-XAtq", "-c", "SELECT 1", "-d",
                                     self.server.conninfo()], check=False).returncode == 0
        wait_for(accepts, "the server's return")


def how_to_kill(number):
    """Mostly alone, for after the others the server takes ten seconds to start an archiver."""
    return {1: "signal", 2: "group"}.get(number % 8, "alone")


@pytest.mark.slow
def test_killed_pushes_lose_no_acknowledged_wal(protected, seed, kills):
    scratch, server = protected
    archiving = Archiving(scratch, server)
    backup = scratch.pgcairn_json("backup")["backup_id"]
    for _ in range(3):
        archiving.wait_archived(archiving.finish_segment())
    taken = sorted(outcome["seconds"] for outcome in archiving.accidents.outcomes()[-3:])
    for number, delay in enumerate(random_points(generator(seed, "push"), kills, taken[1])):
        before = archiving.accidents.kills()
        while archiving.accidents.kills() == before:
            archiving.accidents.plan(delay, how_to_kill(number))
            segment = archiving.finish_segment()
            archiving.wait_archived(segment)
    print(f"{archiving.accidents.kills()} kills within {taken[1] * 1000:.0f} ms")
    held = cold_contents(server)

    acknowledged = archiving.acknowledged()
    assert len([name for name in acknowledged if len(name) == 24]) > kills
    fetched = scratch.make_directory("fetched")
    for name in acknowledged:
        scratch.pgcairn("wal", "fetch", name, fetched / name)
        assert (fetched / name).read_bytes() == (server.data / "pg_wal" / name).read_bytes(), name
    assert repository_is_valid(scratch)["wal_gaps"] == []
    assert temporaries(scratch.root / "repository") == []
    require_restorable(scratch, held, options=[f"--source={backup}"])


# wal fetch

@pytest.fixture(name="archived", scope="module")
def _archived():
    """(scratch, the segments in the archive, what the server held at the end). It is stopped."""
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb()
        server.configure("wal_keep_size = 1GB")
        scratch.protect(server)
        make_bulk(server, 40)
        scratch.pgcairn("backup")
        segments = []
        for number in range(8):
            server.sql(f"INSERT INTO bulk SELECT -g, sha256((g || ' {number}')::bytea) "
                       "FROM generate_series(1, 40000) g")
            segments.append(server.sql("SELECT pg_walfile_name(pg_switch_wal())"))
        yield scratch, server, segments, cold_contents(server)


@pytest.mark.slow
def test_a_killed_fetch_hands_out_a_whole_segment_or_none(archived, seed, kills):
    scratch, server, segments, _ = archived
    folder = scratch.make_directory(f"fetched-{kills}")
    destination = folder / "RECOVERYXLOG"
    rng = generator(seed, "fetch")
    whole = {name: (server.data / "pg_wal" / name).read_bytes() for name in segments}
    duration = duration_of(lambda: scratch.pgcairn("wal", "fetch", segments[0], destination))
    for delay in random_points(rng, kills, duration):
        killed = False
        while not killed:
            destination.unlink(missing_ok=True)
            name = rng.choice(segments)
            killed = run_and_kill(lambda: start(scratch, "wal", "fetch", name, destination), delay)
            delay *= 0.8  # the run was quicker
            assert not destination.exists() or destination.read_bytes() == whole[name]
        scratch.pgcairn("wal", "fetch", name, destination)
        assert destination.read_bytes() == whole[name]
    left = temporaries(folder)
    assert len(left) <= 1, "leftovers pile up"


@pytest.mark.slow
def test_a_recovery_whose_fetches_are_killed_stops_and_then_goes_on(archived, seed, kills):
    """Never does it take the accident for the end of the log."""
    scratch, _, segments, held = archived
    rng = generator(seed, "recovery")
    accidents = Accidents(scratch, f"fetch-{kills}")
    scratch.pgcairn("restore", f"--target-dir={scratch.root}/restored-{kills}")
    restored = scratch.server(f"restored-{kills}")
    settings = restored.data / "postgresql.auto.conf"
    text = settings.read_text()
    prefix = "restore_command = '"
    assert text.count(prefix) == 1
    settings.write_text(text.replace(prefix, prefix + accidents.wrap("")))
    # No restart points: each recovery begins at the beginning and fetches everything.
    restored.configure("checkpoint_timeout = 1d", "max_wal_size = 4GB")
    duration = duration_of(lambda: scratch.pgcairn("wal", "fetch", segments[0], "x"))
    for delay in random_points(rng, kills, duration):
        before = accidents.kills()
        while accidents.kills() == before:
            accidents.plan(delay, rng.choice(["alone", "signal"]), status=137,
                           spare=rng.randrange(len(segments)))
            start_expecting_an_accident(restored, accidents, before)
            delay *= 0.8  # the fetch was quicker
        assert "archive recovery complete" not in restored.log_text()
    accidents.forget()
    left = temporaries(restored.data)
    assert len(left) <= 1, "leftovers pile up"
    require_recovers(restored, held)


def start_expecting_an_accident(restored, accidents, kills_before):
    """Starts a server that recovers; when the fetch was quicker than its killer, it is stopped."""
    pid = restored.data / "postmaster.pid"
    try:
        restored.start(*ALONE, "hot_standby=off", wait=False)
        wait_for(lambda: not accidents.planned(), "the planned fetch", log=restored.log_text)
        seen = len(accidents.outcomes())
        wait_for(lambda: len(accidents.outcomes()) > seen or not pid.exists(), "the next fetch")
    finally:
        if accidents.kills() == kills_before:
            # An immediate stop is lost on a startup process that waits for its command, as system(3)
            # ignores the signal meanwhile: that one would finish the recovery.
            kill_startup_process(restored.data)
        wait_for(lambda: not pid.exists(), "the server's end", timeout=15)
        restored.running = False
        # A postmaster that gives up does not wait for its children; no other one starts while they
        # hold its shared memory.
        wait_for(lambda: not workers_in(restored.data), "the end of its last processes")


def kill_startup_process(directory):
    """Its server ends then; with others killed too it would begin again."""
    for worker in workers_in(directory):
        try:
            if b": startup " in pathlib.Path(f"/proc/{worker}/cmdline").read_bytes():
                os.kill(worker, signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended


def workers_in(directory):
    """The numbers of all processes of a server, and of the commands that they run."""
    workers = []
    for process in pathlib.Path("/proc").glob("[0-9]*/cwd"):
        try:
            if process.readlink() == directory:
                workers.append(int(process.parent.name))
        except OSError:
            pass  # it has ended, or is another user's
    return workers


# restore

@pytest.mark.slow
def test_killed_restores_leave_nothing_that_starts(archived, seed, kills):
    scratch, _, _, held = archived
    reference = scratch.server(f"reference-{kills}")
    victim = scratch.root / f"victim-{kills}"

    def restore_again():
        shutil.rmtree(victim, ignore_errors=True)
        scratch.pgcairn("restore", f"--target-dir={victim}")

    scratch.pgcairn("restore", f"--target-dir={reference.data}")
    expected = tree_state(reference.data)
    duration = duration_of(restore_again)
    assert changes(expected, tree_state(victim)) == []
    unfinished = 0
    for delay in random_points(generator(seed, "restore"), kills, duration):
        killed = False
        while not killed:
            shutil.rmtree(victim, ignore_errors=True)
            killed = run_and_kill(lambda: start(scratch, "restore", f"--target-dir={victim}"),
                                  delay)
            delay *= 0.8  # the run was quicker
        unfinished += require_unusable_or_whole(scratch, victim, reference.data, expected)
        restore_again()
        assert changes(expected, tree_state(victim)) == []
    print(f"{kills} kills within {duration:.2f} s left {unfinished} unfinished directories")
    assert unfinished > 0
    shutil.rmtree(victim)
    repository_is_valid(scratch)
    require_recovers(reference, held)


def require_unusable_or_whole(scratch, victim, reference, expected):
    """Returns whether something unfinished was there."""
    if not victim.exists() or not list(victim.iterdir()):
        return False
    if (victim / "global/pg_control").exists():
        # The marker goes last.
        assert [path for path in changes(expected, tree_state(victim))
                if path != "pgcairn.restoring"] == []
        return False
    server = scratch.run([BINDIR / "postgres", "-D", victim,
                          f"--config-file={reference}/postgresql.conf"], check=False)
    # Which file it stumbles over first depends on what was not filled yet.
    assert server.returncode != 0 and "ready to accept connections" not in server.stderr
    again = scratch.pgcairn("restore", f"--target-dir={victim}", check=False)
    assert again.returncode == REFUSED and str(victim) in again.stderr
    return True
