"""Stream lists: the files and directories of a backup, or the rows of one (section 8)."""

from __future__ import annotations

import enum
import os
import struct
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from . import header as headers
from .blob import MAX_METADATA_RAW
from .errors import ReaderError
from .leaf import MAX_UNITS
from .packs import BLOB_COLUMNS, MAX_PACK_SIZE, PACK_COLUMNS
from .packs import BlobReference, PackReference, blob_table, pack_table

FIXED = struct.Struct("<4sHHIIIIII")
DATA_PACK = struct.Struct("<32sQ")
NEEDS = struct.Struct("<II")
USE = struct.Struct("<II")
STREAM = struct.Struct("<BBHIHHIQqQq")
PATH_LENGTH = 5  # which of its columns
MAGIC = b"PGSL"
VERSION = 2
MAX_STREAMS = 4096
NO_LEAF = NO_BASE = (1 << 32) - 1
MAX_SIZE = (1 << 63) - 1


class StreamKind(enum.IntEnum):
    RELATION = 1
    FILE = 2
    DIRECTORY = 3
    CHUNKS = 4


class Root(enum.IntEnum):
    DATA = 0
    CONFIGURATION = 1
    DATABASE = 2


@dataclass(frozen=True)
class Stream:
    """leaf_count: of a stream of chunks; others end where their size says."""

    path: str
    kind: StreamKind
    root: Root
    mode: int
    first_leaf: int
    first_entry: int
    size: int
    modified_ns: int
    leaf_count: int = 0


@dataclass(frozen=True)
class Needs:
    """What a leaf needs beside itself: its base's pack, and how many stored bytes of which packs.

    They are for those who delete packs; a restore finds what it needs in the leaves.
    """

    base_pack: Optional[PackReference]
    data: List[Tuple[bytes, int]]


@dataclass(frozen=True)
class StreamList:
    """leaves: each with its number of units. needs: one for each. data_packs: lengths by SHA-256."""

    leaves: List[Tuple[BlobReference, int]]
    data_packs: Dict[bytes, int]
    needs: List[Needs]
    streams: List[Stream]


def parse(raw: bytes, where: str) -> StreamList:
    if len(raw) < FIXED.size:
        raise ReaderError(where, "is too short for a stream list")
    magic, version, zero, streams, packs, leaves, path_bytes, data_packs, uses = FIXED.unpack_from(
        raw
    )
    if magic != MAGIC:
        raise ReaderError(where, "is not a stream list")
    if version != VERSION or zero != 0:
        raise ReaderError(where, f"has version {version}")
    sizes = (
        packs * PACK_COLUMNS.size,
        leaves * BLOB_COLUMNS.size,
        data_packs * DATA_PACK.size,
        leaves * NEEDS.size,
        uses * USE.size,
        streams * STREAM.size,
        path_bytes,
    )
    if streams > MAX_STREAMS or len(raw) != FIXED.size + sum(sizes):
        raise ReaderError(where, "has a length that does not fit its counts")
    ends = [FIXED.size + sum(sizes[:count]) for count in range(len(sizes) + 1)]
    parts = [raw[start:end] for start, end in zip(ends, ends[1:])]
    pack_rows, leaf_rows, data_rows, need_rows, use_rows, stream_rows, paths = parts
    known_packs = pack_table(pack_rows, where)
    table = blob_table(leaf_rows, known_packs, MAX_METADATA_RAW, where)
    if any(not 1 <= units <= MAX_UNITS for _, units in table):
        raise ReaderError(where, "has a leaf with a number of units that cannot be")
    lengths = list(DATA_PACK.iter_unpack(data_rows))
    if any(not headers.SEALED_SIZE <= length <= MAX_PACK_SIZE for _, length in lengths):
        raise ReaderError(where, "names a data pack of a length that cannot be")
    needs = _needs(need_rows, use_rows, known_packs, [sha256 for sha256, _ in lengths], where)
    return StreamList(table, dict(lengths), needs, _streams(stream_rows, paths, table, where))


def _needs(
    rows: bytes, uses: bytes, packs: List[PackReference], data_packs: List[bytes], where: str
) -> List[Needs]:
    used = list(USE.iter_unpack(uses))
    if any(index >= len(data_packs) for index, _ in used):
        raise ReaderError(where, "has a use of a data pack that is not in its table")
    needs = []
    position = 0
    for base_pack, count in NEEDS.iter_unpack(rows):
        if base_pack != NO_BASE and base_pack >= len(packs):
            raise ReaderError(where, f"has a base in pack {base_pack} of {len(packs)}")
        own = [(data_packs[index], size) for index, size in used[position : position + count]]
        needs.append(Needs(None if base_pack == NO_BASE else packs[base_pack], own))
        position += count
    if position != len(used):
        raise ReaderError(where, "has other uses than its leaves say")
    return needs


def _streams(
    rows: bytes, paths: bytes, leaves: List[Tuple[BlobReference, int]], where: str
) -> List[Stream]:
    streams = []
    position = 0
    for row in STREAM.iter_unpack(rows):
        length = row[PATH_LENGTH]
        path = paths[position : position + length]
        position += length
        if position > len(paths):
            raise ReaderError(where, "its paths are longer than their bytes")
        named = f"{where}, stream {os.fsdecode(path)!r}"
        if any(part in (b"", b".", b"..") for part in path.split(b"/")) or b"\0" in path:
            raise ReaderError(named, "has a path that leads elsewhere")
        stream = _stream(row, os.fsdecode(path), named)
        _check_place(stream, leaves, named)
        streams.append(stream)
    if position != len(paths):
        raise ReaderError(where, "has path bytes that belong to no stream")
    return streams


def _stream(row: Tuple[int, ...], path: str, named: str) -> Stream:
    kind, root, mode, leaf, entry, _, leaf_count, size, modified, inode, changed = row
    try:
        known_kind, known_root = StreamKind(kind), Root(root)
    except ValueError:
        raise ReaderError(named, f"has kind {kind} and root {root}") from None
    chunks = known_kind is StreamKind.CHUNKS
    if chunks != (known_root is Root.DATABASE):
        raise ReaderError(named, f"has kind {kind} and root {root}")
    unused = (mode, modified, inode, changed) if chunks else (leaf_count,)
    if mode > 0o7777 or any(unused) or size > MAX_SIZE:
        raise ReaderError(named, "has a damaged entry")
    return Stream(path, known_kind, known_root, mode, leaf, entry, size, modified, leaf_count)


def _check_place(stream: Stream, leaves: List[Tuple[BlobReference, int]], named: str) -> None:
    first, entry, count = stream.first_leaf, stream.first_entry, stream.leaf_count
    if stream.kind is StreamKind.CHUNKS:
        if stream.size == 0:
            placed = (first, entry, count) == (NO_LEAF, 0, 0)
        else:
            placed = entry == 0 and count > 0 and first + count <= len(leaves)
        said = f"entry {entry} of {count} leaves from {first} on"
    else:
        if stream.size == 0:
            placed = first == NO_LEAF
        else:
            placed = stream.kind is not StreamKind.DIRECTORY
            placed = placed and first < len(leaves) and entry < leaves[first][1]
        said = f"entry {entry} of leaf {first}"
    if not placed:
        raise ReaderError(named, f"lies at {said}, which cannot be")
