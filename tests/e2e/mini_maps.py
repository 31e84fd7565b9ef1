"""Map leaves, patches and stream lists as docs/format.md has them (sections 7 and 8), for
mini_repository.py.

Edits (see MiniRepository): `units` and `leaf` change a whole leaf's columns and bytes, `entries` and
`patch` those of a patch, `base` the leaf that it is a patch on; `stream`, `path`, `data packs`, `needs`,
`uses` and `list` change a stream list.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Tuple

from mini_packs import Blob, Pack, unique

UNIT = 8192
ZERO_UNIT = 65535
NO_LEAF = NO_BASE = 2**32 - 1

# A leaf is known by its first unit: root and path of the file, number of the unit.
LeafKey = Tuple[int, str, int]
Place = Optional[Tuple[Blob, int]]


@dataclass
class File:
    """What a test wants in a backup: data None is a directory. `packed` shares a leaf."""

    path: str
    data: Optional[bytes]
    mode: int = 0o600
    root: int = 0
    kind: int = 2
    packed: bool = True


@dataclass
class Leaf:
    """A stored leaf. places: blob and first byte of each unit, None of a zero unit."""

    blob: Blob
    units: List[bytes]
    places: List[Place]
    base: Optional["Leaf"] = None

    def uses(self) -> Dict[int, Tuple[Pack, int]]:
        """The stored bytes that the units need of each data pack, by the pack's identity."""
        raw: Dict[int, Tuple[Blob, int]] = {}
        for row, place in enumerate(self.places):
            if place:
                before = raw.get(id(place[0]), (place[0], 0))[1]
                raw[id(place[0])] = (place[0], before + self.unit_bytes(row))
        found: Dict[int, Tuple[Pack, int]] = {}
        for blob, count in raw.values():
            share = max(1, blob.stored * min(blob.raw, count) // blob.raw)
            before = found.get(id(blob.pack), (blob.pack, 0))[1]
            found[id(blob.pack)] = (blob.pack, before + share)
        return found

    def unit_bytes(self, row: int) -> int:
        """What counts as stored of the unit, which is not one of zeros."""
        place = self.places[row]
        return min(UNIT, place[0].raw - place[1]) if place else 0


@dataclass
class Map:
    """The leaves of one backup in the order of their streams, and each file's first place."""

    leaves: Dict[LeafKey, Leaf] = field(default_factory=dict)
    entries: List[Tuple[int, int]] = field(default_factory=list)


def xxh3(data: bytes, secret: bytes) -> int:
    function = ctypes.CDLL("libxxhash.so.0").XXH3_64bits_withSecret
    function.restype = ctypes.c_uint64
    function.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
    return function(data, len(data), secret, len(secret))


class MapWriter:
    """Writes the map of one backup. With a base, what is the same there is referred to."""

    def __init__(self, repository: Any, base: Optional[Map]) -> None:
        self._repository, self._settings = repository, repository.settings
        self._edit = repository.edit
        self._known = base.leaves if base else {}
        self._data = [Pack(repository, b"D")]

    def write(self, files: List[File]) -> Map:
        groups, entries = self._groups(files)
        parts = {key: self._parts(key, units) for key, units in groups.items()}
        for pack in self._data:
            # One that holds nothing cannot be told from one that holds nothing of use.
            if pack.count:
                pack.close()
        metadata = Pack(self._repository, b"M")
        leaves = {key: leaf or self._store(metadata, *rest) for key, (leaf, *rest) in parts.items()}
        if metadata.count:
            metadata.close()
        return Map(leaves, entries)

    def _groups(
        self, files: List[File]
    ) -> Tuple[Dict[LeafKey, List[bytes]], List[Tuple[int, int]]]:
        """(the units of each leaf, each file's first leaf and entry)."""
        groups: Dict[LeafKey, List[bytes]] = {}
        entries: List[Tuple[int, int]] = []
        last: List[bytes] = []
        for file in files:
            data = file.data or b""
            if not data:
                entries.append((NO_LEAF, 0))
                continue
            units = [data[i : i + UNIT] for i in range(0, len(data), UNIT)]
            # A stream that goes on in the next leaf must end the one it is in.
            if not groups or not file.packed or len(last) >= self._settings.leaf_units:
                last = groups.setdefault((file.root, file.path, 0), [])
            entries.append((len(groups) - 1, len(last)))
            for number, unit in enumerate(units):
                if len(last) >= self._settings.leaf_units:
                    last = groups.setdefault((file.root, file.path, number), [])
                last.append(unit)
        return groups, entries

    def _parts(self, key: LeafKey, units: List[bytes]) -> Tuple[Any, ...]:
        """A leaf that can be used again, or None and what _store makes one of."""
        known = self._known.get(key)
        if known is None:
            return None, units, self._store_units(units, [None] * len(units)), None, []
        if known.units == units:
            return (known,)
        base = self._edit("base", known.base or known)
        if base.units == units:
            return (base,)
        which = [n for n, unit in enumerate(units) if base.units[n : n + 1] != [unit]]
        places = [
            known.places[n] if known.units[n : n + 1] == [unit] else None
            for n, unit in enumerate(units)
        ]
        # A patch must say something, so one that only cuts repeats the base's first unit.
        return None, units, self._store_units(units, places), base, which or [0]

    def _store_units(self, units: List[bytes], places: List[Place]) -> List[Place]:
        """The places of all units; those without one are stored, equal ones once."""
        raw = b""
        found: Dict[bytes, Tuple[Blob, int]] = {}
        waiting: Dict[bytes, int] = {}
        count = 0
        for unit in [u for u, place in zip(units, places) if place is None and any(u)] + [None]:
            if raw and (unit is None or len(raw) + len(unit) > self._settings.blob_raw):
                if len(self._data[-1].data) > self._settings.pack_size:
                    self._data.append(Pack(self._repository, b"D"))
                blob = self._data[-1].add(raw, count % 2)
                count += 1
                found.update({u: (blob, place) for u, place in waiting.items()})
                raw, waiting = b"", {}
            if unit is not None and unit not in found and unit not in waiting:
                waiting[unit] = len(raw)
                raw += unit
        return [place or found.get(unit) for unit, place in zip(units, places)]

    def _store(
        self,
        pack: Pack,
        units: List[bytes],
        places: List[Place],
        base: Optional[Leaf],
        which: List[int],
    ) -> Leaf:
        if base is None:
            return Leaf(pack.add(self._whole(units, places), 1), units, places)
        return Leaf(pack.add(self._patch(units, places, base, which), 1), units, places, base)

    def _columns(self, units: List[bytes], places: List[Place], rows: List[int]) -> Any:
        """(blobs, and for each row the blob's index, the place and the fingerprint)."""
        used = [place[0] for place in (places[row] for row in rows) if place]
        blobs = list({id(blob): blob for blob in used}.values())
        indexes = {id(blob): index for index, blob in enumerate(blobs)}
        columns: List[List[int]] = [[], [], []]
        for row in rows:
            place = places[row]
            columns[0].append(indexes[id(place[0])] if place else ZERO_UNIT)
            columns[1].append(place[1] if place else 0)
            columns[2].append(xxh3(units[row], self._repository.fingerprint_secret))
        return blobs, columns

    def _whole(self, units: List[bytes], places: List[Place]) -> bytes:
        blobs, columns = self._columns(units, places, list(range(len(units))))
        columns = self._edit("units", columns)
        packs = unique([blob.pack for blob in blobs])
        raw = b"PGML" + struct.pack("<HBBII", 1, 1, 1, UNIT, len(units))
        raw += struct.pack("<II", len(packs), len(blobs))
        raw += b"".join(pack.columns() for pack in packs)
        raw += b"".join(blob.columns(packs) for blob in blobs)
        return self._edit("leaf", raw + _packed("HIQ", columns))

    def _patch(
        self, units: List[bytes], places: List[Place], base: Leaf, which: List[int]
    ) -> bytes:
        blobs, columns = self._columns(units, places, which)
        columns = self._edit("entries", [list(which), *columns])
        packs = unique([blob.pack for blob in blobs])
        raw = b"PGML" + struct.pack("<HBBII", 1, 2, 1, UNIT, len(units))
        raw += struct.pack("<III", len(packs), len(blobs), len(columns[0]))
        raw += base.blob.pack.columns()
        raw += base.blob.columns([base.blob.pack], len(base.units))
        raw += b"".join(pack.columns() for pack in packs)
        raw += b"".join(blob.columns(packs) for blob in blobs)
        return self._edit("patch", raw + _packed("HHIQ", columns))

    def list(self, part: range, files: List[File], stored: Map) -> bytes:
        """A stream list of some of the files, with all leaves of the backup."""
        edit = self._edit
        rows, paths = b"", b""
        for number in part:
            file, (leaf, entry) = files[number], stored.entries[number]
            path = edit("path", file.path).encode()
            kind = 3 if file.data is None else file.kind
            row = [kind, file.root, file.mode, leaf, entry, len(path), 0]
            row += [len(file.data or b""), 1_600_000_000_000_000_000 + number, number, 0]
            rows += struct.pack("<BBHIHHIQQQQ", *edit("stream", row))
            paths += path
        return list_bytes(edit, rows, paths, list(stored.leaves.values()))


def list_bytes(
    edit: Callable[[str, Any], Any], rows: bytes, paths: bytes, leaves: List[Leaf]
) -> bytes:
    """A stream list with these streams, and all that it says of the leaves."""
    leaf_packs = metadata_packs(leaves)
    packs = data_packs(leaves)
    needs, uses = [], []
    for leaf in leaves:
        own = leaf.uses().values()
        needs.append([leaf_packs.index(leaf.base.blob.pack) if leaf.base else NO_BASE, len(own)])
        uses += [[packs.index(pack), size] for pack, size in own]
    needs, uses = edit("needs", needs), edit("uses", uses)
    lengths = edit("data packs", [(pack.sha256, len(pack.data)) for pack in packs])
    raw = b"PGSL" + struct.pack("<HHI", 2, 0, len(rows) // 48)
    raw += struct.pack("<II", len(leaf_packs), len(leaves))
    raw += struct.pack("<III", len(paths), len(lengths), len(uses))
    raw += b"".join(pack.columns() for pack in leaf_packs)
    raw += b"".join(leaf.blob.columns(leaf_packs, len(leaf.units)) for leaf in leaves)
    raw += b"".join(struct.pack("<32sQ", *row) for row in lengths)
    raw += b"".join(struct.pack("<II", *row) for row in needs + uses)
    return edit("list", raw + rows + paths)


def metadata_packs(leaves: List[Leaf]) -> List[Pack]:
    """Those of the leaves and of their bases."""
    stored = leaves + [leaf.base for leaf in leaves if leaf.base]
    return unique([leaf.blob.pack for leaf in stored])


def data_packs(leaves: List[Leaf]) -> List[Pack]:
    return unique([pack for leaf in leaves for pack, _ in leaf.uses().values()])


def _packed(types: str, columns: List[List[int]]) -> bytes:
    return b"".join(struct.pack(f"<{len(c)}{t}", *c) for t, c in zip(types, columns))
