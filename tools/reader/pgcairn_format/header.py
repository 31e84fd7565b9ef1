"""The header that every object but the reference list begins with (section 2)."""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import ReaderError, WrongKey

MAGIC = b"PGCAIRN"
VERSION = 1
FIXED = struct.Struct("<7scHHI32s8sBBH")
KEY_CHECK_SIZE = 16
SALT_SIZE = 32
PLAIN_SIZE = FIXED.size + KEY_CHECK_SIZE
SEALED_SIZE = PLAIN_SIZE + SALT_SIZE

IDENTITY, FORMAT, ACCESS_KEY, EPOCH, HISTORY = b"R", b"F", b"K", b"E", b"H"
DATA_PACK, METADATA_PACK, MANIFEST, WAL, TOMBSTONE = b"D", b"M", b"B", b"W", b"T"
PLAIN_KINDS = (IDENTITY, FORMAT, ACCESS_KEY)


@dataclass(frozen=True)
class Header:
    kind: bytes
    size: int
    content_identity: bytes
    key_id: bytes
    salt: bytes
    key_check: bytes


@dataclass(frozen=True)
class ObjectKey:
    aes_key: bytes
    key_check: bytes


def parse(data: bytes, kind: bytes, object_name: str) -> Header:
    """The header at the beginning of data, of an object of this kind."""
    if len(data) < PLAIN_SIZE:
        raise ReaderError(object_name, f"has only {len(data)} bytes")
    (
        magic,
        found,
        version,
        size,
        features,
        identity,
        key_id,
        envelope,
        zero,
        envelope_size,
    ) = FIXED.unpack_from(data)
    if magic != MAGIC:
        raise ReaderError(object_name, "is not an object of pgcairn")
    if version != VERSION:
        raise ReaderError(object_name, f"has version {version}; this reader knows {VERSION}")
    if features != 0:
        raise ReaderError(object_name, f"needs features {features:#x} that this reader lacks")
    if found != kind:
        raise ReaderError(object_name, f"is of kind {found!r} instead of {kind!r}")
    plain = kind in PLAIN_KINDS
    if envelope != (0 if plain else 1) or envelope_size != (0 if plain else SALT_SIZE):
        raise ReaderError(object_name, f"has envelope type {envelope} of {envelope_size} bytes")
    if size != PLAIN_SIZE + envelope_size or size > len(data) or zero != 0:
        raise ReaderError(object_name, "has a damaged header")
    salt = data[FIXED.size : FIXED.size + envelope_size]
    key_check = data[FIXED.size + envelope_size : size]
    if plain and (any(key_id) or any(key_check)):
        raise ReaderError(object_name, "has a damaged header")
    if kind != WAL and any(identity):
        raise ReaderError(object_name, "has a content identity, which only WAL objects have")
    return Header(found, size, identity, key_id, salt, key_check)


def is_tombstone(data: bytes) -> bool:
    return data[:8] == MAGIC + TOMBSTONE


def object_key(key: bytes, salt: bytes, kind: bytes) -> ObjectKey:
    okm = HKDF(hashes.SHA256(), 48, salt, b"pgcairn object v1" + kind).derive(key)
    return ObjectKey(okm[:32], okm[32:])


def verify_key_check(header: Header, key: ObjectKey, object_name: str) -> None:
    if not hmac.compare_digest(header.key_check, key.key_check):
        raise WrongKey(object_name, "the key check differs: another key, or a damaged header")
