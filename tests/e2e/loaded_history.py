"""A server that wrote under load and was backed up, as the tests of recovery targets need it."""

import random
import shutil
import time
from contextlib import nullcontext

from commit_records import (CommitRecords, Target, fetch_archive, microseconds, moment,
                            segment_name)
from repeated_work import RepeatedWork
from scratch import CLIENT_BINDIR, PORT, give_to_server_user
from wal_cluster import lsn, lsn_text
from write_load import PGBENCH_BALANCE, WriteLoad, create_ledger, ledger

SEGMENT_BYTES = 1 << 20  # small, so that the log has many ends of segments
REPEATED = "made again and again"


class NamedPoints(RepeatedWork):
    """Makes one named point after another, all of one name."""

    def __init__(self, server, name):
        super().__init__(server, pause_s=0.005)
        self.name = name

    def step(self, cursor):
        cursor.execute("SELECT pg_create_restore_point(%s)", (self.name,))


class History:
    """A server that wrote under load, was backed up three times and is gone; its repository, and
    what PostgreSQL tells of its log."""

    settings = ()

    def __init__(self, scratch, seed, major=15):
        self.scratch = scratch
        self.major = major
        self.programs = scratch.server_programs(major)
        self.rng = random.Random(seed)
        self.restored = 0
        self.names = []
        self.records = None
        server = scratch.server(bindir=self.programs)
        server.initdb(f"--wal-segsize={SEGMENT_BYTES >> 20}")
        # Nobody else writes: the last row is the last transaction.
        server.configure("max_prepared_transactions = 20", "autovacuum = off",
                         "max_wal_size = 256MB", "wal_compression = on", *self.settings,
                         # pg_walinspect reads the server's own segments.
                         *(["wal_keep_size = 4GB"] if major >= 16 else []))
        self.prepare(server)
        scratch.protect(server, cluster={"bin_dir": str(self.programs)})
        if major >= 16:
            server.sql("CREATE EXTENSION pg_walinspect")
        server.sql("SELECT pg_switch_wal()")
        self.start = lsn(server.sql("SELECT pg_current_wal_lsn()"))
        create_ledger(server)
        scratch.run([CLIENT_BINDIR / "pgbench", "-h", server.socket, "-p", PORT, "-U", "postgres",
                     "-i", "-q", "postgres"])
        server.sql("INSERT INTO ledger (how) VALUES ('before all backups')")
        self.xid_before = int(server.sql("SELECT max(xid) FROM ledger"))
        server.sql("SELECT pg_create_restore_point('before all backups')")
        with WriteLoad(server, seed) as load, self.watching(server, load):
            for number in range(3):
                self._work(server, number, "before")
                with NamedPoints(server, REPEATED) if number == 2 else nullcontext():
                    scratch.pgcairn("backup")
                self._work(server, number, "after")
        server.sql(f"SELECT pg_create_restore_point('{REPEATED}')")
        server.sql("BEGIN; INSERT INTO ledger (how) VALUES ('never'); "
                   "PREPARE TRANSACTION 'never ended'")
        self.xid_prepared = int(server.sql("SELECT transaction::text FROM pg_prepared_xacts"))
        server.sql("INSERT INTO ledger (how) VALUES ('last')")
        server.wait_archived()
        self.rows = ledger(server)
        self._ask_server(server)
        server.stop()
        self._read_log()

    def prepare(self, server):
        """The server is not running yet, and archives nothing."""

    def watching(self, server, load):
        """Entered while the load runs."""
        return nullcontext()

    def _work(self, server, number, when):
        """Lets the writers write some more, over the end of a segment and over a named point."""
        for part in range(2):
            wanted = int(server.sql("SELECT max(id) FROM ledger")) + self.rng.randrange(40, 120)
            while int(server.sql("SELECT max(id) FROM ledger")) < wanted:
                time.sleep(0.02)
            if part == 0:
                self.names.append(f"{when} backup {number}: Größe, 'quoted' \\ {number}")
                escaped = self.names[-1].replace("'", "''")
                server.sql(f"SELECT pg_create_restore_point('{escaped}')")
            server.sql("SELECT pg_switch_wal()")

    def _ask_server(self, server):
        if self.major >= 16:
            self.records = CommitRecords(SEGMENT_BYTES).read_from_server(server, self.start)

    def _read_log(self):
        listed = self.scratch.pgcairn_json("list")
        self.backups = [self.scratch.pgcairn_json("show", backup["backup_id"])
                        for backup in listed["backups"]]
        self.windows = listed["recovery_windows"]
        self.gaps = listed["wal_gaps"]
        log = self.scratch.make_directory("log")
        self.end = fetch_archive(self.scratch, log, 1, self.start, SEGMENT_BYTES)
        if self.major == 15:
            self.records = CommitRecords(SEGMENT_BYTES).read(self.scratch, log, 1, self.start)
        if self.records:
            assert {row[1] for row in self.rows} <= self.records.committed(None)

    def start_of(self, backup_id):
        return next(lsn(b["start_lsn"]) for b in self.backups if b["backup_id"] == backup_id)

    def expected_backup(self, target):
        """The newest one that is consistent where a recovery from it stops."""
        def reaches(backup):
            if target.kind in ("latest", "immediate"):
                return True
            if target.kind == "timestamp" and microseconds(backup["stopped_at"]) > target.value:
                return False
            consistent = lsn(backup["stop_lsn"])
            if target.kind == "lsn":
                return consistent <= target.value
            stop = self.records.stop(target, lsn(backup["start_lsn"]))
            return stop is not None and consistent <= stop.start
        return [backup["backup_id"] for backup in self.backups if reaches(backup)][-1]

    def target_options(self, target):
        text = {"timestamp": lambda: moment(target.value), "lsn": lambda: lsn_text(target.value),
                "xid": lambda: str(target.value), "name": lambda: target.value}
        if target.kind == "latest":
            return ["--type=full"]
        if target.kind == "immediate":
            return ["--type=pitr", "--immediate"]
        return ["--type=pitr", f"--{target.kind}={text[target.kind]()}",
                *([] if target.inclusive else ["--exclusive"])]

    def restore(self, target, *options):
        """Returns (report, the restored server, not started)."""
        self.restored += 1
        name = f"restored{self.restored}"
        report = self.scratch.pgcairn_json("restore", *self.target_options(target), *options,
                                           f"--target-dir={self.scratch.root}/{name}")
        server = self.scratch.server(name, self.programs)
        server.configure("shared_buffers = 16MB")
        return report, server

    def check_rows(self, server, target, stop):
        committed = self.records.committed(stop)
        expected = {row for row in self.rows if row[1] in committed}
        got = ledger(server)
        assert got == expected, (str(target), f"missing {sorted(expected - got)[:5]}",
                                 f"unwanted {sorted(got - expected)[:5]}")
        assert server.sql(PGBENCH_BALANCE) == "t", str(target)

    def check_restore(self, target, *options):
        print(f"restore to {target} {' '.join(options)}")
        report, server = self.restore(target, *options)
        if not options:
            assert report["backup_id"] == self.expected_backup(target), str(target)
        stop = self.records.stop(target, self.start_of(report["backup_id"]))
        server.start_recovered()
        self.check_rows(server, target, stop)
        self.check_log(server, target, stop)
        server.stop("immediate")
        shutil.rmtree(server.data)

    def check_log(self, server, target, stop):
        """The server says itself where it stopped: the oracle must have meant that very record."""
        text = server.log_text()
        if target.kind == "lsn":
            side = "after" if target.inclusive else "before"
            assert f'stopping {side} WAL location (LSN) "{lsn_text(stop.start)}"' in text
        elif target.kind in ("timestamp", "xid"):
            end = self.records.end_at(stop.start)
            what = "commit" if end.kind.startswith("COMMIT") else "abort"
            side = "after" if stop.after else "before"
            assert f"stopping {side} {what} of transaction {end.xid}," in text


