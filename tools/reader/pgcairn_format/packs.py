"""Packs, and the references to packs and blobs in fixed columns (section 6)."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Dict, List, Set, Tuple

from . import header as headers
from . import messages
from .blob import TAG_SIZE, BlobFrame, open_blob, stored_length_max
from .cache import Cache
from .cluster import Cluster
from .errors import ReaderError

MAX_PACK_SIZE = 64 << 20
MAX_PACK_BLOBS = 65_536
PACK_COLUMNS = struct.Struct("<32sQ8s32s")
BLOB_COLUMNS = struct.Struct("<IIIIIHH")
PACK_CACHE_BYTES = 256 << 20
BLOB_CACHE_BYTES = 64 << 20


@dataclass(frozen=True)
class PackReference:
    sha256: bytes
    length: int
    key_id: bytes
    salt: bytes

    @property
    def object_name(self) -> str:
        name = self.sha256.hex()
        return f"packs/{name[:2]}/{name}"


@dataclass(frozen=True)
class BlobReference:
    pack: PackReference
    offset: int
    frame: BlobFrame


def pack_reference(
    sha256: bytes, length: int, key_id: bytes, salt: bytes, where: str
) -> PackReference:
    if (len(sha256), len(key_id), len(salt)) != (32, 8, 32):
        raise ReaderError(where, "refers to a pack in fields of the wrong length")
    if not headers.SEALED_SIZE <= length <= MAX_PACK_SIZE:
        raise ReaderError(where, f"refers to a pack of {length} bytes")
    return PackReference(sha256, length, key_id, salt)


def blob_reference(
    pack: PackReference, offset: int, frame: BlobFrame, max_raw: int, where: str
) -> BlobReference:
    inside = headers.SEALED_SIZE <= offset and offset + frame.stored_length <= pack.length
    sized = TAG_SIZE <= frame.stored_length <= stored_length_max(frame.raw_length)
    if not inside or not sized or frame.raw_length > max_raw or frame.ordinal >= MAX_PACK_BLOBS:
        raise ReaderError(where, "refers to a blob that cannot be")
    return BlobReference(pack, offset, frame)


def from_message(blob: messages.BlobReference, max_raw: int, where: str) -> BlobReference:
    if blob.pack is None:
        raise ReaderError(where, "refers to a blob without a pack")
    pack = pack_reference(
        blob.pack.sha256, blob.pack.length, blob.pack.key_id, blob.pack.salt, where
    )
    frame = BlobFrame(blob.codec, blob.raw_length, blob.stored_length, blob.ordinal)
    return blob_reference(pack, blob.offset, frame, max_raw, where)


def pack_table(data: bytes, where: str) -> List[PackReference]:
    return [
        pack_reference(sha256, length, key_id, salt, where)
        for sha256, length, key_id, salt in PACK_COLUMNS.iter_unpack(data)
    ]


def blob_table(
    data: bytes, packs: List[PackReference], max_raw: int, where: str
) -> List[Tuple[BlobReference, int]]:
    """Blob references, each with the number in its last field."""
    table = []
    for index, offset, stored, raw, ordinal, codec, last in BLOB_COLUMNS.iter_unpack(data):
        if index >= len(packs):
            raise ReaderError(where, f"refers to pack {index} of {len(packs)}")
        frame = BlobFrame(codec, raw, stored, ordinal)
        table.append((blob_reference(packs[index], offset, frame, max_raw, where), last))
    return table


class PackReader:
    """Reads blobs of the packs in a backup's reference list.

    A pack is read whole once and proven by its SHA-256. When it has left the cache it is read again
    in parts: the tag of each blob proves those.
    """

    def __init__(self, cluster: Cluster, listed: Dict[bytes, int]) -> None:
        self._cluster = cluster
        self._listed = listed
        self._keys: Dict[Tuple[PackReference, bytes], bytes] = {}
        self._proven: Set[bytes] = set()
        self._packs: Cache[bytes] = Cache(PACK_CACHE_BYTES)
        self._blobs: Cache[bytes] = Cache(BLOB_CACHE_BYTES)

    def blob(self, blob: BlobReference, kind: bytes) -> bytes:
        raw = self._blobs.get((blob, kind))
        if raw is None:
            raw = self._open(blob, kind)
            self._blobs.put((blob, kind), raw, len(raw))
        return raw

    def _open(self, blob: BlobReference, kind: bytes) -> bytes:
        pack = blob.pack
        name = self._cluster.name(pack.object_name)
        if (pack, kind) not in self._keys:
            self._keys[(pack, kind)] = self._prove(pack, kind, name)
        start, length = blob.offset, blob.frame.stored_length
        data = self._packs.get(pack.sha256)
        if data is None:
            stored = self._cluster.storage.read_range(name, start, length)
        else:
            stored = data[start : start + length]
        aes_key = self._keys[(pack, kind)]
        return open_blob(stored, blob.frame, self._cluster.ids, aes_key, pack.salt, name)

    def _prove(self, pack: PackReference, kind: bytes, name: str) -> bytes:
        """The AES key of the pack, once all that the reference says of the pack is found true."""
        if self._listed.get(pack.sha256) != pack.length:
            raise ReaderError(name, "is not in the backup's reference list with that length")
        data = self._cluster.storage.read(name, MAX_PACK_SIZE)
        if len(data) != pack.length:
            raise ReaderError(name, f"has {len(data)} bytes instead of {pack.length}")
        if hashlib.sha256(data).digest() != pack.sha256:
            raise ReaderError(name, "is damaged (SHA-256)")
        header = headers.parse(data[: headers.SEALED_SIZE], kind, name)
        if header.key_id != pack.key_id or header.salt != pack.salt:
            raise ReaderError(name, "has another key id or salt than the reference to it")
        master = self._cluster.key_of(pack.key_id, name)
        key = headers.object_key(master, pack.salt, kind)
        headers.verify_key_check(header, key, name)
        if pack.sha256 not in self._proven:
            self._proven.add(pack.sha256)
            self._packs.put(pack.sha256, data, len(data))
        return key.aes_key
