"""Streams of chunks as docs/format.md has them (sections 7, 8 and 17), for mini_repository.py.

Edits (see MiniRepository): `chunks` changes a leaf's columns, `chunk leaf` its bytes; those of
stream lists are as in mini_maps.py.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from mini_maps import NO_LEAF, Leaf, list_bytes
from mini_packs import Blob, Pack, unique

CHUNK_MAX = 16384
CUT_EVERY = 64  # bytes, on the average


@dataclass
class ChunkStream:
    path: str
    data: bytes


class ChunkLeaf(Leaf):
    """Its units are chunks."""

    def unit_bytes(self, row: int) -> int:
        return len(self.units[row])


@dataclass
class ChunkMap:
    """The leaves of each stream of a backup, and the place of each chunk."""

    leaves: List[List[ChunkLeaf]]
    places: Dict[bytes, Tuple[Blob, int]]


def cut(data: bytes) -> List[bytes]:
    """By content, so that what was inserted moves no later cut."""
    chunks, start = [], 0
    for end in range(1, len(data) + 1):
        whole = end == len(data) or end - start == CHUNK_MAX
        if whole or zlib.crc32(data[max(start, end - 8) : end]) % CUT_EVERY == 0:
            chunks.append(data[start:end])
            start = end
    return chunks


class ChunkWriter:
    """Writes the streams of one backup. What an earlier one stored is referred to."""

    def __init__(self, repository: Any, known: Dict[bytes, Tuple[Blob, int]]) -> None:
        self._repository, self._settings = repository, repository.settings
        self._edit = repository.edit
        self._places = dict(known)
        self._data = [Pack(repository, b"D")]

    def write(self, streams: List[ChunkStream]) -> ChunkMap:
        cuts = [cut(stream.data) for stream in streams]
        self._store([chunk for chunks in cuts for chunk in chunks])
        metadata = Pack(self._repository, b"M")
        size = self._settings.leaf_chunks
        leaves = [
            [self._leaf(metadata, chunks[at : at + size]) for at in range(0, len(chunks), size)]
            for chunks in cuts
        ]
        metadata.close()
        return ChunkMap(leaves, self._places)

    def _identity(self, chunk: bytes) -> bytes:
        derived = HKDF(hashes.SHA256(), 64, None, b"pgcairn chunk identity v1")
        keys = derived.derive(self._repository.chunk_key)
        tag = AESGCM(keys[:32]).encrypt(bytes(12), b"", chunk)
        return Cipher(algorithms.AES(keys[32:]), modes.ECB()).encryptor().update(tag)

    def _store(self, chunks: List[bytes]) -> None:
        new = {self._identity(chunk): chunk for chunk in chunks}
        waiting: List[Tuple[bytes, bytes]] = []
        for identity, chunk in new.items():
            if identity in self._places:
                continue
            if sum(len(c) for _, c in waiting) + len(chunk) > self._settings.blob_raw:
                self._store_blob(waiting)
                waiting = []
            waiting.append((identity, chunk))
        if waiting:
            self._store_blob(waiting)
        if self._data[-1].count:
            self._data[-1].close()

    def _store_blob(self, chunks: List[Tuple[bytes, bytes]]) -> None:
        """The last chunk first: their order in a blob says nothing."""
        if len(self._data[-1].data) > self._settings.pack_size:
            self._data[-1].close()
            self._data.append(Pack(self._repository, b"D"))
        pack = self._data[-1]
        blob = pack.add(b"".join(chunk for _, chunk in chunks[::-1]), pack.count % 2)
        place = 0
        for identity, chunk in chunks[::-1]:
            self._places[identity] = (blob, place)
            place += len(chunk)

    def _leaf(self, pack: Pack, chunks: List[bytes]) -> ChunkLeaf:
        identities = [self._identity(chunk) for chunk in chunks]
        places = [self._places[identity] for identity in identities]
        blobs = list({id(blob): blob for blob, _ in places}.values())
        packs = unique([blob.pack for blob in blobs])
        indexes = {id(blob): index for index, blob in enumerate(blobs)}
        columns = [[indexes[id(blob)] for blob, _ in places], [place for _, place in places]]
        columns += [[len(chunk) for chunk in chunks], identities]
        columns = self._edit("chunks", columns)
        raw = b"PGML" + struct.pack("<HBBII", 1, 3, 3, 0, len(chunks))
        raw += struct.pack("<II", len(packs), len(blobs))
        raw += b"".join(found.columns() for found in packs)
        raw += b"".join(blob.columns(packs) for blob in blobs)
        raw += b"".join(
            struct.pack(f"<{len(column)}{kind}", *column) for kind, column in zip("HII", columns)
        )
        raw = self._edit("chunk leaf", raw + b"".join(columns[3]))
        return ChunkLeaf(pack.add(raw, 1), chunks, places)

    def list(self, part: range, streams: List[ChunkStream], stored: ChunkMap) -> bytes:
        """A stream list of some of the streams, with all leaves of the backup."""
        rows, paths = b"", b""
        for number in part:
            path = self._edit("path", streams[number].path).encode()
            own = len(stored.leaves[number])
            first = sum(len(leaves) for leaves in stored.leaves[:number]) if own else NO_LEAF
            row = [4, 2, 0, first, 0, len(path), own, len(streams[number].data), 0, 0, 0]
            rows += struct.pack("<BBHIHHIQQQQ", *self._edit("stream", row))
            paths += path
        leaves = [leaf for leaves in stored.leaves for leaf in leaves]
        return list_bytes(self._edit, rows, paths, leaves)
