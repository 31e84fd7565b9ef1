"""The cluster that backups are measured with: pgbench's tables and rows of text."""

import contextlib
import io
import pathlib
import shutil

from english_text import row_lines
from server import BINDIR, PORT, Server, archive_nowhere, create_cluster

# pgbench -s 200 makes 3 GiB; with so many rows more it is 4 GiB, each row taking about 660 bytes
# with its part of the index.
ROWS_PER_SCALE = 8_150
SEED = 20_240_131
# Loading is not measured.
FAST_LOAD = {"fsync": "off", "max_wal_size": "8GB", "checkpoint_timeout": "1h",
             "maintenance_work_mem": "256MB", "shared_buffers": "256MB"}
MEASURED = {"archive_mode": "on", "wal_level": "replica", "checkpoint_timeout": "1h",
            "max_wal_size": "4GB", "shared_buffers": "256MB"}


class Lines(io.RawIOBase):
    """Batches of text as the file that COPY reads from."""

    def __init__(self, batches):
        super().__init__()
        self._batches = batches
        self._rest = b""

    def readable(self):
        return True

    def read(self, size=-1):
        if not self._rest:
            self._rest = next(self._batches, "").encode()
        size = len(self._rest) if size < 0 else size
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def pgbench_tables(runner, server, scale, database="postgres"):
    runner.run([BINDIR / "pgbench", "-i", "-q", "-s", scale, "-h", server.socket, "-p", PORT,
                "-U", "postgres", database])


def copy_rows(server, table_with_columns, row_count, seed=SEED, database="postgres"):
    connection = server.connect(database)
    try:
        with connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {table_with_columns} FROM STDIN",
                               Lines(row_lines(row_count, seed)), 1 << 20)
    finally:
        connection.close()


def make_large_cluster(runner, data, scale):
    create_cluster(runner, data)
    with Server(runner, data, {**FAST_LOAD, "archive_mode": "off", "wal_level": "minimal",
                               "max_wal_senders": 0}) as server:
        pgbench_tables(runner, server, scale)
        server.query("CREATE TABLE orders (id uuid, body text, details jsonb)")
        copy_rows(server, "orders", scale * ROWS_PER_SCALE)
        server.query("ALTER TABLE orders ADD PRIMARY KEY (id)")
        server.query("VACUUM (FREEZE, ANALYZE)")


def large_cluster(runner, data, scale):
    """Makes the cluster unless `data` holds it already, made with the same scale."""
    made_with = f"scale {scale}, {ROWS_PER_SCALE} rows, seed {SEED}\n"
    # Written last: a cluster without it is one whose making was interrupted.
    proof = pathlib.Path(f"{data}.made-with")
    if proof.exists() and proof.read_text(encoding="ascii") == made_with:
        return
    proof.unlink(missing_ok=True)
    shutil.rmtree(data, ignore_errors=True)
    make_large_cluster(runner, data, scale)
    proof.write_text(made_with, encoding="ascii")


@contextlib.contextmanager
def cluster_to_change(runner, data):
    """A server on a cluster that may be changed: `data` itself, unless it is to stay as it is for the next
    run of the benchmark."""
    if runner.directory not in data.parents:
        copied = runner.directory / "changing"
        shutil.copytree(data, copied, symlinks=True)
        data = copied
    archive_nowhere(data)
    with Server(runner, data, MEASURED) as server:
        yield server


def row_counts(server):
    """How many rows each table holds, counted by reading all of them."""
    tables = [name for (name,) in server.query(
        "SELECT c.oid::regclass::text FROM pg_class c WHERE relkind = 'r' AND "
        "relnamespace = 'public'::regnamespace ORDER BY 1")]
    return {table: server.query(f"SELECT count(*) FROM {table}")[0][0] for table in tables}
