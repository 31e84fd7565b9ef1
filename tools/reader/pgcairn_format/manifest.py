"""Manifests, and the list of backups (sections 1 and 11)."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta, timezone
from typing import Dict, Iterator, List, Tuple

from . import header as headers
from . import references, stream_list
from .blob import MAX_METADATA_RAW
from .cluster import Cluster
from .document import MAX_SEALED_OBJECT, open_sealed
from .errors import ReaderError
from .messages import BackupMethod, BackupType, Manifest
from .packs import PackReader, from_message
from .references import BACKUP_ID
from .stream_list import Stream, StreamList

SHORT_BACKUP_ID = re.compile(r"backup_([0-9]{8}_[0-9]{6})")


def open_manifest(cluster: Cluster, backup_id: str) -> Manifest:
    name = cluster.name(f"backups/{backup_id}")
    data = cluster.storage.read(name, MAX_SEALED_OBJECT)
    if headers.is_tombstone(data):
        raise ReaderError(name, "was given up before it was finished")
    manifest = open_sealed(
        data,
        headers.MANIFEST,
        Manifest,
        lambda key_id: cluster.key_of(key_id, name),
        cluster.ids,
        name,
    )
    if manifest.backup_id != backup_id:
        raise ReaderError(name, f"is the manifest of {manifest.backup_id}")
    if BackupType.UNSPECIFIED == manifest.type or BackupMethod.UNSPECIFIED == manifest.method:
        raise ReaderError(name, "has no type or method")
    return manifest


def read_references(cluster: Cluster, manifest: Manifest) -> Dict[bytes, int]:
    """Lengths of the packs that the backup needs, by SHA-256; the list is the manifest's own."""
    name = cluster.name(f"backups/{manifest.backup_id}{references.SUFFIX}")
    data = cluster.storage.read(name, references.MAX_LIST_SIZE)
    if len(data) != manifest.references_length:
        raise ReaderError(name, f"has {len(data)} bytes instead of {manifest.references_length}")
    if hashlib.sha256(data).digest() != manifest.references_sha256:
        raise ReaderError(name, "is damaged (SHA-256)")
    packs = references.parse(data, manifest.backup_id, name)
    if (len(packs), sum(packs.values())) != (manifest.pack_count, manifest.pack_bytes):
        raise ReaderError(name, "has other packs than the manifest says")
    return packs


def read_streams(
    cluster: Cluster, manifest: Manifest, packs: PackReader
) -> Iterator[Tuple[StreamList, Stream]]:
    """All streams in the order of their lists, one list in memory. Raises at the end when the
    manifest says another number of them, or another size."""
    name = cluster.name(f"backups/{manifest.backup_id}")
    count = size = 0
    for number, message in enumerate(manifest.stream_lists):
        where = f"{name}, stream list {number}"
        reference = from_message(message, MAX_METADATA_RAW, where)
        streams = stream_list.parse(packs.blob(reference, headers.METADATA_PACK), where)
        for stream in streams.streams:
            yield streams, stream
            count += 1
            size += stream.size
    if (count, size) != (manifest.stream_count, manifest.stream_bytes):
        raise ReaderError(name, f"says other than {count} streams of {size} bytes")


def backup_ids(cluster: Cluster) -> List[str]:
    return [
        name for name in cluster.storage.names(cluster.name("backups")) if BACKUP_ID.fullmatch(name)
    ]


def list_manifests(cluster: Cluster) -> Tuple[List[Manifest], List[str], List[str]]:
    """(backups, what is wrong with others, the ids of those that were given up)."""
    manifests: List[Manifest] = []
    errors: List[str] = []
    given_up: List[str] = []
    for backup_id in backup_ids(cluster):
        name = cluster.name(f"backups/{backup_id}")
        try:
            with cluster.storage.open(name) as file:
                if headers.is_tombstone(file.read(8)):
                    given_up.append(backup_id)
                    continue
            manifests.append(open_manifest(cluster, backup_id))
        except ReaderError as error:
            errors.append(str(error))
    return manifests, errors, given_up


def resolve_backup_id(cluster: Cluster, given: str) -> str:
    """The id itself, or the one backup that backup_YYYYMMDD_HHMMSS means."""
    if BACKUP_ID.fullmatch(given):
        return given
    match = SHORT_BACKUP_ID.fullmatch(given)
    if not match:
        raise ReaderError(given, "is not the id of a backup", "see the command list")
    found = [name for name in backup_ids(cluster) if name.startswith(match.group(1) + "-")]
    if len(found) != 1:
        raise ReaderError(given, f"means {len(found)} backups: {', '.join(found) or 'none'}")
    return found[0]


def lsn_text(lsn: int) -> str:
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def time_text(microseconds: int) -> str:
    """UTC, as people and other programs read it."""
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    try:
        moment = epoch + timedelta(microseconds=microseconds)
    except OverflowError:
        return f"{microseconds} us"
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
