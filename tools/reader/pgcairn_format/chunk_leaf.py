"""Map leaves of chunks: where each piece of a table's rows is stored (section 7)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Sequence

from .errors import ReaderError
from .leaf import FIXED, MAGIC, MAX_BLOBS, VERSION, data_blobs, table_ends
from .packs import BlobReference

KIND_CHUNKS = 3
CHUNK_IDENTITIES = 3
MAX_CHUNKS = 4096
MAX_CHUNK_BYTES = 16_384
IDENTITY_BYTES = 16


@dataclass(frozen=True)
class ChunkLeaf:
    """Four columns with a row for each chunk. identity_of: of its bytes, see chunk_content.py."""

    blob_of: Sequence[BlobReference]
    place_of: Sequence[int]
    length_of: Sequence[int]
    identity_of: Sequence[bytes]


def parse(raw: bytes, where: str) -> ChunkLeaf:
    if len(raw) < FIXED.size:
        raise ReaderError(where, "is too short for a leaf of chunks")
    magic, version, kind, identities, zero, chunks, packs, blobs = FIXED.unpack_from(raw)
    if magic != MAGIC:
        raise ReaderError(where, "is not a map leaf")
    if (version, kind, identities) != (VERSION, KIND_CHUNKS, CHUNK_IDENTITIES):
        raise ReaderError(where, f"has version {version}, kind {kind}, identities {identities}")
    if zero != 0 or not 1 <= chunks <= MAX_CHUNKS or blobs > MAX_BLOBS:
        raise ReaderError(where, f"has {chunks} chunks in {blobs} blobs, or a damaged field")
    blobs_at, chunks_at = table_ends(FIXED.size, packs, blobs)
    if len(raw) != chunks_at + chunks * (2 + 4 + 4 + IDENTITY_BYTES):
        raise ReaderError(where, "has a length that does not fit its counts")
    table = data_blobs(raw[FIXED.size : blobs_at], raw[blobs_at:chunks_at], where)
    columns = struct.unpack_from(f"<{chunks}H{chunks}I{chunks}I", raw, chunks_at)
    places, lengths = columns[chunks : 2 * chunks], columns[2 * chunks :]
    blob_of = []
    for row, (index, place, length) in enumerate(zip(columns, places, lengths)):
        if not 1 <= length <= MAX_CHUNK_BYTES:
            raise ReaderError(where, f"chunk {row} has {length} bytes, which cannot be")
        if index >= len(table) or place + length > table[index].frame.raw_length:
            raise ReaderError(where, f"chunk {row} has a place that cannot be")
        blob_of.append(table[index])
    starts = range(len(raw) - chunks * IDENTITY_BYTES, len(raw), IDENTITY_BYTES)
    return ChunkLeaf(blob_of, places, lengths, [raw[at : at + IDENTITY_BYTES] for at in starts])
