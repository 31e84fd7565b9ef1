"""A write load whose effect can be told from the log: every ledger row carries the xid of the
transaction (the whole one, not the subtransaction) that wrote it."""

import random
import subprocess
import threading
from contextlib import ExitStack, contextmanager

from scratch import CLIENT_BINDIR, as_server_user

# What lies outside the ledger must hold together as well after every restore.
PGBENCH_BALANCE = """
SELECT (SELECT coalesce(sum(delta), 0) FROM pgbench_history) = ALL (ARRAY[
  (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers),
  (SELECT sum(bbalance) FROM pgbench_branches)])
"""

INSERT = "INSERT INTO ledger (how) VALUES (%s)"


def create_ledger(server):
    server.sql("CREATE TABLE ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
               "xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint & 4294967295), "
               "how text NOT NULL)")


def ledger(server):
    """{(id, xid, how)}"""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, xid, how FROM ledger")
        rows = set(cursor.fetchall())
    connection.close()
    return rows


def _plain(run, _):
    run(INSERT, "plain")


def _many(run, _):
    run("BEGIN")
    for _ in range(3):
        run(INSERT, "many")
    run("COMMIT")


def _rolled_back(run, _):
    run("BEGIN")
    run(INSERT, "never")
    run("ROLLBACK")


def _savepoints(run, rng):
    run("BEGIN")
    run(INSERT, "outer")
    for name in ("a", "b"):
        run(f"SAVEPOINT {name}")
        kept = rng.random() < 0.5
        run(INSERT, "inner" if kept else "never")
        run(f"RELEASE {name}" if kept else f"ROLLBACK TO {name}")
    run("COMMIT" if rng.random() < 0.8 else "ROLLBACK")


def _prepared(run, rng):
    name = f"p{rng.getrandbits(60)}"
    run("BEGIN")
    run(INSERT, "prepared")
    run("SAVEPOINT a")
    run(INSERT, "prepared inner")
    run("RELEASE a")
    run(f"PREPARE TRANSACTION '{name}'")
    run(INSERT, "while one is prepared")
    run(f"{'COMMIT' if rng.random() < 0.7 else 'ROLLBACK'} PREPARED '{name}'")


class WriteLoad:
    """Runs from entering to leaving: pgbench and some ledger writers."""

    def __init__(self, server, seed, writers=3, pgbench_rate=60):
        self.server = server
        self.stopping = threading.Event()
        self.failures = []
        self.turns = [threading.Lock() for _ in range(writers)]
        self.threads = [
            threading.Thread(target=self._write, args=(random.Random(f"{seed}/{n}"), turn))
            for n, turn in enumerate(self.turns)]
        self.pgbench_command = as_server_user(
            [CLIENT_BINDIR / "pgbench", "-h", server.socket, "-U", "postgres", "-n", "-c", "2",
             "-R", pgbench_rate, "-T", "600", "postgres"])
        self.pgbench = None

    def __enter__(self):
        self.pgbench = subprocess.Popen(self.pgbench_command, cwd=self.server.scratch.root,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        early = self.pgbench.poll()
        self.pgbench.terminate()
        self.pgbench.wait()
        assert not self.failures, self.failures
        assert early is None, f"pgbench ended by itself with {early}"

    @contextmanager
    def held_still(self):
        """Until leaving no writer is within a transaction, and none of pgbench's ends."""
        with ExitStack() as held:
            for turn in self.turns:
                held.enter_context(turn)
            # Each transaction of pgbench writes this table last, and keeps it until its end is in
            # the log.
            connection = self.server.connect(autocommit=False)
            held.callback(connection.close)
            connection.cursor().execute("LOCK TABLE pgbench_history IN EXCLUSIVE MODE")
            yield

    def _write(self, rng, turn):
        connection = self.server.connect()
        cursor = connection.cursor()

        def run(statement, *values):
            cursor.execute(statement, values or None)

        try:
            while not self.stopping.is_set():
                write = rng.choice((_plain, _plain, _many, _rolled_back, _savepoints, _prepared))
                with turn:
                    write(run, rng)
                self.stopping.wait(rng.uniform(0, 0.01))
        except Exception as error:  # told by the main thread
            self.failures.append(error)
        finally:
            connection.close()
