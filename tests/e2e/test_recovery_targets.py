"""Point-in-time recovery under a write load: every restore brings back exactly the rows of the
commit records up to its stop, as pg_waldump lists them, and an unreachable target costs nothing."""

import json
import random
import shutil
import time

import pytest

from commit_records import Target, microseconds, moment, segment_name
from loaded_history import REPEATED, SEGMENT_BYTES, DamagedArchive, History, random_target
from scratch import CLIENT_BINDIR, Scratch
from wal_cluster import lsn, lsn_text
from write_load import create_ledger, ledger

UNREACHABLE = 15

pytestmark = pytest.mark.slow


def as_message(iso):
    """A time of the JSON output as messages write it."""
    return moment(microseconds(iso))[:-len(":00")]


@pytest.fixture(scope="module")
def module_history(session_seed):
    print(f"seed {session_seed}")
    with Scratch() as scratch:
        yield History(scratch, session_seed)


@pytest.fixture
def history(module_history, session_seed, request):
    print(f"seed {session_seed}")
    # A test alone chooses as it does among the others.
    module_history.rng = random.Random(f"{session_seed}/{request.node.name}")
    return module_history


def targets(history, count):
    order = [(kind, inclusive) for kind in ("timestamp", "lsn", "xid")
             for inclusive in (True, False)]
    return [random_target(history, *order[n % len(order)]) for n in range(count)]


def test_the_load_wrote_every_kind_of_end(history):
    """Without these the other tests would prove less than they say."""
    assert {end.kind for end in history.records.ends} == {
        "COMMIT", "ABORT", "COMMIT_PREPARED", "ABORT_PREPARED"}
    assert history.records.subtransactions
    assert len(history.rows) > 200
    assert not [row for row in history.rows if row[2] == "never"]
    late = max(lsn(backup["stop_lsn"]) for backup in history.backups)
    assert any(end.start > late for end in history.records.ends)


@pytest.mark.parametrize("count", [6, pytest.param(20, marks=pytest.mark.soak)])
def test_a_restore_brings_exactly_the_rows_committed_up_to_its_stop(history, count):
    for target in targets(history, count):
        history.check_restore(target)


def test_named_point_immediate_and_latest_bring_exactly_their_rows(history):
    history.check_restore(Target("name", history.rng.choice(history.names[1:])))
    history.check_restore(Target("latest"))
    first, newest = history.backups[0], history.backups[-1]
    history.check_restore(Target("immediate", lsn(newest["stop_lsn"])))
    history.check_restore(Target("immediate", lsn(first["stop_lsn"])),
                          f"--source={first['backup_id']}")
    # An older backup reaches past the newer ones.
    history.check_restore(Target("xid", history.records.ends[-1].xid, inclusive=False),
                          f"--source={first['backup_id']}")


def test_a_point_of_that_name_before_the_backup_is_consistent_leads_to_an_older_backup(history):
    """A server would stop at the first one, and refuse to go on."""
    third = history.backups[2]
    start, consistent = lsn(third["start_lsn"]), lsn(third["stop_lsn"])
    places = [point.start for point in history.records.points if point.name == REPEATED]
    assert any(start <= place < consistent for place in places) and places[-1] > consistent
    history.check_restore(Target("name", REPEATED))
    assert_refused(history.scratch, ["--type=pitr", f"--name={REPEATED}",
                                     f"--source={third['backup_id']}"], history.windows)


def test_the_recovery_window_ends_with_the_last_transaction_end_of_the_log(history):
    assert history.gaps == []
    [window] = history.windows
    assert window["timeline"] == 1
    assert window["backups"] == [backup["backup_id"] for backup in history.backups]
    assert window["from"] == history.backups[0]["stopped_at"]
    assert window["from_lsn"] == history.backups[0]["stop_lsn"]
    last = max(history.records.ends, key=lambda end: end.start)
    assert microseconds(window["to"]) == last.time_us == max(
        end.time_us for end in history.records.ends)
    assert history.records.starts[-1] < lsn(window["to_lsn"]) <= history.end
    # Both ends of the window can be reached; the last one with all but the last row.
    history.check_restore(Target("timestamp", microseconds(window["from"])))
    history.check_restore(Target("lsn", lsn(window["from_lsn"]), inclusive=False))
    history.check_restore(Target("timestamp", last.time_us, inclusive=False))


