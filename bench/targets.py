"""The ratios that pgcairn is to reach, and how far it is."""

from dataclasses import dataclass
from typing import Callable

from results import (AFTER_APPENDING, AFTER_TRANSACTIONS, AFTER_UPDATES, CHANGED_PAGES, COMPRESSOR,
                     DELTA_OF_CHANGED, DELTA_OF_INTACT, FETCH_FULL, FETCH_NEARLY_EMPTY,
                     FULL_BACKUP, LOGICAL_BACKUP, NEWER_PGBACKREST, NOTHING_CHANGED, PGBACKREST, PGCAIRN, PG_DUMP, PG_DUMP_ZSTD, PUSH_FULL,
                     PUSH_NEARLY_EMPTY, RESTORE, RESTORE_OF_FULL_BESIDE_IT, RESTORE_OF_INCREMENTAL, TABLE_RESTORES)


@dataclass(frozen=True)
class Quantity:
    name: str
    of: Callable  # a Cost; None when it is not known


@dataclass(frozen=True)
class Target:
    """pgcairn's `quantity` in `measurement`, over the one of another tool, of the same tool in another
    measurement, or of the same Cost."""

    measurement: str
    quantity: Quantity
    against: Callable  # Results; the Cost
    beside: str
    at_most: float
    other_quantity: Quantity | None = None

    def ratio(self, results):
        """None when one of the two was not measured."""
        ours = results.median(self.measurement, PGCAIRN)
        theirs = self.against(results)
        if not ours or not theirs:
            return None
        value = self.quantity.of(ours)
        base = (self.other_quantity or self.quantity).of(theirs)
        return value / base if value is not None and base else None


WALL = Quantity("wall", lambda cost: cost.wall_s)
CPU = Quantity("CPU", lambda cost: cost.cpu_s)
STORED = Quantity("stored", lambda cost: cost.stored_bytes)
METADATA = Quantity("metadata", lambda cost: cost.metadata_bytes)
# Compaction is shown apart: it is spent for later restores and for room, not for what changed.
STORED_AS_CHANGED = Quantity("stored, compaction aside",
                             lambda cost: cost.stored_bytes - (cost.compacted_bytes or 0))
A_MEBIBYTE = Quantity("1 MiB", lambda _: 1 << 20)


def beside(tool, measurement, quantity, at_most, other_quantity=None):
    return Target(measurement, quantity, lambda results: results.median(measurement, tool), tool,
                  at_most, other_quantity)


def within(other_quantity, measurement, quantity, at_most):
    return Target(measurement, quantity, lambda results: results.median(measurement, PGCAIRN),
                  other_quantity.name, at_most, other_quantity)


TARGETS = (
    beside(COMPRESSOR, FULL_BACKUP, CPU, 1.25),
    beside(PGBACKREST, FULL_BACKUP, WALL, 0.65),
    beside(PGBACKREST, FULL_BACKUP, STORED, 1.0),
    beside(PGBACKREST, RESTORE, WALL, 0.75),
    beside(PGBACKREST, RESTORE, CPU, 0.75),
    beside(PGBACKREST, DELTA_OF_INTACT, WALL, 1.0),
    beside(PGBACKREST, DELTA_OF_CHANGED, WALL, 1.0),
    beside(PGBACKREST, PUSH_NEARLY_EMPTY, WALL, 0.5),
    beside(PGBACKREST, PUSH_FULL, WALL, 0.6),
    beside(PGBACKREST, FETCH_NEARLY_EMPTY, WALL, 0.6),
    beside(PGBACKREST, FETCH_FULL, WALL, 0.6),
    *(beside(rival, NOTHING_CHANGED, quantity, 0.5)
      for rival in (PGBACKREST, NEWER_PGBACKREST) for quantity in (WALL, CPU)),
    within(A_MEBIBYTE, NOTHING_CHANGED, METADATA, 1.0),
    *(target for measurement in (AFTER_TRANSACTIONS, AFTER_APPENDING, AFTER_UPDATES) for target in (
        beside(CHANGED_PAGES, measurement, STORED_AS_CHANGED, 1.3, STORED),
        within(STORED_AS_CHANGED, measurement, METADATA, 0.15))),
    *(beside(rival, measurement, WALL, 0.35)
      for measurement in (AFTER_TRANSACTIONS, AFTER_UPDATES)
      for rival in (PGBACKREST, NEWER_PGBACKREST)),
    Target(RESTORE_OF_INCREMENTAL, WALL,
           lambda results: results.median(RESTORE_OF_FULL_BESIDE_IT, PGCAIRN), "that of a full", 1.15),
    *(beside(rival, LOGICAL_BACKUP, WALL, 0.6) for rival in (PG_DUMP, PG_DUMP_ZSTD)),
    *(beside(PG_DUMP, measurement, WALL, 1.0) for measurement in TABLE_RESTORES.values()),
)


def reached(results):
    """Pairs of a target and the ratio, for the targets of which both sides were measured."""
    for target in TARGETS:
        ratio = target.ratio(results)
        if ratio is not None:
            yield target, ratio
