"""What was measured, by measurement and tool, and the medians of it."""

import dataclasses
import statistics

from measured_process import Cost

FULL_BACKUP = "full backup"
RESTORE = "restore"
# Into the directory that was just restored.
DELTA_OF_INTACT = "delta restore, nothing differs"
DELTA_OF_CHANGED = "delta restore, 1 % of pages differ"
PUSH_NEARLY_EMPTY = "wal push, a nearly empty segment"
PUSH_FULL = "wal push, a full segment"
PUSH_HUNDRED = "wal push, 100 full segments one after another"
FETCH_NEARLY_EMPTY = "wal fetch, a nearly empty segment"
FETCH_FULL = "wal fetch, a full segment"
START = "start of the program (its version)"

# Of these, the base and what went before were backed up by the same tool.
NOTHING_CHANGED = "incremental backup, nothing changed"
AFTER_TRANSACTIONS = "incremental backup, after pgbench's transactions"
AFTER_APPENDING = "incremental backup, after rows were appended"
AFTER_UPDATES = "incremental backup, after 1 % of rows changed"
INCREMENTAL_BACKUPS = (NOTHING_CHANGED, AFTER_TRANSACTIONS, AFTER_APPENDING, AFTER_UPDATES)
CHANGED_SHARES_PERCENT = (0, 0.1, 1, 10, 50)
RESTORE_OF_INCREMENTAL = "restore of the tenth incremental backup"
RESTORE_OF_FULL_BESIDE_IT = "restore of a full backup made after it"

LOGICAL_BACKUP = "logical backup of the database"
# The measurement of the restore of each table.
TABLE_RESTORES = {"orders": "restore of the table of text, logical",
                  "pgbench_accounts": "restore of pgbench's accounts, logical"}
LOGICAL_SHARES = "logical backups after changes"
# In this order, to one table, with a backup after each: the kind of change, and per cent of its rows.
LOGICAL_CHANGES = ("first backup", "nothing", "append 1", "update 0.1", "update 1", "vacuum",
                   "update 1 again", "delete 1", "vacuum again", "update 10", "vacuum full", "update 50")

PGCAIRN = "pgcairn"
PG_DUMP = "pg_dump -Fd, gzip"
PG_DUMP_ZSTD = "newer pg_dump -Fd, zstd"
PG_DUMP_GZIP = "pg_dump | gzip"
PGBACKREST = "pgBackRest"
NEWER_PGBACKREST = "newer pgBackRest, blocks and bundles"
CHANGED_PAGES = "zstd -T1 of the changed pages"
TAR_AND_ZSTD = "tar | zstd -T1"
COMPRESSOR = "zstd -T1 of it"
NOTHING = "/bin/true"


def changed_share(percent):
    """The measurement of an incremental backup after that share of the cluster's pages changed."""
    return f"incremental backup, {percent} % of pages changed"


def logical_share(table, change):
    """The measurement of the logical backup after that change of LOGICAL_CHANGES."""
    return f"logical backup, {table}: {change}"


class Results:
    """Keeps every Cost; measurements and tools come out in the order in which they came in."""

    def __init__(self):
        self._costs = {}

    def add(self, measurement, tool, *costs):
        self._costs.setdefault(measurement, {}).setdefault(tool, []).extend(costs)

    def measurements(self):
        return list(self._costs)

    def tools(self, measurement):
        return list(self._costs.get(measurement, {}))

    def costs(self, measurement, tool):
        return self._costs.get(measurement, {}).get(tool, [])

    def median(self, measurement, tool):
        """The Cost whose fields are the medians of theirs; None when nothing was measured."""
        costs = self.costs(measurement, tool)
        if not costs:
            return None
        values = {}
        for field in dataclasses.fields(Cost):
            known = [getattr(cost, field.name) for cost in costs
                     if getattr(cost, field.name) is not None]
            values[field.name] = statistics.median(known) if known else None
        return Cost(**values)
