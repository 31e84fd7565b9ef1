"""Objects that hold one message (section 4)."""

from __future__ import annotations

import hashlib
import struct
from typing import Callable, Type, TypeVar

from . import header as headers
from .blob import BlobFrame, ClusterIds, open_blob
from .errors import ReaderError
from .header import Header, ObjectKey
from .wire import Message, decode

MAX_PLAIN_MESSAGE = 64 << 10
MAX_SEALED_MESSAGE = 64 << 20
DIGEST_SIZE = 32
FRAME = struct.Struct("<HHII")
MAX_PLAIN_OBJECT = headers.PLAIN_SIZE + 4 + MAX_PLAIN_MESSAGE + DIGEST_SIZE
# A codec may make bytes longer that cannot be compressed; 1 MiB is far beyond Zstandard's worst.
MAX_SEALED_OBJECT = headers.SEALED_SIZE + FRAME.size + MAX_SEALED_MESSAGE + (1 << 20)

M = TypeVar("M", bound=Message)
KeyOf = Callable[[bytes], bytes]


def open_plain(data: bytes, kind: bytes, message: Type[M], object_name: str) -> M:
    header = headers.parse(data, kind, object_name)
    if len(data) < header.size + 4 + DIGEST_SIZE:
        raise ReaderError(object_name, f"has only {len(data)} bytes")
    length = int.from_bytes(data[header.size : header.size + 4], "little")
    end = header.size + 4 + length
    if length > MAX_PLAIN_MESSAGE or len(data) != end + DIGEST_SIZE:
        raise ReaderError(object_name, f"has {len(data)} bytes, which does not fit its message")
    if hashlib.sha256(data[:end]).digest() != data[end:]:
        raise ReaderError(object_name, "is damaged (SHA-256)")
    return decode(message, data[header.size + 4 : end], object_name)


def open_sealed(
    data: bytes, kind: bytes, message: Type[M], key_of: KeyOf, ids: ClusterIds, object_name: str
) -> M:
    """key_of gives the key of a key id, or raises."""
    header = headers.parse(data, kind, object_name)
    key = sealed_key(header, key_of, object_name)
    frame = parse_frame(data[header.size : header.size + FRAME.size], object_name)
    start = header.size + FRAME.size
    if len(data) != start + frame.stored_length:
        raise ReaderError(object_name, f"has {len(data)} bytes, which does not fit its message")
    raw = open_blob(data[start:], frame, ids, key.aes_key, header.salt, object_name)
    return decode(message, raw, object_name)


def sealed_key(header: Header, key_of: KeyOf, object_name: str) -> ObjectKey:
    key = headers.object_key(key_of(header.key_id), header.salt, header.kind)
    headers.verify_key_check(header, key, object_name)
    return key


def parse_frame(data: bytes, object_name: str) -> BlobFrame:
    """The frame of the blob of ordinal 0 that holds a message."""
    if len(data) != FRAME.size:
        raise ReaderError(object_name, "ends inside its frame")
    codec, zero, raw_length, stored_length = FRAME.unpack(data)
    if zero != 0 or raw_length > MAX_SEALED_MESSAGE:
        raise ReaderError(object_name, "has a damaged frame")
    return BlobFrame(codec, raw_length, stored_length, 0)
