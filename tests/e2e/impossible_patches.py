"""What cannot be in an incremental backup (docs/format.md, sections 7 and 8): for each an edit of a
mini_repository.py that writes it, and what the Python reader says of it. The files are those of
reader_example.py."""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, List, Tuple

# Of a patch's bytes: where its number of entries, its base's references and its own tables begin.
ENTRIES_AT, BASE_AT, BASE_BLOB_AT, TABLES_AT = 24, 28, 108, 132

Edit = Callable[[str, Any], Any]


def of_entries(which: List[int], change: Callable[[Any], Any]) -> Edit:
    """Changes the columns [which, blobs, places, fingerprints] of the patch with these entries."""

    def edit(what: str, columns: Any) -> Any:
        return change(columns) if what == "entries" and columns[0] == which else columns

    return edit


def of_patch(change: Callable[[bytearray], Any]) -> Edit:
    """Changes the bytes of the first patch."""
    seen: List[bytes] = []

    def edit(what: str, raw: Any) -> Any:
        if what != "patch" or seen:
            return raw
        seen.append(raw)
        changed = bytearray(raw)
        return bytes(change(changed) or changed)

    return edit


def written(place: int, form: str, value: Any) -> Edit:
    return of_patch(lambda raw: struct.pack_into(f"<{form}", raw, place, value))


def of_list(what: str, change: Callable[[Any], Any]) -> Edit:
    return lambda edited, value: change(value) if edited == what else value


def put(row: int, column: int, value: int) -> Callable[[Any], Any]:
    def change(rows: Any) -> Any:
        rows[row][column] = value
        return rows

    return change


def without(row: int) -> Callable[[Any], Any]:
    return lambda columns: [column[:row] + column[row + 1 :] for column in columns]


def exchanged(columns: Any) -> Any:
    return [[column[1], column[0], *column[2:]] for column in columns]


def repeated(columns: Any) -> Any:
    return [[column[0], *column] for column in columns]


# Entries of the leaves of base/1/2600: the first with zeros and the one that has grown.
CHANGED, GROWN = [1, 2, 3], [12, 13, 14, 15]
HUGE = (1 << 32) - 1


