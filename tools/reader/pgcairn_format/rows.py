"""The rows, large objects and sequences of a logical backup, as SQL (section 17)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import BinaryIO, Dict, Iterable, Iterator, Optional, Set

from . import sql
from .errors import ReaderError
from .large_objects import LargeObjects
from .messages import LogicalCatalog, LogicalTable
from .stream_list import Stream

TABLE_PART = re.compile(r"rows/([1-9][0-9]{0,9})/(0|[1-9][0-9]{0,9})")
# The oid of a system catalog is the same in every version.
PG_CLASS = 1259
LARGE_OBJECT_PART = re.compile(r"large_objects/(0|[1-9][0-9]{0,9})")


@dataclass
class Seen:
    """What came by of a table, or of all large objects."""

    parts: Set[int] = field(default_factory=set)
    rows: int = 0
    bytes: int = 0


class RowsWriter:
    """Begins where the definitions end; streams may come in any order."""

    def __init__(self, catalog: LogicalCatalog, out: BinaryIO) -> None:
        self._catalog = catalog
        self._out = out
        self._tables: Dict[int, LogicalTable] = {}
        for table in catalog.tables:
            if table.oid in self._tables or table.parts == 0:
                raise ReaderError("catalog", f"has table {table.oid} twice or in no parts")
            self._tables[table.oid] = table
        self._unmade = unmade_tables(catalog)
        self._large_objects = LargeObjects(catalog)
        self._seen = {oid: Seen() for oid in self._tables}
        self._seen_pages = Seen()
        self._open: Optional[LogicalTable] = None
        out.writelines(sql.settings(catalog))
        # Those first that refer to others (section 17).
        for table in reversed(catalog.tables):
            if self._is_cleared(table):
                out.write(sql.clear_extension_table(table))
        out.writelines(self._large_objects.create())

    def write(self, stream: Stream, pieces: Iterable[bytes]) -> None:
        of_table = TABLE_PART.fullmatch(stream.path)
        of_large_objects = LARGE_OBJECT_PART.fullmatch(stream.path)
        if of_table and (table := self._tables.get(int(of_table.group(1)))):
            seen = self._seen[table.oid]
            _see_part(seen, int(of_table.group(2)), table.parts, stream)
            rows = checked(pieces, seen, stream.path)
            if table.oid in self._unmade:
                for _ in rows:
                    pass
                return
            self._open_copy(table)
            self._out.writelines(rows)
        elif of_large_objects:
            parts = self._catalog.large_object_parts
            _see_part(self._seen_pages, int(of_large_objects.group(1)), parts, stream)
            self._open_copy(None)
            self._out.writelines(self._large_objects.pages(pieces, stream.path))
        else:
            raise ReaderError(stream.path, "is a stream of nothing in the catalog")

    def finish(self, after_rows: bytes) -> None:
        """What comes after the rows, `after_rows` where it belongs. Raises when some are lacking."""
        self._open_copy(None)
        for oid, table in self._tables.items():
            seen = self._seen[oid]
            if (len(seen.parts), seen.rows, seen.bytes) != (table.parts, table.rows, table.bytes):
                raise ReaderError(
                    f"rows/{oid}",
                    f"{len(seen.parts)} parts with {seen.rows} rows, {seen.bytes} bytes are stored"
                    f"; the catalog says {table.parts}, {table.rows}, {table.bytes}",
                )
        if len(self._seen_pages.parts) != self._catalog.large_object_parts:
            raise ReaderError("large_objects", "are stored in fewer parts than the catalog says")
        for table in self._catalog.tables:
            if self._is_cleared(table):
                self._out.write(sql.settle_extension_table(table))
        self._out.writelines(sql.set_sequence(found) for found in self._catalog.sequences)
        self._out.writelines(self._large_objects.finish())
        self._out.write(b"\n")
        self._out.write(after_rows)
        self._out.writelines(sql.public_schema(self._catalog))
        self._out.writelines(sql.refresh_view(view) for view in self._catalog.filled_views)

    def _is_cleared(self, table: LogicalTable) -> bool:
        return table.of_extension and not table.condition and table.oid not in self._unmade

    def _open_copy(self, table: Optional[LogicalTable]) -> None:
        """Parts of one table that follow each other share a COPY."""
        if table is self._open:
            return
        if self._open is not None:
            self._out.write(sql.END_OF_ROWS)
        self._open = table
        if table is not None:
            self._out.write(sql.copy(table))


def unmade_tables(catalog: LogicalCatalog) -> Set[int]:
    """Oids of tables whose definition fails: psql would run rows for them as statements."""
    return {found.oid for found in catalog.needing_hidden if found.catalog == PG_CLASS}


def _see_part(seen: Seen, part: int, parts: int, stream: Stream) -> None:
    if part in seen.parts:
        raise ReaderError(stream.path, "is stored twice")
    if part >= parts:
        raise ReaderError(stream.path, f"is none of the {parts} parts that the catalog says")
    seen.parts.add(part)


def checked(pieces: Iterable[bytes], seen: Seen, where: str) -> Iterator[bytes]:
    """The pieces. A row that reads as the end of a COPY would make psql run the rows after it."""
    last = b"\n"
    for piece in pieces:
        if b"\n\\." in piece or b"\n\\." in last + piece[:2]:
            raise ReaderError(where, "has a row that would end its COPY")
        seen.rows += piece.count(b"\n")
        seen.bytes += len(piece)
        last = (last + piece[-2:])[-2:]
        yield piece
    if not last.endswith(b"\n"):
        raise ReaderError(where, "ends inside a row")
