"""Sealed and compressed runs of bytes (section 3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .errors import ReaderError

TAG_SIZE = 16
CODEC_RAW = 0
CODEC_ZSTD = 1
MAX_DATA_RAW = 1 << 20
MAX_METADATA_RAW = 16 << 20


@dataclass(frozen=True)
class ClusterIds:
    """What binds a blob to its repository and cluster."""

    repository_id: bytes
    cluster_id: bytes


@dataclass(frozen=True)
class BlobFrame:
    """What must be known to open a blob, beside its object's key."""

    codec: int
    raw_length: int
    stored_length: int
    ordinal: int


def stored_length_max(raw_length: int) -> int:
    return raw_length + raw_length // 256 + 64 + TAG_SIZE


def open_blob(
    stored: bytes, frame: BlobFrame, ids: ClusterIds, aes_key: bytes, salt: bytes, name: str
) -> bytes:
    where = f"{name}, blob {frame.ordinal}"
    if len(stored) != frame.stored_length or len(stored) < TAG_SIZE:
        raise ReaderError(where, f"has {len(stored)} bytes instead of {frame.stored_length}")
    if frame.codec not in (CODEC_RAW, CODEC_ZSTD):
        raise ReaderError(where, f"is encoded with codec {frame.codec}, unknown to this reader")
    nonce = struct.pack("<4xQ", frame.ordinal)
    binding = struct.pack("<IHHI", frame.ordinal, frame.codec, 0, frame.raw_length)
    aad = ids.repository_id + ids.cluster_id + salt + binding
    try:
        encoded = AESGCM(aes_key).decrypt(nonce, stored, aad)
    except InvalidTag:
        raise ReaderError(where, "is damaged (authentication tag)") from None
    raw = encoded if frame.codec == CODEC_RAW else _decompress(encoded, frame.raw_length, where)
    if len(raw) != frame.raw_length:
        raise ReaderError(where, f"holds {len(raw)} bytes instead of {frame.raw_length}")
    return raw


def _decompress(encoded: bytes, raw_length: int, where: str) -> bytes:
    try:
        size = zstandard.get_frame_parameters(encoded).content_size
        if size not in (raw_length, zstandard.CONTENTSIZE_UNKNOWN):
            raise ReaderError(where, f"holds {size} bytes instead of {raw_length}")
        # A frame that does not state its size would be inflated without a bound by the object
        # that reports what follows the frame, so its size is proven first.
        if size == zstandard.CONTENTSIZE_UNKNOWN:
            zstandard.ZstdDecompressor().decompress(encoded, max_output_size=max(raw_length, 1))
        frame = zstandard.ZstdDecompressor().decompressobj()
        raw = frame.decompress(encoded)
    except zstandard.ZstdError as error:
        raise ReaderError(where, f"cannot be decompressed: {error}") from error
    if not frame.eof or frame.unused_data:
        raise ReaderError(where, "is not exactly one Zstandard frame")
    return raw