def unreachable(history):
    since, until = (microseconds(history.windows[0][key]) for key in ("from", "to"))
    from_lsn, to_lsn = (lsn(history.windows[0][key]) for key in ("from_lsn", "to_lsn"))
    low = from_lsn
    subtransaction = max(history.records.subtransactions -
                         {end.xid for end in history.records.ends})
    return [
        Target("timestamp", since - 1), Target("timestamp", since - 86_400_000_000),
        Target("timestamp", until), Target("timestamp", until + 1, inclusive=False),
        Target("timestamp", until + 86_400_000_000),
        Target("lsn", low - 1), Target("lsn", history.records.starts[-1] + 1),
        Target("lsn", to_lsn, inclusive=False), Target("lsn", to_lsn + (64 << 20)),
        Target("xid", history.xid_before), Target("xid", history.xid_prepared),
        Target("xid", subtransaction), Target("xid", 4_000_000_000, inclusive=False),
        Target("name", "before all backups"), Target("name", "nobody made this one"),
    ]


def assert_refused(scratch, options, windows):
    """Exit 15, the windows named, and nothing written: neither an absent target directory nor an
    empty one is touched."""
    absent = scratch.root / "absent"
    empty = scratch.root / "empty"
    if not empty.exists():
        scratch.make_directory("empty")
        empty.chmod(0o755)
    before = empty.stat()
    for directory in (absent, empty):
        result = scratch.pgcairn("--output=json", "restore", *options,
                                 f"--target-dir={directory}", check=False)
        assert result.returncode == UNREACHABLE, (options, result.stdout, result.stderr)
        error = json.loads(result.stdout)["error"]
        assert error["code"] == "unreachable_target" and error["exit_status"] == UNREACHABLE
        for window in windows:
            for bound in (as_message(window["from"]), as_message(window["to"]),
                          window["from_lsn"], window["to_lsn"]):
                assert bound in error["message"], (options, bound)
    assert not absent.exists() and not (scratch.root / "absent.config").exists()
    assert list(empty.iterdir()) == []
    assert (empty.stat().st_mode, empty.stat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


def test_an_unreachable_target_is_refused_before_a_byte_is_written(history):
    for target in unreachable(history):
        print(f"refused: {target}")
        assert_refused(history.scratch, history.target_options(target), history.windows)
    # Within the window, but before the one backup that is allowed.
    newest = history.backups[-1]
    assert_refused(history.scratch,
                   [*history.target_options(Target("lsn", lsn(newest["stop_lsn"]) - 1)),
                    f"--source={newest['backup_id']}"], history.windows)
    assert_refused(history.scratch,
                   [*history.target_options(random_target(history, "xid", True)), "--timeline=7"],
                   history.windows)


def test_a_timestamp_without_offset_is_utc_whatever_the_zone_of_the_caller(history):
    target = random_target(history, "timestamp", True)
    explained = []
    for number, text in enumerate((moment(target.value)[:-len("+00:00")],
                                   moment(target.value).replace(" ", "T"),
                                   moment(target.value, offset_minutes=-210))):
        directory = history.scratch.root / f"zone{number}"
        result = history.scratch.pgcairn("--output=json", "restore", "--type=pitr",
                                         f"--timestamp={text}", f"--target-dir={directory}",
                                         env={"TZ": "Asia/Tokyo", "PGTZ": "Asia/Tokyo"})
        report = json.loads(result.stdout)
        assert f"Understood --timestamp as {moment(target.value)[:-3]}" in result.stderr
        explained.append(report["explanation"])
        conf = (directory / "postgresql.auto.conf").read_text()
        assert f"recovery_target_time = '{moment(target.value)[:-3]}'" in conf
        shutil.rmtree(directory)
    assert explained[0] == explained[1] == explained[2]
    stop = history.records.stop(target, history.start_of(report["backup_id"]))
    assert f"recovery stops at {lsn_text(stop.start)}" in explained[0][-1]


def test_target_action_pause_shows_the_rows_and_goes_on_when_told(history):
    target = random_target(history, "timestamp", True)
    print(target)
    report, server = history.restore(target, "--target-action=pause")
    stop = history.records.stop(target, history.start_of(report["backup_id"]))
    server.start()
    deadline = time.monotonic() + 60
    while server.sql("SELECT pg_get_wal_replay_pause_state()") != "paused":
        assert time.monotonic() < deadline, server.log_text()[-4000:]
        time.sleep(0.05)
    assert server.sql("SELECT pg_is_in_recovery()") == "t"
    history.check_rows(server, target, stop)
    server.sql("SELECT pg_wal_replay_resume()")
    while server.sql("SELECT pg_is_in_recovery()") == "t":
        assert time.monotonic() < deadline, server.log_text()[-4000:]
        time.sleep(0.05)
    history.check_rows(server, target, stop)


def test_target_action_shutdown_stops_the_server_at_the_target(history):
    target = random_target(history, "xid", True)
    print(target)
    report, server = history.restore(target, "--target-action=shutdown")
    stop = history.records.stop(target, history.start_of(report["backup_id"]))
    server.start(wait=False)
    deadline = time.monotonic() + 60
    while "database system is shut down" not in server.log_text():
        assert time.monotonic() < deadline, server.log_text()[-4000:]
        time.sleep(0.05)
    assert "shutdown at recovery target" in server.log_text()
    state = history.scratch.run([CLIENT_BINDIR / "pg_controldata", "-D", server.data]).stdout
    assert "shut down in recovery" in state
    server.start_recovered("recovery_target_action=promote")
    history.check_rows(server, target, stop)
    history.check_log(server, target, stop)


def test_a_lost_segment_splits_the_window_and_what_lies_in_the_gap_is_refused(history):
    first, second = history.backups[:2]
    stop_number = lsn(first["stop_lsn"]) // SEGMENT_BYTES
    start_number = lsn(second["start_lsn"]) // SEGMENT_BYTES
    lost = history.rng.randrange(stop_number + 2, start_number)
    print(f"lost segment {segment_name(1, lost, SEGMENT_BYTES)}")
    gap_start = lost * SEGMENT_BYTES
    damaged = DamagedArchive(history, "gapped", [lost])
    with damaged:
        listed = history.scratch.pgcairn_json("list")
        [name] = damaged.names
        assert listed["wal_gaps"] == [
            {"timeline": 1, "first_missing": name, "last_missing": name, "segments": 1}]
        before, after = listed["recovery_windows"]
        assert before["backups"] == [first["backup_id"]]
        assert before["from"] == first["stopped_at"]
        assert lsn(before["to_lsn"]) <= gap_start
        assert microseconds(before["to"]) == history.records.last_moment(gap_start)
        assert after["backups"] == [backup["backup_id"] for backup in history.backups[1:]]
        assert (after["from"], after["to"]) == (second["stopped_at"], history.windows[0]["to"])

        in_gap = [end for end in history.records.ends
                  if gap_start <= end.start < lsn(second["start_lsn"])]
        hole = (microseconds(before["to"]) + microseconds(second["started_at"])) // 2
        for target in (Target("timestamp", hole), Target("timestamp", hole, inclusive=False),
                       Target("lsn", gap_start), Target("lsn", gap_start + SEGMENT_BYTES // 2),
                       Target("lsn", lsn(second["start_lsn"]), inclusive=False),
                       Target("xid", history.rng.choice(in_gap).xid)):
            print(f"refused: {target}")
            assert_refused(history.scratch, history.target_options(target),
                           listed["recovery_windows"])
        # The first backup alone does not reach over the gap.
        assert_refused(history.scratch,
                       [*history.target_options(Target("timestamp", microseconds(after["to"]) - 1)),
                        f"--source={first['backup_id']}"], listed["recovery_windows"])
        history.check_restore(Target("timestamp", microseconds(before["to"]) - 1))
        history.check_restore(Target("timestamp", microseconds(after["to"]) - 1))


def test_a_backup_whose_own_segments_are_lost_offers_no_window(history):
    second = history.backups[1]
    damaged = DamagedArchive(history, "unfounded", [lsn(second["start_lsn"]) // SEGMENT_BYTES])
    with damaged:
        listed = history.scratch.pgcairn_json("list")
        assert [window["backups"] for window in listed["recovery_windows"]] == [
            [history.backups[0]["backup_id"]], [history.backups[2]["backup_id"]]]
        assert_refused(history.scratch, ["--type=pitr", "--immediate",
                                         f"--source={second['backup_id']}"],
                       listed["recovery_windows"])


def test_a_commit_record_longer_than_two_segments_is_a_target(scratch):
    """Its bytes beyond the next segment are needed to tell that it is whole."""
    server = scratch.server()
    server.initdb(f"--wal-segsize={SEGMENT_BYTES >> 20}")
    server.configure("autovacuum = off", "synchronous_commit = off", "max_wal_size = 1GB")
    scratch.protect(server)
    create_ledger(server)
    server.sql("CREATE UNLOGGED TABLE noise (i int)")
    scratch.pgcairn("backup")
    subtransactions = 2 * SEGMENT_BYTES // 4 + 20_000  # of four bytes each in the record
    server.sql("DO $$ BEGIN INSERT INTO ledger (how) VALUES ('long'); "
               f"FOR i IN 1..{subtransactions} LOOP "
               # Only a subtransaction that writes gets a number.
               "BEGIN INSERT INTO noise VALUES (i); "
               "EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$")
    target = int(server.sql("SELECT max(xid) FROM ledger"))
    server.sql("INSERT INTO ledger (how) VALUES ('after')")
    server.wait_archived()
    rows = ledger(server)
    server.stop()
    for inclusive, expected in ((True, {"long"}), (False, set())):
        directory = scratch.root / f"restored-{inclusive}"
        scratch.pgcairn("restore", "--type=pitr", f"--xid={target}",
                        *([] if inclusive else ["--exclusive"]), f"--target-dir={directory}")
        restored = scratch.server(directory.name)
        restored.start_recovered()
        assert ledger(restored) == {row for row in rows if row[2] in expected}
        restored.stop()
