"""WAL objects (section 9)."""

from __future__ import annotations

import hmac
import os
import re
from dataclasses import dataclass, field
from typing import BinaryIO, Dict, Iterator, List, Tuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import header as headers
from .blob import MAX_DATA_RAW, BlobFrame, open_blob
from .cluster import Cluster
from .document import FRAME, parse_frame, sealed_key
from .errors import ObjectMissing, ReaderError
from .messages import ClusterHistory, WalInfo
from .storage import read_exactly
from .target import write_beside
from .wire import decode

MAX_WAL_FILE = 1 << 30
PIECE = 1 << 20  # of the content identity
SEGMENT = re.compile(r"[0-9A-F]{24}")
BESIDE_SEGMENT = re.compile(r"[0-9A-F]{24}(\.partial|\.[0-9A-F]{8}\.backup)?")
HISTORY = re.compile(r"[0-9A-F]{8}\.history")


def object_name(cluster: Cluster, system_identifier: int, name: str) -> str:
    """Where the file with this name lies; refuses what is no name of a WAL file."""
    if BESIDE_SEGMENT.fullmatch(name):
        folder = name[:16]
    elif HISTORY.fullmatch(name):
        folder = "history"
    else:
        raise ReaderError(name, "is not the name of a WAL file")
    return cluster.name(f"wal/{system_identifier:016x}/{folder}/{name}")


def fetch(cluster: Cluster, system_identifier: int, name: str, destination: str) -> bool:
    """Writes the file durably; destination appears only when all of it is proven.

    False when there is no such object.
    """
    stored = object_name(cluster, system_identifier, name)
    try:
        file = cluster.storage.open(stored)
    except ObjectMissing:
        return False
    with file:
        pieces = _contents(cluster, system_identifier, name, file, stored)
        write_beside(os.path.abspath(destination), pieces, 0o600)
    return True


def content_identity(cluster: Cluster, system_identifier: int, name: str) -> bytes:
    """What the object's header says, which is proven only by fetching it."""
    stored = object_name(cluster, system_identifier, name)
    with cluster.storage.open(stored) as file:
        data = read_exactly(file, headers.SEALED_SIZE, stored)
        return headers.parse(data, headers.WAL, stored).content_identity


def _contents(
    cluster: Cluster, system_identifier: int, name: str, file: BinaryIO, stored: str
) -> Iterator[bytes]:
    """The file's bytes, in pieces; raises after the last piece if the whole is not what it says."""
    data = read_exactly(file, headers.SEALED_SIZE, stored)
    header = headers.parse(data, headers.WAL, stored)
    key = sealed_key(header, lambda key_id: cluster.key_of(key_id, stored), stored)
    size = os.fstat(file.fileno()).st_size

    def blob(frame: BlobFrame) -> bytes:
        if frame.stored_length > size - file.tell():
            raise ReaderError(stored, f"ends inside blob {frame.ordinal}")
        sealed = read_exactly(file, frame.stored_length, stored)
        return open_blob(sealed, frame, cluster.ids, key.aes_key, header.salt, stored)

    info_frame = parse_frame(read_exactly(file, FRAME.size, stored), stored)
    info = decode(WalInfo, blob(info_frame), stored)
    _check_info(info, system_identifier, name, stored)
    if info.content_identity != header.content_identity:
        raise ReaderError(stored, "has a content identity that was not sealed with it")
    identity = _Identity(cluster.wal_identity_key, name, info.raw_size)
    left = info.raw_size
    for ordinal, piece in enumerate(info.blobs, start=1):
        raw = blob(BlobFrame(piece.codec, piece.raw_length, piece.stored_length, ordinal))
        identity.update(raw)
        left -= len(raw)
        yield raw
    if file.read(1):
        raise ReaderError(stored, "goes on past its last blob")
    if not hmac.compare_digest(identity.digest(), header.content_identity):
        raise ReaderError(stored, "has another content identity than its bytes")
    while left > 0:
        zeros = bytes(min(left, MAX_DATA_RAW))
        left -= len(zeros)
        yield zeros


