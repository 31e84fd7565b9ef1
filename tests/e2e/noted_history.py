"""A loaded server of a version that can tell nobody its commit records (13 and 14): moments noted
while it ran take their place.

A moment is one transaction that writes one ledger row while every other writer is held still, so
what is committed before and after it is what the ledger shows, and no other transaction ends near
it in the log or in time.
"""

import random
import shutil
from dataclasses import dataclass

from commit_records import Target, microseconds
from loaded_history import History
from repeated_work import RepeatedWork
from wal_cluster import lsn
from write_load import INSERT, PGBENCH_BALANCE, ledger


@dataclass(frozen=True)
class Moment:
    rows: frozenset  # of the ledger before
    row: tuple  # the one that was added
    time_us: int  # of its commit record
    before_lsn: int
    after_lsn: int
    before_us: int
    after_us: int


class MomentNotes(RepeatedWork):
    """Notes moments, one after the other."""

    def __init__(self, server, load):
        super().__init__(server, pause_s=0.1)
        self.load = load
        self.moments = []

    def step(self, cursor):
        with self.load.held_still():
            self.moments.append(self._note(cursor))

    def _note(self, cursor):
        rows = frozenset(ledger(self.server))
        before_lsn, before_us = self._here(cursor)
        cursor.execute(f"{INSERT} RETURNING id, xid, how", ("noted",))
        row = cursor.fetchone()
        after_lsn, after_us = self._here(cursor)
        cursor.execute("SELECT pg_xact_commit_timestamp(%s::text::xid)::text", (row[1],))
        time_us = microseconds(cursor.fetchone()[0])
        assert before_us < time_us < after_us and before_lsn < after_lsn
        return Moment(rows, row, time_us, before_lsn, after_lsn, before_us, after_us)

    @staticmethod
    def _here(cursor):
        cursor.execute("SELECT pg_current_wal_insert_lsn(), clock_timestamp()::text")
        place, time = cursor.fetchone()
        return lsn(place), microseconds(time)


class NotedHistory(History):
    settings = ("track_commit_timestamp = on",)

    def watching(self, server, load):
        self.notes = MomentNotes(server, load)
        return self.notes

    def usable_moments(self):
        """Those that the first backup leads to and that no backup ends within."""
        first = microseconds(self.backups[0]["stopped_at"])
        usable = [moment for moment in self.notes.moments if moment.before_us > first and not any(
            moment.before_us <= microseconds(backup["stopped_at"]) <= moment.after_us
            or moment.before_lsn <= lsn(backup["stop_lsn"]) <= moment.after_lsn
            for backup in self.backups)]
        assert len(usable) > 10
        return usable

    def check_random_restore(self, kind, inclusive):
        moment = self.rng.choice(self.usable_moments())
        target, included = choose_target(self.rng, moment, kind, inclusive)
        print(f"restore to {target}")
        report, server = self.restore(target)
        assert report["backup_id"] == self.newest_backup_before(moment, target)
        server.start_recovered()
        expected = moment.rows | {moment.row} if included else moment.rows
        got = ledger(server)
        assert got == expected, (str(target), f"missing {sorted(expected - got)[:5]}",
                                 f"unwanted {sorted(got - expected)[:5]}")
        assert server.sql(PGBENCH_BALANCE) == "t", str(target)
        server.stop("immediate")
        shutil.rmtree(server.data)

    def newest_backup_before(self, moment, target):
        def reaches(backup):
            if target.kind == "timestamp":
                return microseconds(backup["stopped_at"]) <= target.value
            return lsn(backup["stop_lsn"]) <= moment.before_lsn
        return [backup["backup_id"] for backup in self.backups if reaches(backup)][-1]


def choose_target(rng: random.Random, moment, kind, inclusive):
    """Returns (target, whether the moment's own row is there)."""
    if kind == "xid":
        return Target("xid", moment.row[1], inclusive), inclusive
    if kind == "lsn":
        # The first record from there on counts, and is never the end of a transaction: the moment's
        # begins with its row, and so does that of the next writer.
        after = rng.random() < 0.5
        return Target("lsn", moment.after_lsn if after else moment.before_lsn, inclusive), after
    value = rng.choice((moment.before_us, moment.time_us, moment.after_us))
    included = value > moment.time_us or (value == moment.time_us and inclusive)
    return Target("timestamp", value, inclusive), included
