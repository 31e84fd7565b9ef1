"""Measures what a second logical backup stores after rows were appended, updated, deleted or moved."""

import shutil
import time
from dataclasses import replace

from clusters import FAST_LOAD, SEED, copy_rows, pgbench_tables
from logical_backup import incremental_cost
from logical_tools import LogicalPgcairn
from results import LOGICAL_CHANGES, LOGICAL_SHARES, PGCAIRN, logical_share
from server import Server, create_cluster

ROWS_PER_SCALE = 2_000
# Of 100,000 rows each.
PGBENCH_SCALE_SHARE = 0.2


class Rows:
    """One table in a database of its own, and what is done to it. The database has the table's name."""

    table: str
    update: str

    def __init__(self, server):
        self.server = server

    def sql(self, statement, *parameters, seed=0.5):
        self.server.query(statement, parameters or None, seed=seed, database=self.table)

    def change(self, what):
        kind, _, share = what.removesuffix(" again").partition(" ")
        if kind == "vacuum":
            self.sql(f"VACUUM {share} {self.table}")
        elif kind == "append":
            self.append(float(share) / 100)
        elif kind == "delete":
            self.sql(f"DELETE FROM {self.table} WHERE random() < %s", float(share) / 100)
        elif kind == "update":
            self.sql(f"UPDATE {self.table} SET {self.update} WHERE random() < %s", float(share) / 100,
                     seed=0.25)

    def append(self, share):
        raise NotImplementedError


class Documents(Rows):
    """Rows of text of about 500 bytes, which compress to a third."""

    table = "documents"
    update = "details = jsonb_set(details, '{status}', to_jsonb(random()::text))"

    def make(self, _, scale):
        self._count = scale * ROWS_PER_SCALE
        self.sql("CREATE TABLE documents (id uuid PRIMARY KEY, body text, details jsonb)")
        self._copy(self._count, SEED)

    def append(self, share):
        self._copy(round(self._count * share), SEED + 1)

    def _copy(self, count, seed):
        copy_rows(self.server, "documents (id, body, details)", count, seed, database=self.table)


class Accounts(Rows):
    """pgbench's, about 97 bytes each, most of them the same filler: they compress to almost nothing."""

    table = "pgbench_accounts"
    update = "abalance = (random() * 100000)::int"

    def make(self, runner, scale):
        pgbench_tables(runner, self.server, max(1, round(scale * PGBENCH_SCALE_SHARE)), self.table)

    def append(self, share):
        self.sql("INSERT INTO pgbench_accounts SELECT top + number, 1, 0, '' FROM "
                 "(SELECT max(aid) AS top, count(*) AS rows FROM pgbench_accounts) all_rows, "
                 "generate_series(1, (rows * %s)::int) number", share)


def measure_logical_shares(settings, runner, programs, results, say):
    """Once: each change is made to the table as the ones before have left it."""
    data = runner.directory / "logical-shares-data"
    create_cluster(runner, data)
    with Server(runner, data, {**FAST_LOAD, "archive_mode": "off"}) as server:
        for rows in (Documents(server), Accounts(server)):
            say(f"{LOGICAL_SHARES}: {rows.table}")
            server.query(f"CREATE DATABASE {rows.table} TEMPLATE template0")
            rows.make(runner, settings.scale)
            measure_changes(settings, runner, programs.pgcairn, rows, results, say)
    shutil.rmtree(data)


def measure_changes(settings, runner, program, rows, results, say):
    place = runner.directory / f"shares-of-{rows.table}"
    place.mkdir()
    tool = LogicalPgcairn(runner, program, place / "pgcairn", rows.server, settings, rows.table)
    for what in LOGICAL_CHANGES:
        say(f"    {rows.table}: {what}")
        rows.change(what)
        # Without one before it, the first is a full backup.
        cost, report = incremental_cost(runner, rows.server, tool, place)
        share = report["chunks_new"] / report["chunks"]
        results.add(logical_share(rows.table, what), PGCAIRN, replace(cost, new_chunks_share=share))
        # Names of backups are their seconds.
        time.sleep(1)
    shutil.rmtree(place)
