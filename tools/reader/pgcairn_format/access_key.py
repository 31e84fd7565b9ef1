"""Access keys: the private half at hand, and the root sealed in an object (section 5)."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Optional

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .errors import ReaderError, WrongKey
from .messages import AccessKeyKind, AccessKeyObject, ScryptParameters

MAX_SCRYPT_BYTES = 1 << 30
# Bounds time as the limit above bounds memory: the parameters are read before anything is proven.
MAX_SCRYPT_PARALLEL = 16
KEY_FILE_LINE = re.compile(r"PGCAIRN-ACCESS-KEY-1 ([0-9a-f]{16}) ([0-9a-f]{64})\n?")


@dataclass(frozen=True)
class Credentials:
    """What the user has: a key file's private half, a passphrase, both or nothing."""

    private_half: Optional[bytes] = None
    passphrase: Optional[str] = None


def read_key_file(path: str) -> bytes:
    try:
        with open(path, "r", encoding="ascii") as file:
            text = file.read(256)
    except (OSError, UnicodeDecodeError) as error:
        raise ReaderError(path, f"the key file cannot be read: {error}") from error
    match = KEY_FILE_LINE.fullmatch(text)
    if not match:
        raise ReaderError(path, "is not a key file: PGCAIRN-ACCESS-KEY-1 <id> <private half>")
    private_half = bytes.fromhex(match.group(2))
    if access_key_id(public_of(private_half)).hex() != match.group(1):
        raise ReaderError(path, "the key file is damaged: its id is not that of its key")
    return private_half


def public_of(private_half: bytes) -> bytes:
    public = X25519PrivateKey.from_private_bytes(private_half).public_key()
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def access_key_id(public_key: bytes) -> bytes:
    return hashlib.sha256(b"pgcairn access key id v1" + public_key).digest()[:8]


def root_id(root: bytes) -> bytes:
    return hmac.digest(root, b"pgcairn root id v1", "sha256")[:8]


def check_fields(access: AccessKeyObject, repository_id: bytes, name: str) -> None:
    """Lengths, and for a pair its id; `name` is the object's."""
    pair = access.kind in (AccessKeyKind.PASSPHRASE, AccessKeyKind.KEY_FILE)
    if not pair and access.kind is not AccessKeyKind.UNENCRYPTED:
        raise ReaderError(name, "has no kind")
    lengths = (
        (access.cluster_id, 16),
        (access.access_key_id, 8),
        (access.root_id, 8),
        (access.public_key, 32 if pair else 0),
        (access.public_key_mac, 32 if pair else 0),
        (access.ephemeral_public_key, 32 if pair else 0),
        (access.seal_salt, 32 if pair else 0),
        (access.sealed_root, 48 if pair else 0),
        (access.plain_root, 0 if pair else 32),
    )
    if any(len(value) != length for value, length in lengths) or len(repository_id) != 16:
        raise ReaderError(name, "has a field of the wrong length")
    expected = access_key_id(access.public_key) if pair else bytes(8)
    if access.access_key_id != expected:
        raise ReaderError(name, "has an id that is not that of its public half")


def open_root(
    access: AccessKeyObject, credentials: Credentials, repository_id: bytes, name: str
) -> bytes:
    """The root, proven to be the one that the object names. Raises WrongKey."""
    check_fields(access, repository_id, name)
    if access.kind is AccessKeyKind.UNENCRYPTED:
        root = access.plain_root
    else:
        root = _unseal(access, _private_half(access, credentials, name), repository_id, name)
    if root_id(root) != access.root_id:
        raise ReaderError(name, "holds a root that is not the one it names")
    if access.kind is not AccessKeyKind.UNENCRYPTED:
        mac_key = HKDF(hashes.SHA256(), 32, b"", b"pgcairn public keys v1").derive(root)
        said = access.access_key_id + access.generation.to_bytes(4, "little")
        said += bytes([access.kind]) + access.public_key
        if not hmac.compare_digest(hmac.digest(mac_key, said, "sha256"), access.public_key_mac):
            raise ReaderError(name, "the public half is not one that the root's owner put there")
    return root


def _private_half(access: AccessKeyObject, credentials: Credentials, name: str) -> bytes:
    if credentials.private_half is not None:
        if public_of(credentials.private_half) == access.public_key:
            return credentials.private_half
    if access.kind is AccessKeyKind.PASSPHRASE and credentials.passphrase is not None:
        if access.scrypt is None:
            raise ReaderError(name, "has no parameters for scrypt")
        private_half = _scrypt(access.scrypt, credentials.passphrase, name)
        if public_of(private_half) == access.public_key:
            return private_half
        raise WrongKey(name, "was made from another passphrase")
    raise WrongKey(name, "belongs to another key")


def _scrypt(parameters: ScryptParameters, passphrase: str, name: str) -> bytes:
    n = 1 << min(parameters.log2_n, 40)
    if n < 2 or parameters.r < 1 or 128 * n * parameters.r > MAX_SCRYPT_BYTES:
        raise ReaderError(name, "its scrypt parameters need more than 1 GiB, or are not valid")
    if not 1 <= parameters.p <= MAX_SCRYPT_PARALLEL:
        raise ReaderError(name, f"its scrypt parameter p is {parameters.p}")
    try:
        return hashlib.scrypt(
            passphrase.encode("utf-8", "surrogateescape"),
            salt=parameters.salt,
            n=n,
            r=parameters.r,
            p=parameters.p,
            # The library counts some working memory beside the large block.
            maxmem=MAX_SCRYPT_BYTES + (64 << 20),
            dklen=32,
        )
    except (ValueError, MemoryError) as error:
        raise ReaderError(name, f"scrypt failed: {error}") from error


def _unseal(access: AccessKeyObject, private_half: bytes, repository_id: bytes, name: str) -> bytes:
    generation = access.generation.to_bytes(4, "little")
    bound = repository_id + access.cluster_id + access.access_key_id + generation + access.root_id
    info = b"pgcairn access key v1" + access.ephemeral_public_key + access.public_key
    try:
        shared = X25519PrivateKey.from_private_bytes(private_half).exchange(
            X25519PublicKey.from_public_bytes(access.ephemeral_public_key)
        )
        key = HKDF(hashes.SHA256(), 32, access.seal_salt, info).derive(shared)
        return AESGCM(key).decrypt(bytes(12), access.sealed_root, hashlib.sha256(bound).digest())
    except (InvalidTag, ValueError):
        raise WrongKey(name, "the key does not open the root sealed in it") from None
