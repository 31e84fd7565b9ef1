"""A cluster that was restored to a moment and goes on as timeline 2, while the old server goes on
as timeline 1, both archiving into one repository."""

import json
import random

import pytest

from commit_records import CommitRecords, Target, fetch_archive, microseconds, moment
from scratch import Scratch
from wal_cluster import lsn
from write_load import create_ledger, ledger

pytestmark = pytest.mark.slow

SEGMENT_BYTES = 1 << 20
USAGE = 2
UNREACHABLE = 15


def write(server, how, count):
    """Transactions of their own."""
    for number in range(count):
        server.sql(f"INSERT INTO ledger (how) VALUES ('{how} {number}')")


class Fork:
    def __init__(self, scratch):
        self.scratch = scratch
        self.rng = None  # each test's own
        old = scratch.server()
        old.initdb(f"--wal-segsize={SEGMENT_BYTES >> 20}")
        old.configure("autovacuum = off")
        scratch.protect(old)
        create_ledger(old)
        self.backup = scratch.pgcairn_json("backup")
        write(old, "common", 8)
        self.fork_xid = int(old.sql("SELECT max(xid) FROM ledger"))
        write(old, "old", 4)
        old.wait_archived()
        # The copy is the cluster from now on, and the old server does not know it.
        scratch.pgcairn("restore", "--type=pitr", f"--xid={self.fork_xid}",
                        "--archive-mode=preserve", f"--target-dir={scratch.root}/copy")
        new = scratch.server("copy")
        new.start_recovered()
        self.new = new
        for number in range(3):
            write(old, f"old, round {number},", 3)
            write(new, f"new, round {number},", 2)
        for server in (old, new):
            server.wait_archived()
        self.rows = {1: ledger(old), 2: ledger(new)}
        self.xids = {1: int(old.sql("SELECT max(xid) FROM ledger")),
                     2: int(new.sql("SELECT max(xid) FROM ledger"))}
        for server in (old, new):
            server.stop()
        self._read_log()

    def _read_log(self):
        log = self.scratch.make_directory("log")
        start = lsn(self.backup["start_lsn"])
        fetch_archive(self.scratch, log, 1, start, SEGMENT_BYTES)
        self.scratch.pgcairn("wal", "fetch", "00000002.history", log / "00000002.history")
        history = (log / "00000002.history").read_text().split("\t")
        assert history[0] == "1"
        self.switch = lsn(history[1])
        old = CommitRecords(SEGMENT_BYTES).read(self.scratch, log, 1, start)
        fork_segment = self.switch // SEGMENT_BYTES * SEGMENT_BYTES
        fetch_archive(self.scratch, log, 2, fork_segment, SEGMENT_BYTES)
        # The segment of the fork begins with a copy of what timeline 1 has there.
        new = old.branch(max(fork_segment, start)).read(self.scratch, log, 2,
                                                        max(fork_segment, start))
        self.records = {1: old, 2: new}

    def attempt(self, target, *options):
        value = moment(target.value) if target.kind == "timestamp" else target.value
        chosen = ["--type=full"] if target.kind == "latest" else [
            "--type=pitr", f"--{target.kind}={value}"]
        directory = self.scratch.root / "attempt"
        result = self.scratch.pgcairn(
            "--output=json", "restore", *chosen, *([] if target.inclusive else ["--exclusive"]),
            *options, f"--target-dir={directory}", check=False)
        return result, directory

    def check(self, timeline, target, *options):
        print(f"restore to {target} {' '.join(options)}: timeline {timeline}")
        result, directory = self.attempt(target, *options)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["timeline"] == timeline
        server = self.scratch.server(directory.name)
        server.start_recovered()
        records = self.records[timeline]
        stop = records.stop(target, lsn(self.backup["start_lsn"]))
        committed = records.committed(stop)
        assert ledger(server) == {row for row in self.rows[timeline] if row[1] in committed}
        server.stop("immediate")
        directory.rename(self.scratch.root / f"{server.socket.name}.done")

    def refused(self, status, target, *options):
        result, directory = self.attempt(target, *options)
        assert result.returncode == status, (str(target), result.stdout, result.stderr)
        assert not directory.exists()
        return json.loads(result.stdout)["error"]

    def after_fork(self, timeline):
        return [end for end in self.records[timeline].ends if end.start >= self.switch]


