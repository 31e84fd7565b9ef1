"""The bytes of a stream, put together from leaves and blobs, each unit's fingerprint checked."""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple

from . import header as headers
from . import leaf as leaves
from .cache import Cache
from .errors import ReaderError
from .fingerprint import Fingerprint
from .leaf import UNIT_SIZE, Leaf, Patch
from .packs import BlobReference, PackReader
from .stream_list import Stream, StreamList

# A leaf in memory is a few times larger than its columns; this counts columns.
LEAF_CACHE_BYTES = 16 << 20
Span = Tuple[int, int, int]


class ContentReader:
    def __init__(self, packs: PackReader, fingerprint: Optional[Fingerprint]) -> None:
        self._packs = packs
        self._fingerprint = fingerprint
        self._leaves: Cache[Leaf] = Cache(LEAF_CACHE_BYTES)

    def units(self, streams: StreamList, stream: Stream) -> Iterator[Tuple[int, bytes]]:
        """(offset in the stream, bytes) of all units but those of zero bytes.

        Within a leaf they come in the order in which they are stored, so that each pack and blob is
        opened once however the stream's history has scattered them.
        """
        position = 0
        index, entry = stream.first_leaf, stream.first_entry
        while position < stream.size:
            if index >= len(streams.leaves):
                raise ReaderError(stream.path, "goes on past the last leaf of its list")
            reference, unit_count = streams.leaves[index]
            where = f"{stream.path}, leaf {reference.frame.ordinal} of {reference.pack.object_name}"
            leaf = self._leaf(reference, unit_count, where)
            spans = _spans(unit_count, entry, position, stream.size)
            yield from self._leaf_units(leaf, spans, where)
            position = spans[-1][1] + spans[-1][2]
            index, entry = index + 1, 0

    def _leaf(self, reference: BlobReference, unit_count: int, where: str) -> Leaf:
        leaf = self._leaves.get(reference)
        if leaf is None:
            leaf, size = self._read_leaf(reference, where)
            self._leaves.put(reference, leaf, size)
        if len(leaf.blob_of) != unit_count:
            raise ReaderError(where, "has another number of units than its list says")
        return leaf

    def _read_leaf(self, reference: BlobReference, where: str) -> Tuple[Leaf, int]:
        """A whole leaf, and the bytes that it was made of. A patch needs a second one, its base."""
        raw = self._packs.blob(reference, headers.METADATA_PACK)
        found = leaves.parse(raw, where)
        if not isinstance(found, Patch):
            return found, len(raw)
        base_raw = self._packs.blob(found.base, headers.METADATA_PACK)
        base_where = f"{where}, its base {found.base.frame.ordinal} of {found.base.pack.object_name}"
        base = leaves.parse(base_raw, base_where)
        return leaves.apply(found, base, where), len(raw) + len(base_raw)

    def _leaf_units(self, leaf: Leaf, spans: List[Span], where: str) -> Iterator[Tuple[int, bytes]]:
        by_blob: Dict[BlobReference, List[Span]] = {}
        for span in spans:
            blob = leaf.blob_of[span[0]]
            if blob is None:
                self._check(leaf, span[0], bytes(span[2]), where)
            else:
                by_blob.setdefault(blob, []).append(span)
        for blob in sorted(by_blob, key=storage_order):
            raw = self._packs.blob(blob, headers.DATA_PACK)
            for entry, offset, length in by_blob[blob]:
                place = leaf.place_of[entry]
                unit = raw[place : place + length]
                if len(unit) != length:
                    raise ReaderError(where, f"unit {entry} goes on past the end of its blob")
                self._check(leaf, entry, unit, where)
                yield offset, unit

    def _check(self, leaf: Leaf, entry: int, unit: bytes, where: str) -> None:
        if self._fingerprint and self._fingerprint(unit) != leaf.fingerprint_of[entry]:
            raise ReaderError(where, f"unit {entry} has another fingerprint than its bytes")


def _spans(unit_count: int, first_entry: int, position: int, size: int) -> List[Span]:
    """(entry in the leaf, offset in the stream, length) of the stream's units in one leaf."""
    spans = []
    for entry in range(first_entry, unit_count):
        if position >= size:
            break
        length = min(UNIT_SIZE, size - position)
        spans.append((entry, position, length))
        position += length
    return spans


def storage_order(blob: BlobReference) -> Tuple[bytes, int]:
    return blob.pack.sha256, blob.offset
