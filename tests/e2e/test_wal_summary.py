"""wal_dump (src/postgres/wal) against PostgreSQL's own reading of the same log."""

import os
import pathlib
import shutil
import subprocess

import pytest

import wal_cluster
from wal_cluster import PAGE, Cluster, End, Point, lsn

BUILD = pathlib.Path(os.environ.get(
    "PGCAIRN_BUILD_DIR", pathlib.Path(__file__).resolve().parents[2] / "build" / "release"))


def dump(paths):
    """What wal_dump says of these segments: (stops in order, summaries by file name)."""
    done = subprocess.run([BUILD / "wal_dump", *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    stops, summaries = [], {}
    for line in done.stdout.split("\n")[:-1]:
        kind, *fields = line.split("\t")
        if kind == "end":
            stops.append(End(lsn(fields[0]), lsn(fields[1]), int(fields[2]), int(fields[3]), fields[4]))
        elif kind == "point":
            stops.append(Point(lsn(fields[0]), lsn(fields[1]), fields[3]))
        else:
            summaries[fields[0]] = dict(zip(
                ("first_record", "valid_end", "count", "first", "last", "min", "max",
                 "first_commit", "last_commit", "tail_incomplete", "switched", "xids"),
                fields[1:]))
    return stops, summaries


def oracle(cluster, directory, start, end):
    if wal_cluster.WALDUMP.exists():
        return wal_cluster.stops_by_waldump(cluster, directory, start)
    return wal_cluster.stops_by_walinspect(cluster, start, end)


def check_summaries(cluster, expected, summaries):
    """Each segment's summary, recomputed from the expected stops that lie wholly inside it."""
    for name, summary in summaries.items():
        number = int(name[8:16], 16) * ((1 << 32) // cluster.segment_bytes) + int(name[16:], 16)
        low = number * cluster.segment_bytes
        high = low + cluster.segment_bytes
        begun = [s for s in expected if low <= s.start < high]
        whole = [s for s in begun if s.end <= high]
        ends = [s for s in whole if isinstance(s, End)]
        times = [s.time_us for s in ends]
        commits = [s.time_us for s in ends if s.kind.startswith("COMMIT")]
        assert int(summary["count"]) == len(ends), name
        for key, want in (("first", times[:1]), ("last", times[-1:]),
                          ("min", times and [min(times)]), ("max", times and [max(times)]),
                          ("first_commit", commits[:1]), ("last_commit", commits[-1:])):
            assert summary[key] == (str(want[0]) if want else "-"), (name, key)
        ranges = [tuple(map(int, r.split("-"))) for r in summary["xids"].split(",") if r != "-"]
        for stop in ends:
            assert any(a <= stop.xid <= b for a, b in ranges), (name, stop)
        if len({s.xid for s in ends}) <= 32:
            assert {x for a, b in ranges for x in range(a, b + 1)} == {s.xid for s in ends}, name
        if whole != begun:
            assert summary["tail_incomplete"] == "true", name
        if whole:
            assert lsn(summary["valid_end"]) >= whole[-1].end


@pytest.mark.parametrize("segment_mib,subtransactions,wal_level",
                         [(1, 300_000, "replica"), (16, 2_000, "logical")])
def test_every_stop_is_the_one_that_postgresql_reads(segment_mib, subtransactions, wal_level):
    cluster = Cluster(segment_mib, f"wal_level = {wal_level}\n")
    try:
        start = cluster.switch()
        cluster.pgbench("-i", "-s", "2")
        cluster.sql("CHECKPOINT")
        wal_cluster.one_of_each(cluster, 500)
        after_switch = cluster.switch()
        # With small segments the commit record of this one is longer than a whole segment.
        wal_cluster.one_of_each(cluster, subtransactions)
        cluster.pgbench("-c", "3", "-t", "1500" if segment_mib == 1 else "400")
        # Records far larger than a page, on both sides of segment ends.
        cluster.sql("SELECT pg_logical_emit_message(false, 'big', repeat('x', 700000 + n * 8))"
                    " FROM generate_series(1, 12) n; SELECT pg_create_restore_point('last')")
        archived_end = cluster.switch()
        wal_cluster.one_of_each(cluster, 50)
        cluster.sql("INSERT INTO ledger (note) VALUES ('a commit writes out the points before it')")
        end = lsn(cluster.sql("SELECT pg_current_wal_insert_lsn()"))
        cluster.wait_archived(archived_end)

        # The last segment is still being written: its tail is zeros or an older segment's rest.
        log = cluster.root / "log-copy"
        shutil.copytree(cluster.archive, log)
        last = cluster.segment_name(end)
        shutil.copy(cluster.data / "pg_wal" / last, log / last)
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "postgres:", log], check=True)
        expected = oracle(cluster, log, start, end)
        names = sorted(p.name for p in log.iterdir() if len(p.name) == 24)
        names = [name for name in names if cluster.segment_name(start) <= name <= last]
        stops, summaries = dump([log / name for name in names])

        assert stops == expected
        ends = [s for s in expected if isinstance(s, End)]
        assert {s.kind for s in ends} == set(wal_cluster.KINDS)
        assert len(ends) > 1000 and len(expected) - len(ends) == 10
        check_summaries(cluster, expected, summaries)
        for position in (after_switch, archived_end):
            summary = summaries[cluster.segment_name(position - 1)]
            assert summary["switched"] == "true" and lsn(summary["valid_end"]) == position
        if segment_mib == 1:
            assert any(s.end - s.start > cluster.segment_bytes for s in ends), "no giant commit"
            assert any(s["tail_incomplete"] == "true" for s in summaries.values())
    finally:
        cluster.remove()


def test_a_record_that_a_crash_cut_short_is_void_and_the_log_goes_on_behind_it():
    cluster = Cluster(1)
    try:
        start = cluster.switch()
        wal_cluster.one_of_each(cluster, 10)
        cluster.sql("CHECKPOINT")
        torn = lsn(cluster.sql(
            "SELECT pg_logical_emit_message(false, 'torn', repeat('x', 1500000))")) - 600_000
        cluster.sql("SELECT pg_create_restore_point('lost'); SELECT txid_current()")
        cluster.stop("immediate")
        # What a crash of the machine leaves of a record whose last pages were not yet on disk.
        for path in sorted((cluster.data / "pg_wal").glob("????????????????????????")):
            if path.name >= cluster.segment_name(torn):
                keep = path.name == cluster.segment_name(torn)
                with open(path, "r+b") as segment:
                    segment.truncate(torn % cluster.segment_bytes // PAGE * PAGE if keep else 0)
                    segment.truncate(cluster.segment_bytes)
        cluster.start()
        wal_cluster.one_of_each(cluster, 10)
        end = cluster.switch()
        cluster.wait_archived(end)

        paths = sorted(p for p in cluster.archive.iterdir() if len(p.name) == 24)
        paths = [p for p in paths if p.name >= cluster.segment_name(start)]
        pages = b"".join(p.read_bytes() for p in paths)
        flags = [pages[at + 2] for at in range(0, len(pages), PAGE)]
        assert any(f & 8 for f in flags), "no page replaces a lost continuation"
        expected = oracle(cluster, cluster.archive, start, end)
        stops, summaries = dump(paths)
        assert stops == expected
        assert "lost" not in {s.name for s in stops if isinstance(s, Point)}
        assert sum(isinstance(s, Point) for s in stops) == 6
        check_summaries(cluster, expected, summaries)
    finally:
        cluster.remove()
