"""Map leaves: where each unit of a stream is stored (section 7)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import List, Tuple

from .blob import MAX_DATA_RAW
from .errors import ReaderError
from .packs import BLOB_COLUMNS, PACK_COLUMNS, BlobReference, blob_table, pack_table

FIXED = struct.Struct("<4sHBBIIII")
MAGIC = b"PGML"
KIND_FIXED_UNITS = 1
XXH3_64 = 1
UNIT_SIZE = 8192
MAX_UNITS = 4096
ZERO_UNIT = 65_535


@dataclass(frozen=True)
class Leaf:
    """blob_of gives for each unit the index of its blob in blobs, or ZERO_UNIT."""

    blobs: List[BlobReference]
    blob_of: Tuple[int, ...]
    place_of: Tuple[int, ...]
    fingerprint_of: Tuple[int, ...]


def parse(raw: bytes, where: str) -> Leaf:
    if len(raw) < FIXED.size:
        raise ReaderError(where, "is too short for a map leaf")
    magic, version, kind, algorithm, unit_size, units, packs, blobs = FIXED.unpack_from(raw)
    if magic != MAGIC:
        raise ReaderError(where, "is not a map leaf")
    if (version, kind, algorithm) != (1, KIND_FIXED_UNITS, XXH3_64):
        raise ReaderError(where, f"has version {version}, kind {kind}, fingerprints {algorithm}")
    if unit_size != UNIT_SIZE or not 1 <= units <= MAX_UNITS or blobs > ZERO_UNIT:
        raise ReaderError(where, f"has {units} units of {unit_size} bytes in {blobs} blobs")
    blobs_at = FIXED.size + packs * PACK_COLUMNS.size
    units_at = blobs_at + blobs * BLOB_COLUMNS.size
    if len(raw) != units_at + units * (2 + 4 + 8):
        raise ReaderError(where, "has a length that does not fit its counts")
    table = blob_table(
        raw[blobs_at:units_at], pack_table(raw[FIXED.size : blobs_at], where), MAX_DATA_RAW, where
    )
    if any(last != 0 for _, last in table):
        raise ReaderError(where, "has a damaged blob reference")
    columns = struct.unpack_from(f"<{units}H{units}I{units}Q", raw, units_at)
    leaf = Leaf(
        [blob for blob, _ in table],
        columns[:units],
        columns[units : 2 * units],
        columns[2 * units :],
    )
    _check_units(leaf, where)
    return leaf


def _check_units(leaf: Leaf, where: str) -> None:
    for unit, (blob, place) in enumerate(zip(leaf.blob_of, leaf.place_of)):
        if blob == ZERO_UNIT:
            valid = place == 0
        else:
            valid = blob < len(leaf.blobs) and place < leaf.blobs[blob].frame.raw_length
        if not valid:
            raise ReaderError(where, f"unit {unit} has a place that cannot be")
