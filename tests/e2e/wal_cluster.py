"""A throwaway PostgreSQL that writes a log with everything in it, and what PostgreSQL's own tools
say about that log.

PGCAIRN_PG_BINDIR names the server's programs (default: version 15 of Debian); PGCAIRN_PG_CLIENT_BINDIR
those of psql and pgbench, PGCAIRN_PG_WALDUMP another pg_waldump. Without a pg_waldump of the server's
version the extension pg_walinspect (15 and later) is asked instead.
"""

import calendar
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass

BINDIR = pathlib.Path(os.environ.get("PGCAIRN_PG_BINDIR", "/usr/lib/postgresql/15/bin"))
CLIENT_BINDIR = pathlib.Path(
    os.environ.get("PGCAIRN_PG_CLIENT_BINDIR", "/usr/lib/postgresql/15/bin"))
WALDUMP = pathlib.Path(os.environ.get("PGCAIRN_PG_WALDUMP", BINDIR / "pg_waldump"))
PAGE = 8192

SETTINGS = """
listen_addresses = ''
fsync = off
archive_mode = on
archive_timeout = 0
max_prepared_transactions = 10
wal_keep_size = 4GB
wal_compression = on
autovacuum = off
"""


@dataclass(frozen=True)
class End:
    start: int
    end: int
    xid: int
    time_us: int
    kind: str


@dataclass(frozen=True)
class Point:
    start: int
    end: int
    name: str


def lsn(text):
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def lsn_text(value):
    return f"{value >> 32:X}/{value & 0xFFFFFFFF:X}"


def as_server_user(command):
    """Servers refuse to run as root."""
    if os.getuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]