class _Identity:
    """The content identity of bytes that come in pieces."""

    def __init__(self, wal_identity_key: bytes, name: str, raw_size: int) -> None:
        encoded = name.encode("ascii")
        self._hmac = hmac.new(wal_identity_key, digestmod="sha256")
        self._hmac.update(len(encoded).to_bytes(2, "little") + encoded + raw_size.to_bytes(8, "little"))
        key = HKDF(hashes.SHA256(), 32, b"", b"pgcairn wal pieces v1").derive(wal_identity_key)
        self._tags = AESGCM(key)
        self._waiting = b""  # less than a piece
        self._zeros = 0  # that follow it: they may be the end of the file

    def update(self, raw: bytes) -> None:
        kept = raw.rstrip(b"\0")
        if kept:
            while self._zeros:
                now = min(self._zeros, PIECE)
                self._zeros -= now
                self._append(bytes(now))
            self._append(kept)
        self._zeros += len(raw) - len(kept)

    def digest(self) -> bytes:
        if self._waiting:
            self._tag(self._waiting)
            self._waiting = b""
        return self._hmac.digest()

    def _append(self, raw: bytes) -> None:
        self._waiting += raw
        while len(self._waiting) >= PIECE:
            self._tag(self._waiting[:PIECE])
            self._waiting = self._waiting[PIECE:]

    def _tag(self, piece: bytes) -> None:
        self._hmac.update(self._tags.encrypt(bytes(12), b"", piece))


def _check_info(info: WalInfo, system_identifier: int, name: str, stored: str) -> None:
    if info.name != name or info.system_identifier != system_identifier:
        raise ReaderError(stored, f"holds {info.name} of cluster {info.system_identifier:016x}")
    if info.raw_size > MAX_WAL_FILE or sum(b.raw_length for b in info.blobs) > info.raw_size:
        raise ReaderError(stored, "has blobs that do not add up to its size")
    if any(blob.raw_length > MAX_DATA_RAW for blob in info.blobs):
        raise ReaderError(stored, "has a blob that is too large")


@dataclass
class TimelineSegments:
    """Runs of segments without a gap, as (first, last, how many), and the other files."""

    runs: List[Tuple[str, str, int]] = field(default_factory=list)
    others: List[str] = field(default_factory=list)


def list_segments(cluster: Cluster, history: ClusterHistory) -> Dict[int, TimelineSegments]:
    """What is stored, by timeline. Names only: what is in the objects is not read."""
    folder = cluster.name(f"wal/{history.system_identifier:016x}")
    size = history.wal_segment_size
    if not 1 << 20 <= size <= 1 << 30 or size & (size - 1):
        raise ReaderError(folder, f"the cluster has segments of {size} bytes, which cannot be")
    per_log = (1 << 32) // size
    timelines: Dict[int, TimelineSegments] = {}
    last = (-1, -1)
    for log in cluster.storage.names(folder):
        for name in cluster.storage.names(f"{folder}/{log}"):
            if not BESIDE_SEGMENT.fullmatch(name) and not HISTORY.fullmatch(name):
                continue
            timeline = int(name[:8], 16)
            found = timelines.setdefault(timeline, TimelineSegments())
            if not SEGMENT.fullmatch(name):
                found.others.append(name)
                continue
            number = int(name[8:16], 16) * per_log + int(name[16:24], 16)
            if last == (timeline, number - 1):
                first, _, count = found.runs[-1]
                found.runs[-1] = (first, name, count + 1)
            else:
                found.runs.append((name, name, 1))
            last = (timeline, number)
    return timelines


def missing_between(before: str, after: str, segment_size: int) -> int:
    """How many segments lack between two of one timeline."""
    per_log = (1 << 32) // segment_size
    numbers = [int(name[8:16], 16) * per_log + int(name[16:24], 16) for name in (before, after)]
    return numbers[1] - numbers[0] - 1
