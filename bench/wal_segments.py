"""Segments of WAL as a server writes them: full ones of a busy server, and nearly empty ones of a quiet
server that switches segments."""

import pathlib
import shlex
import shutil

from clusters import FAST_LOAD, MEASURED, copy_rows, pgbench_tables
from server import BINDIR, NO_ARCHIVE, PORT, Server, archive_nowhere, create_cluster

PGBENCH_SCALE = 20
ACCOUNTS = PGBENCH_SCALE * 100_000
POOL_ROWS = 20_000
CLIENTS = 2
# Rows are updated all over a table and inserted under random keys, many in one transaction so that
# it does not take long. No two clients touch the same account, so none waits for another.
TRANSACTION = f"""
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = ANY (ARRAY(
  SELECT {CLIENTS} * floor(random() * {ACCOUNTS // CLIENTS})::int + 1 + :client_id
  FROM generate_series(1, 30)));
INSERT INTO orders SELECT gen_random_uuid(), body, details FROM pool WHERE n = ANY (ARRAY(
  SELECT 1 + floor(random() * {POOL_ROWS})::int FROM generate_series(1, 30)));
"""
# After a checkpoint the first change of a page logs the whole page: both kinds of records take part.
TRANSACTIONS_PER_CHECKPOINT = 2000
# Of the measured kinds: one push that is not measured, and those that are.
NEARLY_EMPTY = 21
FULL = 121


class WalCluster:
    """The data directory of a small cluster, and segments of its WAL, oldest first."""

    def __init__(self, place):
        self.data = pathlib.Path(place) / "wal-data"
        self._archive = pathlib.Path(place) / "wal-segments"

    def server(self, runner):
        archive_nowhere(self.data)
        return Server(runner, self.data, MEASURED)

    def segments(self):
        """Paths: nearly empty ones, full ones."""
        archived = sorted(self._archive.iterdir())
        # The first one began before the load, and the last of the load was switched from early.
        return archived[-NEARLY_EMPTY:], archived[1:1 + FULL]

    def make(self, runner):
        """Makes both unless they are there, complete."""
        made = pathlib.Path(f"{self._archive}.made")
        if made.exists():
            return
        for directory in (self.data, self._archive):
            shutil.rmtree(directory, ignore_errors=True)
        self._archive.mkdir()
        create_cluster(runner, self.data)
        archive_nowhere(self.data)
        with Server(runner, self.data, {**MEASURED, **FAST_LOAD,
                                        "synchronous_commit": "off"}) as server:
            self._make_tables(runner, server)
            script = runner.directory / "transaction.sql"
            script.write_text(TRANSACTION, encoding="ascii")
            server.archive_with(f"cp %p {shlex.quote(str(self._archive))}/%f")
            while len(list(self._archive.iterdir())) < FULL + 2:
                server.query("CHECKPOINT")
                runner.run([BINDIR / "pgbench", "-n", "-f", script, "-c", CLIENTS, "-j", CLIENTS,
                            "-t", TRANSACTIONS_PER_CHECKPOINT // CLIENTS, "-h", server.socket, "-p",
                            PORT, "-U", "postgres", "postgres"])
            for number in range(NEARLY_EMPTY + 1):
                server.query("SELECT pg_switch_wal()")
                server.query("UPDATE pgbench_branches SET bbalance = bbalance + 1 WHERE bid = %s",
                             (1 + number % PGBENCH_SCALE,))
            server.archive_with(NO_ARCHIVE)
        made.touch()

    def _make_tables(self, runner, server):
        pgbench_tables(runner, server, PGBENCH_SCALE)
        server.query("CREATE TABLE orders (id uuid PRIMARY KEY, body text, details jsonb)")
        server.query("CREATE TABLE pool (n serial PRIMARY KEY, id uuid, body text, details jsonb)")
        copy_rows(server, "pool (id, body, details)", POOL_ROWS)