class Cluster:
    def __init__(self, segment_mib, settings=""):
        self.segment_bytes = segment_mib << 20
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="pgcairn-wal-"))
        self.data = self.root / "data"
        self.archive = self.root / "archive"
        self.archive.mkdir()
        if os.getuid() == 0:
            for path in (self.root, self.archive):
                shutil.chown(path, "postgres", "postgres")
        self.run(BINDIR / "initdb", "-N", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8",
                 "--no-locale", "-k", f"--wal-segsize={segment_mib}")
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(SETTINGS + settings)
            conf.write(f"unix_socket_directories = '{self.root}'\n")
            conf.write(f"archive_command = 'cp %p {self.archive}/%f'\n")
        self.running = False
        try:
            self.start()
        except BaseException:
            self.remove()
            raise

    def run(self, *command, check=True, env=None, text_input=None):
        done = subprocess.run(as_server_user([str(word) for word in command]), cwd=self.root,
                              env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
                              input=text_input, stdin=None if text_input else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{command[0]}: {done.stderr[-2000:]}")
        return done.stdout

    def start(self):
        # The server must not inherit the pipes, or reading them would never end.
        subprocess.run(as_server_user([str(BINDIR / "pg_ctl"), "-D", str(self.data), "-w", "-l",
                                       str(self.root / "log"), "start"]),
                       cwd=self.root, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.running = True

    def stop(self, mode="fast"):
        self.run(BINDIR / "pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")
        self.running = False

    def remove(self):
        if self.running:
            self.stop("immediate")
        shutil.rmtree(self.root)

    def sql(self, text):
        return self.run(CLIENT_BINDIR / "psql", "-h", self.root, "-U", "postgres", "-XAtq", "-v",
                        "ON_ERROR_STOP=1", "-f", "-", text_input=text).strip()

    def pgbench(self, *arguments):
        self.run(CLIENT_BINDIR / "pgbench", "-h", self.root, "-U", "postgres", "-n", *arguments,
                 "postgres")

    def major(self):
        return int((self.data / "PG_VERSION").read_text())

    def switch(self):
        """Ends the segment; returns the place where the log goes on."""
        self.sql("SELECT pg_switch_wal()")
        position = lsn(self.sql("SELECT pg_current_wal_lsn()"))
        return position - position % self.segment_bytes

    def wait_archived(self, up_to):
        """Waits for the last segment before `up_to`."""
        name = self.segment_name(up_to - 1)
        deadline = time.monotonic() + 60
        while self.sql("SELECT last_archived_wal FROM pg_stat_archiver") < name:
            assert time.monotonic() < deadline, f"{name} was not archived"
            time.sleep(0.05)

    def segment_name(self, position, timeline=1):
        number = position // self.segment_bytes
        per_log = (1 << 32) // self.segment_bytes
        return f"{timeline:08X}{number // per_log:08X}{number % per_log:08X}"


def one_of_each(cluster, subtransactions):
    """Every form of commit and abort record, with each of its optional parts."""
    cluster.sql(f"""
CREATE TABLE IF NOT EXISTS ledger (id bigserial PRIMARY KEY, xid xid DEFAULT pg_current_xact_id()::xid, note text);
INSERT INTO ledger (note) VALUES ('plain');
BEGIN; INSERT INTO ledger (note) VALUES ('gone'); ROLLBACK;
BEGIN; SAVEPOINT a; INSERT INTO ledger (note) VALUES ('a');
SAVEPOINT b; INSERT INTO ledger (note) VALUES ('b'); ROLLBACK TO b; COMMIT;
BEGIN; SAVEPOINT a; INSERT INTO ledger (note) VALUES ('a'); RELEASE a;
CREATE TABLE lost (x int); ROLLBACK;
CREATE TABLE dropped (x int PRIMARY KEY, y text); DROP TABLE dropped;
SELECT pg_create_restore_point('between the two');
CREATE TABLE victim (x int PRIMARY KEY, y text);
CREATE FUNCTION vanishing() RETURNS int LANGUAGE sql AS 'SELECT 1';
BEGIN; SAVEPOINT a; INSERT INTO ledger (note) VALUES ('p'); RELEASE a; DROP TABLE victim;
DROP FUNCTION vanishing(); SELECT txid_current(); PREPARE TRANSACTION 'kept';
BEGIN; CREATE TABLE never (x int); SAVEPOINT a; INSERT INTO ledger (note) VALUES ('q');
PREPARE TRANSACTION 'thrown away';
INSERT INTO ledger (note) VALUES ('between prepare and commit');
COMMIT PREPARED 'kept';
ROLLBACK PREPARED 'thrown away';
DO $$ BEGIN FOR i IN 1..{subtransactions} LOOP
  BEGIN INSERT INTO ledger (note) VALUES ('s'); EXCEPTION WHEN division_by_zero THEN NULL; END;
END LOOP; END $$;
SELECT pg_replication_origin_create('elsewhere')
 WHERE NOT EXISTS (SELECT FROM pg_replication_origin WHERE roname = 'elsewhere');
SELECT pg_replication_origin_session_setup('elsewhere');
BEGIN; SELECT pg_replication_origin_xact_setup('0/1234', now());
INSERT INTO ledger (note) VALUES ('from elsewhere'); COMMIT;
BEGIN; INSERT INTO ledger (note) VALUES ('2pc from elsewhere'); PREPARE TRANSACTION 'far';
SELECT pg_replication_origin_xact_setup('0/5678', now()); COMMIT PREPARED 'far';
SELECT pg_replication_origin_session_reset();
SELECT pg_create_restore_point('Größe, 名前 and ' || repeat('x', 20));
SELECT pg_create_restore_point('between the two');
""")


KINDS = ("COMMIT_PREPARED", "ABORT_PREPARED", "COMMIT", "ABORT")
STAMP = re.compile(r"(?:(\d+): )?(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?: UTC|\+00)")


def stop_of(record_type, description, xid, start, end):
    """The End or Point that a record is, or None."""
    if record_type == "RESTORE_POINT":
        return Point(start, end, description)
    if record_type not in KINDS:
        return None
    match = STAMP.match(description)
    assert match, description
    prepared, year, month, day, hour, minute, second, fraction = match.groups()
    seconds = calendar.timegm((int(year), int(month), int(day), int(hour), int(minute), int(second)))
    time_us = seconds * 1_000_000 + int((fraction or "0").ljust(6, "0"))
    return End(start, end, int(prepared or xid), time_us, record_type)


RECORD = re.compile(r"rmgr: (\S+)\s+len \(rec/tot\):\s*\d+/\s*(\d+), tx:\s*(\d+), lsn: (\S+), "
                    r"prev \S+, desc: (\S+) ?(.*)")


def stops_by_waldump(cluster, directory, start, program=WALDUMP):
    """Reads from `start` until the log ends. A record's end is where the next one begins, page
    headers left out."""
    text = cluster.run(program, "-p", directory, "-t", "1", "-s", lsn_text(start), check=False,
                       env={"TZ": "UTC"})
    records = [RECORD.match(line) for line in text.splitlines()]
    records = [match for match in records if match]
    stops = []
    for match, following in zip(records, [*records[1:], None]):
        resource_manager, total, xid, at, kind, description = match.groups()
        if resource_manager not in ("Transaction", "XLOG"):
            continue
        begin = lsn(at)
        end = lsn(following.group(4)) if following else begin + (int(total) + 7) // 8 * 8
        header = 40 if end // PAGE * PAGE % cluster.segment_bytes == 0 else 24
        # The first record of a page follows one that filled the page before.
        if end % PAGE == header:
            end -= header
        stop = stop_of(kind, description, int(xid), begin, end)
        if stop:
            stops.append(stop)
    return stops


def stops_by_walinspect(cluster, start, end):
    rows = cluster.sql(f"""
SET timezone = 'UTC'; CREATE EXTENSION IF NOT EXISTS pg_walinspect;
SELECT start_lsn, end_lsn, xid, record_type, description
  FROM pg_get_wal_records_info('{lsn_text(start)}', '{lsn_text(end)}')
 WHERE resource_manager IN ('Transaction', 'XLOG')""")
    stops = []
    for row in rows.splitlines():
        begin, after, xid, kind, description = row.split("|", 4)
        kind, _, _ = kind.partition(" ")
        stop = stop_of(kind, description, int(xid), lsn(begin), lsn(after))
        if stop:
            stops.append(stop)
    return stops
