"""Map leaves of pages: where each unit of a stream is stored (section 7)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple, Union

from .blob import MAX_DATA_RAW, MAX_METADATA_RAW
from .errors import ReaderError
from .packs import BLOB_COLUMNS, PACK_COLUMNS, BlobReference, blob_table, pack_table

FIXED = struct.Struct("<4sHBBIIII")
ENTRY_COUNT = struct.Struct("<I")  # a patch's, after that
MAGIC = b"PGML"
VERSION = 1
KIND_WHOLE = 1
KIND_PATCH = 2
XXH3_64 = 1
UNIT_SIZE = 8192
MAX_UNITS = 4096
MAX_BLOBS = 65_534
ZERO_UNIT = 65_535


@dataclass(frozen=True)
class Leaf:
    """Three columns with a row for each unit. blob_of is None for zero bytes, stored nowhere.

    blobs: how many its table has, needed or not.
    """

    blobs: int
    blob_of: Sequence[Optional[BlobReference]]
    place_of: Sequence[int]
    fingerprint_of: Sequence[int]


@dataclass(frozen=True)
class Patch:
    """What differs from an older whole leaf. rows: one for each of `which`, the units it replaces."""

    base: BlobReference
    base_units: int
    units: int
    which: Sequence[int]
    rows: Leaf


def parse(raw: bytes, where: str) -> Union[Leaf, Patch]:
    if len(raw) < FIXED.size:
        raise ReaderError(where, "is too short for a map leaf")
    magic, version, kind, algorithm, unit_size, units, packs, blobs = FIXED.unpack_from(raw)
    if magic != MAGIC:
        raise ReaderError(where, "is not a map leaf")
    if version != VERSION or kind not in (KIND_WHOLE, KIND_PATCH) or algorithm != XXH3_64:
        raise ReaderError(where, f"has version {version}, kind {kind}, fingerprints {algorithm}")
    if unit_size != UNIT_SIZE or not 1 <= units <= MAX_UNITS or blobs > MAX_BLOBS:
        raise ReaderError(where, f"has {units} units of {unit_size} bytes in {blobs} blobs")
    if kind == KIND_PATCH:
        return _parse_patch(raw, units, packs, blobs, where)
    blobs_at, units_at = table_ends(FIXED.size, packs, blobs)
    if len(raw) != units_at + units * (2 + 4 + 8):
        raise ReaderError(where, "has a length that does not fit its counts")
    table = data_blobs(raw[FIXED.size : blobs_at], raw[blobs_at:units_at], where)
    return _rows(raw, units_at, units, table, where)


def _parse_patch(raw: bytes, units: int, packs: int, blobs: int, where: str) -> Patch:
    base_at = FIXED.size + ENTRY_COUNT.size
    packs_at = base_at + PACK_COLUMNS.size + BLOB_COLUMNS.size
    if len(raw) < packs_at:
        raise ReaderError(where, "is too short for a patch")
    (entries,) = ENTRY_COUNT.unpack_from(raw, FIXED.size)
    if not 1 <= entries <= units:
        raise ReaderError(where, f"has {entries} entries for {units} units")
    blobs_at, which_at = table_ends(packs_at, packs, blobs)
    if len(raw) != which_at + entries * (2 + 2 + 4 + 8):
        raise ReaderError(where, "has a length that does not fit its counts")
    base_pack_end = base_at + PACK_COLUMNS.size
    base_pack = pack_table(raw[base_at:base_pack_end], where)
    ((base, base_units),) = blob_table(
        raw[base_pack_end:packs_at], base_pack, MAX_METADATA_RAW, where
    )
    if not 1 <= base_units <= MAX_UNITS:
        raise ReaderError(where, f"has a base of {base_units} units")
    which = struct.unpack_from(f"<{entries}H", raw, which_at)
    if any(after <= before for before, after in zip(which, which[1:])) or which[-1] >= units:
        raise ReaderError(where, "has entries out of order or past its units")
    # The units past the base's are the last ones, so their entries are, all of them.
    grown = range(base_units, units)
    if len(grown) and which[-len(grown) :] != tuple(grown):
        raise ReaderError(where, "lacks an entry for a unit that its base does not have")
    table = data_blobs(raw[packs_at:blobs_at], raw[blobs_at:which_at], where)
    rows = _rows(raw, which_at + 2 * entries, entries, table, where)
    return Patch(base, base_units, units, which, rows)


def apply(patch: Patch, base: Union[Leaf, Patch], where: str) -> Leaf:
    """The whole leaf that the patch makes of its base."""
    if isinstance(base, Patch):
        raise ReaderError(where, "is a patch on a patch")
    if len(base.blob_of) != patch.base_units:
        raise ReaderError(where, "has a base with another number of units than it says")
    blobs = base.blobs + patch.rows.blobs
    if blobs > MAX_BLOBS:
        raise ReaderError(where, f"has {blobs} blobs with its base")
    lacking = patch.units - patch.base_units
    blob_of = [*base.blob_of[: patch.units], *[None] * lacking]
    place_of = [*base.place_of[: patch.units], *[0] * lacking]
    fingerprint_of = [*base.fingerprint_of[: patch.units], *[0] * lacking]
    for row, unit in enumerate(patch.which):
        blob_of[unit] = patch.rows.blob_of[row]
        place_of[unit] = patch.rows.place_of[row]
        fingerprint_of[unit] = patch.rows.fingerprint_of[row]
    return Leaf(blobs, blob_of, place_of, fingerprint_of)


def table_ends(packs_at: int, packs: int, blobs: int) -> Tuple[int, int]:
    """Where the table of blobs begins, and where it ends."""
    blobs_at = packs_at + packs * PACK_COLUMNS.size
    return blobs_at, blobs_at + blobs * BLOB_COLUMNS.size


def data_blobs(packs: bytes, blobs: bytes, where: str) -> List[BlobReference]:
    table = blob_table(blobs, pack_table(packs, where), MAX_DATA_RAW, where)
    if any(last != 0 for _, last in table):
        raise ReaderError(where, "has a damaged blob reference")
    return [blob for blob, _ in table]


def _rows(raw: bytes, at: int, count: int, blobs: List[BlobReference], where: str) -> Leaf:
    columns = struct.unpack_from(f"<{count}H{count}I{count}Q", raw, at)
    blob_of: List[Optional[BlobReference]] = []
    places = columns[count : 2 * count]
    for row, (index, place) in enumerate(zip(columns, places)):
        if index == ZERO_UNIT:
            valid = place == 0
            blob_of.append(None)
        else:
            valid = index < len(blobs) and place < blobs[index].frame.raw_length
            blob_of.append(blobs[index] if valid else None)
        if not valid:
            raise ReaderError(where, f"row {row} has a place that cannot be")
    return Leaf(len(blobs), blob_of, places, columns[2 * count :])