def random_target(history, kind, inclusive):
    rng, records = history.rng, history.records
    low = lsn(history.windows[0]["from_lsn"])
    ends = [end for end in records.ends if end.start >= low]
    if kind == "xid":
        return Target("xid", rng.choice(ends).xid, inclusive)
    if kind == "lsn":
        # On a record or anywhere: into one, or where a switched segment holds none. The next record
        # that begins counts.
        if rng.random() < 0.5:
            return Target("lsn", rng.choice([s for s in records.starts if s >= low]), inclusive)
        return Target("lsn", rng.randrange(low, records.starts[-1]), inclusive)
    since, until = (microseconds(history.windows[0][key]) for key in ("from", "to"))
    if rng.random() < 0.5:
        value = rng.choice([end.time_us for end in ends if since < end.time_us < until])
    else:
        value = rng.randrange(since + 1, until)
    return Target("timestamp", value, inclusive)


class DamagedArchive:
    """A copy of the repository from which WAL segments were lost."""

    def __init__(self, history, name, segment_numbers):
        self.scratch = history.scratch
        self.repository = history.scratch.root / name
        shutil.copytree(history.scratch.root / "repository", self.repository)
        self.names = [segment_name(1, number, SEGMENT_BYTES) for number in segment_numbers]
        for segment in self.names:
            [path] = self.repository.glob(f"clusters/*/wal/*/*/{segment}")
            path.unlink()
        for path in (self.repository, *self.repository.rglob("*")):
            give_to_server_user(path)

    def __enter__(self):
        """The copy takes the place of the repository."""
        self.aside = self.scratch.root / "repository.aside"
        (self.scratch.root / "repository").rename(self.aside)
        self.repository.rename(self.scratch.root / "repository")

    def __exit__(self, *_):
        shutil.rmtree(self.scratch.root / "repository")
        self.aside.rename(self.scratch.root / "repository")