@pytest.fixture(scope="module")
def module_fork(session_seed):
    print(f"seed {session_seed}")
    with Scratch() as scratch:
        yield Fork(scratch)


@pytest.fixture
def fork(module_fork, session_seed, request):
    print(f"seed {session_seed}")
    module_fork.rng = random.Random(f"{session_seed}/{request.node.name}")
    return module_fork


def test_a_target_on_two_timelines_asks_which_and_each_answer_differs(fork):
    shared = [Target("xid", xid) for xid in {end.xid for end in fork.after_fork(1)} &
              {end.xid for end in fork.after_fork(2)}]
    assert shared
    # Both go on after that time, each with transactions of its own.
    last = min(max(end.time_us for end in fork.after_fork(n)) for n in (1, 2))
    first = max(min(end.time_us for end in fork.after_fork(n)) for n in (1, 2))
    times = [Target("timestamp", fork.rng.randrange(first, last), fork.rng.random() < 0.5)]
    for target in (fork.rng.choice(shared), *times):
        error = fork.refused(USAGE, target)
        assert error["code"] == "usage" and "timelines: 1, 2" in error["message"]
        assert "--timeline" in error["hint"]
        for timeline in (1, 2):
            fork.check(timeline, target, f"--timeline={timeline}")


def test_a_target_before_the_fork_needs_no_answer(fork):
    common = [end for end in fork.records[1].ends
              if lsn(fork.backup["stop_lsn"]) <= end.start < fork.switch]
    end = fork.rng.choice(common[1:-1])
    fork.check(1, Target("xid", end.xid))
    fork.check(2, Target("xid", end.xid), "--timeline=2")


def test_without_a_target_the_newest_timeline_is_followed_to_its_end(fork):
    fork.check(2, Target("latest"))
    fork.check(1, Target("latest"), "--timeline=1")
    assert {row[2].split()[0].rstrip(",") for row in fork.rows[2]} == {"common", "new"}


def test_each_timeline_has_its_window_and_what_only_the_other_holds_is_refused(fork):
    listed = fork.scratch.pgcairn_json("list")
    assert listed["wal_gaps"] == []
    windows = {window["timeline"]: window for window in listed["recovery_windows"]}
    assert set(windows) == {1, 2} and len(listed["recovery_windows"]) == 2
    for timeline, window in windows.items():
        last = fork.records[timeline].ends[-1]
        assert microseconds(window["to"]) == last.time_us
        assert window["backups"] == [fork.backup["backup_id"]]
    only_old = fork.xids[1]
    assert only_old not in {end.xid for end in fork.records[2].ends}
    fork.check(1, Target("xid", only_old))
    error = fork.refused(UNREACHABLE, Target("xid", only_old), "--timeline=2")
    assert "on timeline 2" in error["message"]
    fork.refused(UNREACHABLE, Target("latest"), "--timeline=3")


def test_a_backup_of_the_new_timeline_leaves_the_old_one_within_reach(fork):
    fork.new.start()
    fork.scratch.write_config(fork.new)
    newer = fork.scratch.pgcairn_json("backup")
    fork.new.stop()
    assert newer["timeline"] == 2
    fork.check(2, Target("latest"))
    fork.check(1, Target("latest"), "--timeline=1")
    fork.check(1, Target("xid", fork.xids[1]))
    windows = {window["timeline"]: window["backups"]
               for window in fork.scratch.pgcairn_json("list")["recovery_windows"]}
    assert windows == {1: [fork.backup["backup_id"]],
                       2: [fork.backup["backup_id"], newer["backup_id"]]}
