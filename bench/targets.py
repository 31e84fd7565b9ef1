"""The ratios that pgcairn is to reach, and how far it is."""

from dataclasses import dataclass
from typing import Callable

from results import (COMPRESSOR, FETCH_FULL, FETCH_NEARLY_EMPTY, FULL_BACKUP, PGBACKREST, PGCAIRN,
                     PUSH_FULL, PUSH_NEARLY_EMPTY, RESTORE)


@dataclass(frozen=True)
class Target:
    measurement: str
    what: str
    peer: str
    of: Callable
    at_most: float


def wall(cost):
    return cost.wall_s


def cpu(cost):
    return cost.cpu_s


def stored(cost):
    return cost.stored_bytes


TARGETS = (
    Target(FULL_BACKUP, "CPU", COMPRESSOR, cpu, 1.25),
    Target(FULL_BACKUP, "wall", PGBACKREST, wall, 0.65),
    Target(FULL_BACKUP, "stored", PGBACKREST, stored, 1.0),
    Target(RESTORE, "wall", PGBACKREST, wall, 0.75),
    Target(RESTORE, "CPU", PGBACKREST, cpu, 0.75),
    Target(PUSH_NEARLY_EMPTY, "wall", PGBACKREST, wall, 0.5),
    Target(PUSH_FULL, "wall", PGBACKREST, wall, 0.6),
    Target(FETCH_NEARLY_EMPTY, "wall", PGBACKREST, wall, 0.6),
    Target(FETCH_FULL, "wall", PGBACKREST, wall, 0.6),
)


def reached(results):
    """Pairs of a target and the ratio, for the targets of which both sides were measured."""
    for target in TARGETS:
        ours = results.median(target.measurement, PGCAIRN)
        theirs = results.median(target.measurement, target.peer)
        if ours and theirs:
            yield target, target.of(ours) / target.of(theirs)