def impossible() -> Dict[str, Tuple[Edit, str]]:
    """Made anew each time: an edit may remember what it has seen."""
    return {
        "an older version": (written(4, "H", 0), "version 0"),
        "another fingerprint algorithm": (written(7, "B", 2), "fingerprints 2"),
        "another unit size": (written(8, "I", 4096), "4096 bytes"),
        "a patch that calls itself whole": (written(6, "B", 1), "does not fit its counts"),
        "no units": (written(12, "I", 0), "has 0 units"),
        "too many units": (written(12, "I", 4097), "has 4097 units"),
        "too many packs": (written(16, "I", HUGE), "does not fit its counts"),
        "one pack less": (written(16, "I", 0), "does not fit its counts"),
        "too many blobs": (written(20, "I", 65_535), "in 65535 blobs"),
        "one blob more": (written(20, "I", 2), "does not fit its counts"),
        "no entries": (written(ENTRIES_AT, "I", 0), "has 0 entries"),
        "more entries than units": (written(ENTRIES_AT, "I", 4000), "has 4000 entries"),
        "more entries than bytes": (written(ENTRIES_AT, "I", 2), "does not fit its counts"),
        "a byte more": (of_patch(lambda raw: raw + b"\0"), "does not fit its counts"),
        "a byte less": (of_patch(lambda raw: raw[:-1]), "does not fit its counts"),
        "half a header": (of_patch(lambda raw: raw[:TABLES_AT - 1]), "too short for a patch"),
        "a base of no length": (written(BASE_AT + 32, "Q", 0), "a pack of 0 bytes"),
        "a base in a huge pack": (written(BASE_AT + 32, "Q", 1 << 40), "a pack of 1099511627776"),
        "a base in no pack": (written(BASE_AT, "Q", 5), "reference list"),
        "a base in a second pack": (written(BASE_BLOB_AT, "I", 1), "pack 1 of 1"),
        "a base past its pack": (written(BASE_BLOB_AT + 4, "I", HUGE), "blob that cannot be"),
        "a base in a header": (written(BASE_BLOB_AT + 4, "I", 4), "blob that cannot be"),
        "a base that is too large": (
            written(BASE_BLOB_AT + 12, "I", (16 << 20) + 1),
            "blob that cannot be",
        ),
        "a base shorter than its tag": (written(BASE_BLOB_AT + 8, "I", 15), "blob that cannot be"),
        "a base longer than it may be": (written(BASE_BLOB_AT + 12, "I", 1), "blob that cannot be"),
        "a base of another ordinal": (written(BASE_BLOB_AT + 16, "I", 7), "authentication tag"),
        "a base of no units": (written(BASE_BLOB_AT + 22, "H", 0), "a base of 0 units"),
        "a base of too many units": (written(BASE_BLOB_AT + 22, "H", 4097), "a base of 4097 units"),
        "entries out of order": (of_entries(CHANGED, exchanged), "out of order"),
        "an entry twice": (of_entries(CHANGED, repeated), "out of order"),
        "an entry past the units": (of_entries(GROWN, put(0, 3, 16)), "out of order or past"),
        "an entry far past the units": (of_entries(GROWN, put(0, 3, 65_535)), "out of order or past"),
        "no entry for the last unit": (of_entries(GROWN, without(3)), "lacks an entry"),
        "no entry for a unit between": (of_entries(GROWN, without(2)), "lacks an entry"),
        "an entry for another unit": (of_entries(GROWN, put(0, 1, 11)), "out of order"),
        "a blob that is not there": (of_entries(CHANGED, put(1, 0, 65_534)), "place that cannot be"),
        "a place past the blob": (of_entries(CHANGED, put(2, 0, HUGE)), "place that cannot be"),
        "a place of zeros": (of_entries(CHANGED, put(2, 1, 1)), "place that cannot be"),
        "zeros for what is not zero": (
            of_entries(CHANGED, lambda c: put(2, 0, 0)(put(1, 0, 65_535)(c))),
            "fingerprint",
        ),
        "a wrong fingerprint": (of_entries(CHANGED, put(3, 0, 1)), "fingerprint"),
        "a wrong fingerprint of zeros": (of_entries(CHANGED, put(3, 1, 1)), "fingerprint"),
        "a base pack that is not there": (of_list("needs", put(0, 0, 99)), "pack 99 of"),
        "a use of a pack that is not there": (of_list("uses", put(0, 0, 99)), "not in its table"),
        "a leaf with too many uses": (of_list("needs", put(0, 1, HUGE)), "other uses"),
        "a leaf with one use less": (
            of_list("needs", lambda rows: [[rows[0][0], rows[0][1] - 1], *rows[1:]]),
            "other uses",
        ),
        "uses of no leaf": (of_list("uses", lambda rows: [*rows, [0, 1]]), "other uses"),
        "too few uses": (of_list("uses", lambda rows: rows[:-1]), "other uses"),
        "no data packs": (of_list("data packs", lambda rows: []), "not in its table"),
        "a data pack of no length": (
            of_list("data packs", lambda rows: [(rows[0][0], 0), *rows[1:]]),
            "length that cannot be",
        ),
        "a data pack of a huge length": (
            of_list("data packs", lambda rows: [*rows[:-1], (rows[-1][0], 1 << 40)]),
            "length that cannot be",
        ),
        "more data packs than bytes": (
            of_list("list", lambda raw: raw[:24] + struct.pack("<I", HUGE) + raw[28:]),
            "does not fit its counts",
        ),
        "more uses than bytes": (
            of_list("list", lambda raw: raw[:28] + struct.pack("<I", HUGE) + raw[32:]),
            "does not fit its counts",
        ),
    }


IMPOSSIBLE = sorted(impossible())
