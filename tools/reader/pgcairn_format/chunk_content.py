"""The bytes of a stream of chunks, put together leaf by leaf, each chunk's identity checked."""

from __future__ import annotations

from typing import Dict, Iterator, List

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import chunk_leaf
from . import header as headers
from .chunk_leaf import ChunkLeaf
from .content import storage_order
from .errors import ReaderError
from .packs import BlobReference, PackReader
from .stream_list import Stream, StreamList


class ChunkIdentity:
    def __init__(self, chunk_key: bytes) -> None:
        info = b"pgcairn chunk identity v1"
        keys = HKDF(hashes.SHA256(), length=64, salt=None, info=info).derive(chunk_key)
        self._tags = AESGCM(keys[:32])
        # One block at a time, which is what ECB is.
        self._block = Cipher(algorithms.AES(keys[32:]), modes.ECB()).encryptor()

    def of(self, chunk: bytes) -> bytes:
        return self._block.update(self._tags.encrypt(bytes(12), b"", chunk))


class ChunkContentReader:
    def __init__(self, packs: PackReader, chunk_key: bytes) -> None:
        self._packs = packs
        self._identity = ChunkIdentity(chunk_key)

    def pieces(self, streams: StreamList, stream: Stream) -> Iterator[bytes]:
        """The stream's bytes in order; a piece is what one leaf holds, at most 64 MiB."""
        left = stream.size
        for number in range(stream.leaf_count):
            reference, chunk_count = streams.leaves[stream.first_leaf + number]
            where = f"{stream.path}, leaf {reference.frame.ordinal} of {reference.pack.object_name}"
            leaf = chunk_leaf.parse(self._packs.blob(reference, headers.METADATA_PACK), where)
            if len(leaf.blob_of) != chunk_count:
                raise ReaderError(where, "has another number of chunks than its list says")
            left -= sum(leaf.length_of)
            if left < 0:
                raise ReaderError(stream.path, "has leaves with more bytes than its size")
            yield b"".join(self._chunks(leaf, where))
        if left:
            raise ReaderError(stream.path, f"has leaves that lack {left} bytes of its size")

    def _chunks(self, leaf: ChunkLeaf, where: str) -> List[bytes]:
        """In the order of the stream, but read as they are stored, so that each blob is opened once
        however the chunks' history has scattered them."""
        by_blob: Dict[BlobReference, List[int]] = {}
        for row, blob in enumerate(leaf.blob_of):
            by_blob.setdefault(blob, []).append(row)
        chunks = [b""] * len(leaf.blob_of)
        for blob in sorted(by_blob, key=storage_order):
            raw = self._packs.blob(blob, headers.DATA_PACK)
            for row in by_blob[blob]:
                place = leaf.place_of[row]
                chunk = raw[place : place + leaf.length_of[row]]
                if self._identity.of(chunk) != leaf.identity_of[row]:
                    raise ReaderError(where, f"chunk {row} has another identity than its bytes")
                chunks[row] = chunk
        return chunks
