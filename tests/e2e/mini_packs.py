"""Packs as docs/format.md has them (section 6), for mini_repository.py."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Any, List


@dataclass
class Blob:
    pack: "Pack"
    offset: int
    stored: int
    raw: int
    ordinal: int
    codec: int

    def columns(self, packs: List["Pack"], last: int = 0) -> bytes:
        index = packs.index(self.pack)
        return struct.pack(
            "<IIIIIHH", index, self.offset, self.stored, self.raw, self.ordinal, self.codec, last
        )


class Pack:
    """repository: the MiniRepository that it belongs to."""

    def __init__(self, repository: Any, kind: bytes) -> None:
        self.repository, self.kind = repository, kind
        self.salt = repository.random_bytes(32)
        self.data = repository.header(kind, repository.data_key, self.salt)
        self.key = repository.object_key(repository.data_key, self.salt, kind)[:32]
        self.count = 0
        self.sha256 = b""

    def add(self, raw: bytes, codec: int) -> Blob:
        stored = self.repository.seal(self.key, self.salt, self.count, codec, raw)
        blob = Blob(self, len(self.data), len(stored), len(raw), self.count, codec)
        self.data += stored
        self.count += 1
        return blob

    def close(self) -> None:
        """With a blob at the end that no backup refers to, as a pack may have."""
        self.add(b"nobody's", 0)
        self.sha256 = hashlib.sha256(self.data).digest()
        name = self.sha256.hex()
        self.repository.put(f"{self.repository.folder}/packs/{name[:2]}/{name}", self.data)

    def columns(self) -> bytes:
        key_id = self.repository.data_key_id
        return struct.pack("<32sQ8s32s", self.sha256, len(self.data), key_id, self.salt)


def unique(packs: List[Pack]) -> List[Pack]:
    """In the order in which they come first."""
    return list({id(pack): pack for pack in packs}.values())
