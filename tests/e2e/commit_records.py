"""Where recovery stops and what is committed by then, told by PostgreSQL's own pg_waldump or, on a
version that has no such program here, by the server's own extension pg_walinspect (15 and later).

The rules are those of recoveryStopsBefore() and recoveryStopsAfter() in PostgreSQL's
src/backend/access/transam/xlogrecovery.c. Nothing here asks pgcairn how it reads the log: it only
delivers the segments to pg_waldump.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from scratch import CLIENT_BINDIR
from wal_cluster import PAGE, RECORD, End, Point, lsn, lsn_text, stop_of

SUBTRANSACTIONS = re.compile(r"; subxacts: ([\d ]+)")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def moment(time_us, offset_minutes=0):
    zone = timezone(timedelta(minutes=offset_minutes))
    return (EPOCH + timedelta(microseconds=time_us)).astimezone(zone).isoformat(
        " ", "microseconds")


def microseconds(text):
    time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (time - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Target:
    """kind: timestamp (value: microseconds since 1970), lsn, xid, name, immediate (value: the LSN
    at which the backup is consistent) or latest."""
    kind: str
    value: object = None
    inclusive: bool = True

    def __str__(self):
        value = lsn_text(self.value) if self.kind == "lsn" else self.value
        return f"{self.kind} {value}{'' if self.inclusive else ', exclusive'}"


@dataclass(frozen=True)
class Stop:
    """The record at which recovery stops, and whether that one is still applied."""
    start: int
    after: bool

    def applies(self, start):
        return start < self.start or (self.after and start == self.start)


def segment_name(timeline, number, segment_bytes):
    per_log = (1 << 32) // segment_bytes
    return f"{timeline:08X}{number // per_log:08X}{number % per_log:08X}"


def fetch_archive(scratch, directory, timeline, first, segment_bytes):
    """Every segment from the one that holds the LSN `first` until one is absent. Returns the end of
    the last one."""
    number = first // segment_bytes
    while True:
        name = segment_name(timeline, number, segment_bytes)
        result = scratch.pgcairn("wal", "fetch", name, directory / name, check=False)
        if result.returncode == 1:
            return number * segment_bytes
        assert result.returncode == 0, result.stderr
        number += 1


class CommitRecords:
    """All records of one path through the log, in its order."""

    def __init__(self, segment_bytes):
        self.segment_bytes = segment_bytes
        self.starts = []
        self.ends = []
        self.points = []
        self.subtransactions = set()  # of committed transactions

    def read(self, scratch, directory, timeline, start):
        """Goes on from the LSN `start`, on that timeline, to the end of the segments there."""
        text = scratch.run([CLIENT_BINDIR / "pg_waldump", "-p", directory, "-t", timeline, "-s",
                            lsn_text(start)], check=False, env={"TZ": "UTC"}).stdout
        for line in text.splitlines():
            match = RECORD.match(line)
            assert match or not line.startswith("rmgr:"), line
            if match:
                self._add(*match.groups())
        last = max(path.name for path in directory.iterdir()
                   if path.name.startswith(f"{timeline:08X}"))
        assert segment_name(timeline, self.starts[-1] // self.segment_bytes,
                            self.segment_bytes) == last, "pg_waldump stopped early"
        return self

    def read_from_server(self, server, start):
        """The records from the LSN `start` to the end of the log of a running server that has
        pg_walinspect and still holds all of it."""
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SET timezone = 'UTC'")
            cursor.execute(
                "SELECT resource_manager, record_length, xid::text, start_lsn, record_type, "
                "description FROM pg_get_wal_records_info(%s, pg_current_wal_flush_lsn())",
                (lsn_text(start),))
            for record in cursor:
                self._add(*record)
        connection.close()
        return self

    def branch(self, at):
        """The records that a timeline which begins at the LSN `at` inherits."""
        inherited = CommitRecords(self.segment_bytes)
        inherited.starts = [start for start in self.starts if start < at]
        inherited.ends = [end for end in self.ends if end.start < at]
        inherited.points = [point for point in self.points if point.start < at]
        return inherited

    def _add(self, resource_manager, length, xid, at, kind, description):
        start = lsn(at)
        self.starts.append(start)
        if resource_manager not in ("Transaction", "XLOG"):
            return
        stop = stop_of(kind, description, int(xid), start, self._end(start, int(length)))
        if isinstance(stop, Point):
            self.points.append(stop)
        elif isinstance(stop, End):
            self.ends.append(stop)
            found = SUBTRANSACTIONS.search(description)
            if found and stop.kind.startswith("COMMIT"):
                self.subtransactions.update(map(int, found.group(1).split()))

    def _end(self, start, length):
        end = start
        while length > 0:
            page_end = (end // PAGE + 1) * PAGE
            step = min(length, page_end - end)
            length -= step
            end += step
            if length > 0:
                end += 40 if end % self.segment_bytes == 0 else 24
        return end

    def stop(self, target, since):
        """Where a recovery that begins at the LSN `since` stops; None where it runs to the end or
        never meets its target."""
        if target.kind == "latest":
            return None
        if target.kind == "immediate":
            return Stop(target.value, after=False)
        if target.kind == "lsn":
            index = bisect_left(self.starts, max(target.value, since))
            return Stop(self.starts[index], target.inclusive) if index < len(self.starts) else None
        if target.kind == "name":
            candidates = (point for point in self.points if point.name == target.value)
        elif target.kind == "xid":
            candidates = (end for end in self.ends if end.xid == target.value)
        elif target.inclusive:
            candidates = (end for end in self.ends if end.time_us > target.value)
        else:
            candidates = (end for end in self.ends if end.time_us >= target.value)
        found = next((one for one in candidates if one.start >= since), None)
        if found is None:
            return None
        return Stop(found.start, target.kind == "name" or
                    (target.kind == "xid" and target.inclusive))

    def end_at(self, start):
        return next((end for end in self.ends if end.start == start), None)

    def committed(self, stop):
        """The xids whose commit record is applied; all of the log's when there is no stop."""
        return {end.xid for end in self.ends
                if end.kind.startswith("COMMIT") and (stop is None or stop.applies(end.start))}

    def last_moment(self, before):
        """The time of the last transaction end that can be told from the segments before the LSN
        `before`, each by itself."""
        whole = [end for end in self.ends if end.end <= before and
                 end.start // self.segment_bytes == (end.end - 1) // self.segment_bytes]
        last = max(end.start // self.segment_bytes for end in whole)
        return max(end.time_us for end in whole if end.start // self.segment_bytes == last)
