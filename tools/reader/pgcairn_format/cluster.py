"""Opens a repository and one cluster in it: identity, format, root, epoch, history."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Tuple, TypeVar

from . import header as headers
from .access_key import Credentials, access_key_id, open_root, public_of
from .blob import ClusterIds
from .document import MAX_PLAIN_OBJECT, MAX_SEALED_OBJECT, open_plain, open_sealed
from .errors import ReaderError, WrongKey
from .messages import AccessKeyObject, ClusterHistory, Epoch
from .messages import RepositoryFormat, RepositoryIdentity
from .storage import Storage

CLUSTER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}")
FORMAT_NAME = re.compile(r"[1-9][0-9]{0,8}")
KEY_NAME = re.compile(r"([0-9a-f]{8})-([0-9a-f]{16})(?:\.copy)?")
EPOCH_NAME = re.compile(r"([0-9a-f]{8})(?:\.copy)?")
SYSTEM_IDENTIFIER_NAME = re.compile(r"[0-9a-f]{16}")
FORMAT_VERSION = 1

Warn = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Cluster:
    """An open cluster. Everything in it is proven by the root."""

    storage: Storage
    folder: str
    ids: ClusterIds
    data_keys: Dict[bytes, bytes]
    fingerprint_secret: bytes
    wal_identity_key: bytes
    chunk_key: bytes

    def name(self, below: str) -> str:
        return f"{self.folder}/{below}"

    def key_of(self, key_id: bytes, object_name: str) -> bytes:
        key = self.data_keys.get(key_id)
        if key is None:
            raise ReaderError(object_name, f"was written with key {key_id.hex()}, unknown here")
        return key


def open_cluster(
    storage: Storage, cluster_name: str, credentials: Credentials, warn: Warn
) -> Cluster:
    check_cluster_name(cluster_name)
    repository_id = open_repository(storage, warn).repository_id
    folder = f"clusters/{cluster_name}"
    epoch, ids = _open_newest_epoch(storage, folder, credentials, repository_id, warn)
    data_keys = {key.key_id: key.key for key in epoch.data_keys}
    return Cluster(
        storage,
        folder,
        ids,
        data_keys,
        epoch.fingerprint_secret,
        epoch.wal_identity_key,
        epoch.chunk_key,
    )


def check_cluster_name(cluster_name: str) -> None:
    if not CLUSTER_NAME.fullmatch(cluster_name):
        raise ReaderError(cluster_name, "is not the name of a cluster")


def open_repository(storage: Storage, warn: Warn) -> RepositoryIdentity:
    """Refuses a repository of another format."""

    def parse(name: str) -> RepositoryIdentity:
        data = storage.read(name, MAX_PLAIN_OBJECT)
        identity = open_plain(data, headers.IDENTITY, RepositoryIdentity, name)
        if len(identity.repository_id) != 16:
            raise ReaderError(name, "has no repository id")
        return identity

    try:
        identity = _either(["repository", "repository.copy"], parse, warn)
    except ReaderError as error:
        hint = f"is {storage.directory} a repository, and is it mounted?"
        raise ReaderError(error.object_name, error.problem, hint) from error
    versions = [int(name) for name in storage.names("format") if FORMAT_NAME.fullmatch(name)]
    if not versions:
        raise ReaderError("format", "no format is stated in the repository")
    name = f"format/{max(versions)}"
    stated = open_plain(
        storage.read(name, MAX_PLAIN_OBJECT), headers.FORMAT, RepositoryFormat, name
    )
    if stated.version != FORMAT_VERSION or max(versions) != FORMAT_VERSION:
        raise ReaderError(name, f"this reader knows format {FORMAT_VERSION} only")
    if stated.required_features:
        raise ReaderError(name, f"needs {', '.join(stated.required_features)}, unknown here")
    return identity


def read_history(cluster: Cluster, system_identifier: int) -> ClusterHistory:
    name = cluster.name(f"history/{system_identifier:016x}")
    data = cluster.storage.read(name, MAX_SEALED_OBJECT)
    history = open_sealed(
        data,
        headers.HISTORY,
        ClusterHistory,
        lambda key_id: cluster.key_of(key_id, name),
        cluster.ids,
        name,
    )
    if history.system_identifier != system_identifier:
        raise ReaderError(name, "names another system identifier")
    return history


def find_history(cluster: Cluster, system_identifier: Optional[int]) -> ClusterHistory:
    """That of the system identifier; without one the latest of the cluster."""
    if system_identifier is not None:
        return read_history(cluster, system_identifier)
    folder = cluster.name("history")
    found = [
        name for name in cluster.storage.names(folder) if SYSTEM_IDENTIFIER_NAME.fullmatch(name)
    ]
    if not found:
        raise ReaderError(folder, "no PostgreSQL cluster is registered")
    return max((read_history(cluster, int(name, 16)) for name in found), key=lambda h: h.sequence)


def _either(names: List[str], parse: Callable[[str], T], warn: Warn) -> T:
    """The first of several copies that can be read."""
    errors: List[ReaderError] = []
    for name in names:
        try:
            result = parse(name)
        except ReaderError as error:
            errors.append(error)
            continue
        for skipped in errors:
            warn(f"{skipped}; its copy is used")
        return result
    # A damaged object says more than its missing copy.
    raise errors[0]


class NoFittingKey(WrongKey):
    """Access keys of the root in force are stored, and what the user has opens none of them."""


def _open_newest_epoch(
    storage: Storage, folder: str, credentials: Credentials, repository_id: bytes, warn: Warn
) -> Tuple[Epoch, ClusterIds]:
    """The highest epoch, with the root that its header names. When both of its copies are damaged,
    an older one may do."""
    keys = _stored_access_keys(storage, folder)
    if not keys:
        raise ReaderError(f"{folder}/keys", "no access key is stored here; is the name right?")
    matches = [EPOCH_NAME.fullmatch(name) for name in storage.names(f"{folder}/epochs")]
    errors: List[ReaderError] = []
    unfit: List[NoFittingKey] = []
    roots: Dict[bytes, Tuple[bytes, AccessKeyObject]] = {}
    for number in sorted({match.group(1) for match in matches if match}, reverse=True):

        def parse(name: str) -> Tuple[Epoch, ClusterIds]:
            data = storage.read(name, MAX_SEALED_OBJECT)
            root_id = headers.parse(data, headers.EPOCH, name).key_id
            try:
                if root_id not in roots:
                    roots[root_id] = _find_root(
                        storage, folder, keys, root_id, credentials, repository_id, warn
                    )
            except NoFittingKey as error:
                unfit.append(error)
                raise
            root, access = roots[root_id]
            ids = ClusterIds(repository_id, access.cluster_id)
            epoch = open_sealed(data, headers.EPOCH, Epoch, lambda _: root, ids, name)
            _check_epoch(epoch, number, ids, name)
            return epoch, ids

        name = f"{folder}/epochs/{number}"
        try:
            opened = _either([name, f"{name}.copy"], parse, warn)
        except ReaderError as error:
            if unfit:
                # An access key of an older root may be left, and fit: it is not in force any more.
                raise unfit[0] from error
            errors.append(error)
            continue
        for skipped in errors:
            warn(f"{skipped}; an older epoch is used")
        return opened
    said = "; ".join(str(error) for error in errors) or "none is stored"
    raise ReaderError(f"{folder}/epochs", f"no epoch could be opened ({said})")


def _stored_access_keys(storage: Storage, folder: str) -> List[str]:
    """Names of all access key objects, of whatever root, without those of their copies."""
    matches = [KEY_NAME.fullmatch(name) for name in storage.names(f"{folder}/keys")]
    return sorted({f"{match.group(1)}-{match.group(2)}" for match in matches if match})


def _find_root(
    storage: Storage,
    folder: str,
    keys: List[str],
    root_id: bytes,
    credentials: Credentials,
    repository_id: bytes,
    warn: Warn,
) -> Tuple[bytes, AccessKeyObject]:
    """With an access key of the root of that id."""
    errors: List[ReaderError] = []
    for key in keys:

        def parse(name: str) -> Optional[Tuple[bytes, AccessKeyObject]]:
            data = storage.read(name, MAX_PLAIN_OBJECT)
            access = open_plain(data, headers.ACCESS_KEY, AccessKeyObject, name)
            named = f"{access.generation:08x}-{access.access_key_id.hex()}"
            if named != key:
                raise ReaderError(name, f"is the access key {named}")
            if access.root_id != root_id:
                return None
            return open_root(access, credentials, repository_id, name), access

        name = f"{folder}/keys/{key}"
        try:
            opened = _either([name, f"{name}.copy"], parse, warn)
        except ReaderError as error:
            errors.append(error)
            continue
        if opened is not None:
            return opened
    if not errors:
        raise ReaderError(f"{folder}/keys", f"no access key of root {root_id.hex()} is stored")
    raise _why_no_root(storage, f"{folder}/keys", errors, credentials)


def _why_no_root(
    storage: Storage, folder: str, errors: List[ReaderError], credentials: Credentials
) -> ReaderError:
    said = "; ".join(str(error) for error in errors)
    if credentials.private_half is None and credentials.passphrase is None:
        return NoFittingKey(
            folder,
            f"no key was given ({said})",
            "give --key-file, or the passphrase in the environment as BACKUP_ENCRYPTION_KEY",
        )
    if credentials.private_half is not None:
        own = access_key_id(public_of(credentials.private_half)).hex()
        if own in storage.names(f"{folder}/removed"):
            return NoFittingKey(folder, f"the access key {own} was removed from this cluster")
    if all(isinstance(error, WrongKey) for error in errors):
        return NoFittingKey(folder, f"the key is the wrong one ({said})")
    return ReaderError(folder, f"no access key could be opened ({said})")


def _check_epoch(epoch: Epoch, number: str, ids: ClusterIds, name: str) -> None:
    if f"{epoch.number:08x}" != number or epoch.cluster_id != ids.cluster_id:
        raise ReaderError(name, "belongs to another epoch or cluster")
    lengths = (len(epoch.fingerprint_secret), len(epoch.wal_identity_key), len(epoch.chunk_key))
    if lengths != (192, 32, 32):
        raise ReaderError(name, "has a key of the wrong length")
    for key in epoch.data_keys:
        expected = hmac.digest(key.key, b"pgcairn data key id v1", "sha256")[:8]
        if len(key.key) != 32 or key.key_id != expected:
            raise ReaderError(name, f"data key {key.key_id.hex()} is damaged")
