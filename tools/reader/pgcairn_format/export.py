"""From a logical backup to a file of SQL (section 17)."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import BinaryIO, Iterable, Optional, Set

from .chunk_content import ChunkContentReader
from .cluster import Cluster
from .definitions import split
from .errors import ReaderError
from .manifest import read_references, read_streams
from .messages import BackupMethod, LogicalCatalog, Manifest
from .packs import PackReader
from .rows import RowsWriter
from .stream_list import Stream, StreamKind
from .target import new_file_beside, require_outside
from .wire import decode

CATALOG, SCHEMA, ROLES = "catalog", "schema.sql", "roles.sql"
DOCUMENTS = (CATALOG, "schema.dump", SCHEMA, ROLES)
# Far more than the catalog of any database; it is held in memory.
MAX_CATALOG_BYTES = 1 << 30


@dataclass(frozen=True)
class ExportOptions:
    to_file: str
    roles_to_file: Optional[str] = None


def export(cluster: Cluster, manifest: Manifest, options: ExportOptions) -> LogicalCatalog:
    """Writes the files, whole or not at all. The catalog says what is in them."""
    name = cluster.name(f"backups/{manifest.backup_id}")
    if manifest.method is not BackupMethod.LOGICAL:
        raise ReaderError(name, "is a backup of files", "the command restore writes them")
    paths = [path for path in (options.to_file, options.roles_to_file) if path is not None]
    if len({os.path.realpath(path) for path in paths}) != len(paths):
        raise ReaderError(options.to_file, "cannot hold the roles too", "name another for them")
    for path in paths:
        require_outside(path, cluster.storage.directory)
    with contextlib.ExitStack() as stack:
        # The first one gets its name last: when it is there, all is.
        files = [stack.enter_context(new_file_beside(path, 0o600)) for path in paths]
        return _Export(cluster, manifest, files[0], files[1] if len(files) > 1 else None).run()


class _Export:
    def __init__(
        self, cluster: Cluster, manifest: Manifest, out: BinaryIO, roles: Optional[BinaryIO]
    ) -> None:
        self._cluster = cluster
        self._manifest = manifest
        self._name = cluster.name(f"backups/{manifest.backup_id}")
        self._out = out
        self._roles = roles
        self._documents: Set[str] = set()
        self._catalog = LogicalCatalog()
        self._definitions = split(b"")
        self._rows: Optional[RowsWriter] = None

    def run(self) -> LogicalCatalog:
        backup_id = self._manifest.backup_id.encode()
        self._out.write(b"-- Backup %b of pgcairn, for psql and an empty database.\n\n" % backup_id)
        packs = PackReader(self._cluster, read_references(self._cluster, self._manifest))
        content = ChunkContentReader(packs, self._cluster.chunk_key)
        for streams, stream in read_streams(self._cluster, self._manifest, packs):
            if stream.kind is not StreamKind.CHUNKS:
                raise ReaderError(stream.path, "is a file in a backup of one database's rows")
            pieces = content.pieces(streams, stream)
            if stream.path in DOCUMENTS:
                self._write_document(stream, pieces)
            else:
                self._rows_writer().write(stream, pieces)
        self._rows_writer().finish(self._definitions.after_rows)
        self._out.write(b"\n")
        self._out.write(self._definitions.last)
        return self._catalog

    def _write_document(self, stream: Stream, pieces: Iterable[bytes]) -> None:
        if stream.path in self._documents:
            raise ReaderError(stream.path, "is stored twice")
        self._documents.add(stream.path)
        if stream.path == CATALOG:
            if stream.size > MAX_CATALOG_BYTES:
                raise ReaderError(stream.path, f"has {stream.size} bytes")
            self._catalog = decode(LogicalCatalog, b"".join(pieces), stream.path)
        elif stream.path == SCHEMA:
            self._definitions = split(b"".join(pieces))
        elif stream.path == ROLES and self._roles is not None:
            self._roles.writelines(pieces)

    def _rows_writer(self) -> RowsWriter:
        """Rows come when all documents were there, so that none can come later."""
        if self._rows is None:
            for name in DOCUMENTS:
                if name not in self._documents:
                    raise ReaderError(self._name, f"has no stream {name} before its rows")
            self._out.write(self._definitions.before_rows)
            self._out.write(b"\n")
            self._rows = RowsWriter(self._catalog, self._out)
        return self._rows
