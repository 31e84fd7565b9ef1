"""The pages of large objects in a logical backup, as statements (section 17)."""

from __future__ import annotations

import re
from typing import Dict, Iterable, Iterator, List

from . import sql
from .errors import ReaderError
from .messages import LogicalCatalog, LogicalLargeObject

# A quarter of PostgreSQL's largest block.
MAX_PAGE_BYTES = 1 << 20
# Text COPY doubles the backslash before bytea's hex form.
PAGE = re.compile(rb"([1-9][0-9]{0,9})\t(0|[1-9][0-9]{0,9})\t\\\\x((?:[0-9a-f]{2})*)")
# Two numbers, three signs between them and the hex form, and what parts the columns.
BESIDE_PAGE_BYTES = 2 * 10 + 2 + 3


class LargeObjects:
    def __init__(self, catalog: LogicalCatalog) -> None:
        self._page_bytes = catalog.large_object_page_bytes
        self._objects: Dict[int, LogicalLargeObject] = {}
        for found in catalog.large_objects:
            if found.oid in self._objects:
                raise ReaderError("catalog", f"has large object {found.oid} twice")
            self._objects[found.oid] = found
        if self._objects and not 1 <= self._page_bytes <= MAX_PAGE_BYTES:
            problem = f"has large objects with pages of {self._page_bytes} bytes"
            raise ReaderError("catalog", problem)
        # Of each object: where its last page ends, and the last byte that was put.
        self._ends: Dict[int, int] = {}
        self._put: Dict[int, int] = {}

    def create(self) -> Iterator[bytes]:
        for oid in self._objects:
            yield sql.create_large_object(oid)

    def pages(self, pieces: Iterable[bytes], where: str) -> Iterator[bytes]:
        """Statements for the pages in one stream."""
        for row in _rows(pieces, BESIDE_PAGE_BYTES + 2 * self._page_bytes, where):
            match = PAGE.fullmatch(row)
            if not match:
                raise ReaderError(where, "has a row that is not a page of a large object")
            oid, offset = int(match.group(1)), int(match.group(2)) * self._page_bytes
            size = len(match.group(3)) // 2
            end = offset + size
            found = self._objects.get(oid)
            if found is None:
                raise ReaderError(where, f"has a page of large object {oid}, not in the catalog")
            # Not only the last page may have fewer: PostgreSQL leaves a short one where somebody
            # wrote further on, and reads zeros behind it.
            if size > self._page_bytes or end > found.size:
                raise ReaderError(where, f"has a page of large object {oid} that goes past its end")
            self._ends[oid] = max(self._ends.get(oid, 0), end)
            if size:
                self._put[oid] = max(self._put.get(oid, 0), end)
                yield sql.put_large_object(oid, offset, match.group(3))

    def finish(self) -> Iterator[bytes]:
        """Statements for what is not in pages. Raises when pages are lacking."""
        for oid, found in self._objects.items():
            end = self._ends.get(oid, 0)
            if end != found.size:
                problem = f"has large object {oid} of {found.size} bytes; its pages end at {end}"
                raise ReaderError("catalog", problem)
            if self._put.get(oid, 0) < found.size:
                # The last page is an empty one: PostgreSQL makes it to make an object longer.
                yield sql.put_large_object(oid, found.size - 1, b"00")
            yield from sql.describe_large_object(found)


def _rows(pieces: Iterable[bytes], length_max: int, where: str) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        rows: List[bytes] = (rest + piece).split(b"\n")
        rest = rows.pop()
        if len(rest) > length_max:
            raise ReaderError(where, "has a row that is not a page of a large object")
        yield from rows
    if rest:
        raise ReaderError(where, "ends inside a row")
