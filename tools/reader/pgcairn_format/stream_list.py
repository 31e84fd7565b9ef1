"""Stream lists: the files and directories of a backup (section 8)."""

from __future__ import annotations

import enum
import os
import struct
from dataclasses import dataclass
from typing import List, Tuple

from .blob import MAX_METADATA_RAW
from .errors import ReaderError
from .leaf import MAX_UNITS
from .packs import BLOB_COLUMNS, PACK_COLUMNS, BlobReference, blob_table, pack_table

FIXED = struct.Struct("<4sHHIIII")
STREAM = struct.Struct("<BBHIHHIQqQq")
MAGIC = b"PGSL"
MAX_STREAMS = 4096
NO_LEAF = (1 << 32) - 1
MAX_SIZE = (1 << 63) - 1


class StreamKind(enum.IntEnum):
    RELATION = 1
    FILE = 2
    DIRECTORY = 3


class Root(enum.IntEnum):
    DATA = 0
    CONFIGURATION = 1


@dataclass(frozen=True)
class Stream:
    path: str
    kind: StreamKind
    root: Root
    mode: int
    first_leaf: int
    first_entry: int
    size: int
    modified_ns: int


@dataclass(frozen=True)
class StreamList:
    """leaves: each with its number of units."""

    leaves: List[Tuple[BlobReference, int]]
    streams: List[Stream]


def parse(raw: bytes, where: str) -> StreamList:
    if len(raw) < FIXED.size:
        raise ReaderError(where, "is too short for a stream list")
    magic, version, zero, streams, packs, leaves, path_bytes = FIXED.unpack_from(raw)
    if magic != MAGIC:
        raise ReaderError(where, "is not a stream list")
    if version != 1 or zero != 0:
        raise ReaderError(where, f"has version {version}")
    leaves_at = FIXED.size + packs * PACK_COLUMNS.size
    streams_at = leaves_at + leaves * BLOB_COLUMNS.size
    paths_at = streams_at + streams * STREAM.size
    if streams > MAX_STREAMS or len(raw) != paths_at + path_bytes:
        raise ReaderError(where, "has a length that does not fit its counts")
    table = blob_table(
        raw[leaves_at:streams_at],
        pack_table(raw[FIXED.size : leaves_at], where),
        MAX_METADATA_RAW,
        where,
    )
    if any(not 1 <= units <= MAX_UNITS for _, units in table):
        raise ReaderError(where, "has a leaf with a number of units that cannot be")
    return StreamList(table, _streams(raw[streams_at:paths_at], raw[paths_at:], table, where))


def _streams(
    rows: bytes, paths: bytes, leaves: List[Tuple[BlobReference, int]], where: str
) -> List[Stream]:
    streams = []
    position = 0
    for row in STREAM.iter_unpack(rows):
        kind, root, mode, leaf, entry, path_length, zero, size, modified, _, _ = row
        path = paths[position : position + path_length]
        position += path_length
        if position > len(paths):
            raise ReaderError(where, "its paths are longer than their bytes")
        named = f"{where}, stream {os.fsdecode(path)!r}"
        if any(part in (b"", b".", b"..") for part in path.split(b"/")) or b"\0" in path:
            raise ReaderError(named, "has a path that leads elsewhere")
        try:
            known_kind, known_root = StreamKind(kind), Root(root)
        except ValueError:
            raise ReaderError(named, f"has kind {kind} and root {root}") from None
        if mode > 0o7777 or zero != 0 or size > MAX_SIZE:
            raise ReaderError(named, "has a damaged entry")
        if size == 0:
            placed = leaf == NO_LEAF
        else:
            placed = kind != StreamKind.DIRECTORY and leaf < len(leaves) and entry < leaves[leaf][1]
        if not placed:
            raise ReaderError(named, f"lies at entry {entry} of leaf {leaf}, which cannot be")
        streams.append(
            Stream(os.fsdecode(path), known_kind, known_root, mode, leaf, entry, size, modified)
        )
    if position != len(paths):
        raise ReaderError(where, "has path bytes that belong to no stream")
    return streams
