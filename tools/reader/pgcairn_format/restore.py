"""From a manifest to files (section 11)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Set

from . import wal
from .cluster import Cluster
from .content import ContentReader
from .errors import ObjectMissing, ReaderError
from .fingerprint import Fingerprint
from .manifest import read_references, read_streams
from .messages import BackupMethod, Manifest
from .packs import PackReader
from .recovery import with_settings
from .stream_list import Root, Stream, StreamKind, StreamList
from .tablespaces import locations, rewrite_map
from .target import finish_directory, make_directory, require_empty, require_outside
from .target import write_beside, write_new

CONTROL_FILE = "global/pg_control"
AUTO_CONF = "postgresql.auto.conf"
NOT_STREAMS = (CONTROL_FILE, "backup_label", "tablespace_map")


@dataclass(frozen=True)
class RestoreOptions:
    target: str
    tablespace_map: Dict[str, str] = field(default_factory=dict)
    external_config: bool = False
    check_wal: bool = True
    # Lines for postgresql.auto.conf; None leaves it as it was and writes no recovery.signal.
    recovery_settings: Optional[List[str]] = None


@dataclass
class RestoreResult:
    files: int = 0
    bytes: int = 0
    external_files_left_out: int = 0


class Restore:
    """One restore of one backup. PostgreSQL cannot start what it leaves when it fails."""

    def __init__(
        self,
        cluster: Cluster,
        manifest: Manifest,
        options: RestoreOptions,
        fingerprint: Optional[Fingerprint],
    ) -> None:
        self._cluster = cluster
        self._manifest = manifest
        self._options = options
        self._fingerprint = fingerprint
        self._name = cluster.name(f"backups/{manifest.backup_id}")
        if manifest.method is not BackupMethod.PHYSICAL:
            raise ReaderError(
                self._name,
                "is not a backup of files but of one database's rows",
                "the command export writes it as SQL",
            )
        self._target = os.path.abspath(options.target)
        self._config_target = self._target + ".config"
        self._tablespaces = locations(manifest, options.tablespace_map, self._target)
        self._modes: Dict[str, int] = {}
        self._config_folders: Set[str] = set()
        self._result = RestoreResult()

    def run(self) -> RestoreResult:
        self._check()
        tablespace_map = rewrite_map(
            self._manifest.tablespace_map, self._manifest, self._tablespaces
        )
        packs = PackReader(self._cluster, read_references(self._cluster, self._manifest))
        if self._options.check_wal:
            self._check_wal()
        make_directory(self._target)
        self._modes[self._target] = self._manifest.data_directory_mode
        for location in self._tablespaces.values():
            make_directory(location)
            self._modes[location] = self._manifest.data_directory_mode
        self._restore_streams(packs)
        if os.path.join(self._target, "global") not in self._modes:
            raise ReaderError(self._name, "has no directory global")
        self._link_tablespaces()
        self._write_what_recovery_needs(tablespace_map)
        self._finish_directories()
        # Without it PostgreSQL does not start, so it comes when all else is on the disk.
        write_beside(
            os.path.join(self._target, CONTROL_FILE),
            [self._manifest.control_file],
            self._file_mode(),
        )
        return self._result

    def _check(self) -> None:
        manifest = self._manifest
        if not manifest.backup_label or not manifest.control_file:
            raise ReaderError(self._name, "lacks backup_label or pg_control")
        if manifest.data_directory_mode & ~0o777 or not manifest.data_directory_mode:
            raise ReaderError(self._name, "has a data directory without a valid mode")
        places = [self._target, *self._tablespaces.values()]
        if self._options.external_config:
            places.append(self._config_target)
        for place in places:
            require_empty(place)
            require_outside(place, self._cluster.storage.directory)

    def _check_wal(self) -> None:
        manifest = self._manifest
        if not manifest.wal:
            raise ReaderError(self._name, "names no WAL segments")
        for proof in manifest.wal:
            name = wal.object_name(self._cluster, manifest.system_identifier, proof.name)
            try:
                found = wal.content_identity(self._cluster, manifest.system_identifier, proof.name)
            except ObjectMissing:
                raise ReaderError(
                    name,
                    "the backup needs this WAL segment and it is missing",
                    "with --no-wal-check the files are restored; you need the segment to use them",
                ) from None
            if found != proof.content_identity:
                raise ReaderError(name, "is not the WAL segment that the backup needs")

    def _restore_streams(self, packs: PackReader) -> None:
        content = ContentReader(packs, self._fingerprint)
        for streams, stream in read_streams(self._cluster, self._manifest, packs):
            if stream.kind is StreamKind.CHUNKS:
                raise ReaderError(stream.path, "is a stream of rows in a backup of files")
            if stream.root is Root.DATA and stream.path in NOT_STREAMS:
                raise ReaderError(self._name, f"has a stream {stream.path}")
            if stream.root is Root.CONFIGURATION and not self._options.external_config:
                self._result.external_files_left_out += stream.kind is not StreamKind.DIRECTORY
                continue
            path = self._place(stream)
            self._make_parent(stream, path)
            if stream.kind is StreamKind.DIRECTORY:
                if path in self._modes:
                    raise ReaderError(stream.path, "is stored twice")
                make_directory(path)
                self._modes[path] = stream.mode
            else:
                self._write_file(content, streams, stream, path)
                self._result.files += 1
                self._result.bytes += stream.size

    def _place(self, stream: Stream) -> str:
        if stream.root is Root.CONFIGURATION:
            return os.path.join(self._config_target, stream.path)
        parts = stream.path.split("/", 2)
        if parts[0] == "pg_tblspc" and len(parts) > 1:
            for oid, location in self._tablespaces.items():
                if parts[1] == str(oid):
                    if len(parts) == 2:
                        raise ReaderError(stream.path, "is the place of a link")
                    return os.path.join(location, parts[2])
        return os.path.join(self._target, stream.path)

    def _make_parent(self, stream: Stream, path: str) -> None:
        """A directory of the data directory comes before what is in it, or the list is damaged."""
        parent = os.path.dirname(path)
        if stream.root is Root.CONFIGURATION:
            make_directory(parent)
            while parent not in self._config_folders and len(parent) >= len(self._config_target):
                self._config_folders.add(parent)
                parent = os.path.dirname(parent)
        elif parent not in self._modes:
            raise ReaderError(stream.path, "comes before its directory")

    def _write_file(
        self, content: ContentReader, streams: StreamList, stream: Stream, path: str
    ) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        try:
            # What no unit is written to reads as zeros.
            os.ftruncate(descriptor, stream.size)
            if stream.size:
                for offset, unit in content.units(streams, stream):
                    _write_at(descriptor, unit, offset)
            os.fchmod(descriptor, stream.mode)
            os.utime(descriptor, ns=(stream.modified_ns, stream.modified_ns))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _link_tablespaces(self) -> None:
        folder = os.path.join(self._target, "pg_tblspc")
        for oid, location in self._tablespaces.items():
            if folder not in self._modes:
                make_directory(folder)
                self._modes[folder] = self._manifest.data_directory_mode
            os.symlink(location, os.path.join(folder, str(oid)))

    def _write_what_recovery_needs(self, tablespace_map: bytes) -> None:
        label = os.path.join(self._target, "backup_label")
        write_new(label, self._manifest.backup_label, self._file_mode())
        if tablespace_map:
            place = os.path.join(self._target, "tablespace_map")
            write_new(place, tablespace_map, self._file_mode())
        if self._options.recovery_settings is None:
            return
        auto_conf = os.path.join(self._target, AUTO_CONF)
        before = b""
        if os.path.exists(auto_conf):
            with open(auto_conf, "rb") as file:
                before = file.read()
        after = with_settings(before, self._options.recovery_settings)
        write_beside(auto_conf, [after], self._file_mode())
        write_new(os.path.join(self._target, "recovery.signal"), b"", self._file_mode())

    def _finish_directories(self) -> None:
        """Modes last: one may forbid writing. What is deeper comes first."""
        for path in self._config_folders:
            self._modes.setdefault(path, 0o700)
        for path in sorted(self._modes, reverse=True):
            finish_directory(path, self._modes[path])

    def _file_mode(self) -> int:
        """As PostgreSQL does: the group may read files when it may read the data directory."""
        return 0o640 if self._manifest.data_directory_mode & 0o040 else 0o600


def _write_at(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written
