#!/usr/bin/python3
"""make_testdata.py FILE: writes FILE.wal, one real 1 MiB segment without the zeros at its end, and
FILE.expected, the places in it at which recovery could stop as PostgreSQL's own tools read them.

The files in src/postgres/wal/testdata were made by this, one pair for each major version; see
tests/e2e/wal_cluster.py for the variables that choose server and tools.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "e2e"))
import wal_cluster  # noqa: E402
from wal_cluster import Cluster, End, lsn_text  # noqa: E402


def main():
    target = pathlib.Path(sys.argv[1])
    # Page images would make up nine tenths of the file.
    cluster = Cluster(1, "full_page_writes = off\n")
    try:
        wal_cluster.one_of_each(cluster, 1)
        cluster.sql("VACUUM FREEZE; CHECKPOINT")
        start = cluster.switch()
        wal_cluster.one_of_each(cluster, 100)
        end = cluster.switch()
        assert end - start == cluster.segment_bytes, "the load does not fit one segment"
        cluster.wait_archived(end)
        if wal_cluster.WALDUMP.exists():
            stops = wal_cluster.stops_by_waldump(cluster, cluster.archive, start)
        else:
            stops = wal_cluster.stops_by_walinspect(cluster, start, end)
        lines = [f"{lsn_text(s.start)} {lsn_text(s.end)} " +
                 (f"{s.xid} {s.time_us} {s.kind}" if isinstance(s, End) else f"POINT {s.name}")
                 for s in stops if start <= s.start < end]
        target.with_suffix(".expected").write_text("\n".join(lines) + "\n", encoding="utf-8")
        segment = (cluster.archive / cluster.segment_name(start)).read_bytes()
        target.with_suffix(".wal").write_bytes(segment.rstrip(b"\0"))
    finally:
        cluster.remove()


if __name__ == "__main__":
    main()
