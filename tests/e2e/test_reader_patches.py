"""The Python reader and incremental backups (mini_repository.py): map leaves that are patches, and
leaves and packs of older backups."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest
from mini_maps import UNIT, File, Leaf
from mini_repository import tree
from reader_example import BACKUP, OLDER, Example, older_files, run_reader

from pgcairn_format import header, leaf, stream_list
from pgcairn_format.blob import MAX_METADATA_RAW
from pgcairn_format.errors import ReaderError
from pgcairn_format.leaf import Patch
from pgcairn_format.manifest import open_manifest, read_references
from pgcairn_format.packs import PackReader, from_message
from pgcairn_format.stream_list import Needs, StreamList

NEWER = "20240102_020000-0100"
# Of a patch's bytes: where its number of entries, its base's references and its own tables begin.
ENTRIES_AT, BASE_AT, BASE_BLOB_AT, TABLES_AT = 24, 28, 108, 132


@pytest.fixture(autouse=True)
def without_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many restores in this file; durability is not what it is about."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def packs_of(example: Example, backup: str) -> PackReader:
    cluster = example.open()
    return PackReader(cluster, read_references(cluster, open_manifest(cluster, backup)))


def lists_of(example: Example, backup: str, packs: PackReader) -> List[StreamList]:
    manifest = open_manifest(example.open(), backup)
    references = [from_message(m, MAX_METADATA_RAW, "list") for m in manifest.stream_lists]
    return [stream_list.parse(packs.blob(r, header.METADATA_PACK), "list") for r in references]


def leaves_of(example: Example, backup: str) -> Iterator[Tuple[Any, Needs, Any]]:
    """(the reference, the needs, the whole leaf or patch) of each leaf of the first list."""
    packs = packs_of(example, backup)
    listed = lists_of(example, backup, packs)[0]
    for (reference, _), needs in zip(listed.leaves, listed.needs):
        yield reference, needs, leaf.parse(packs.blob(reference, header.METADATA_PACK), "leaf")


def require_restores(example: Example, backup: str, files: List[File]) -> None:
    target = example.restore(f"out {backup}", backup=backup)
    tablespace = example.folder / f"out {backup}_ts"
    assert tree(target) == example.expected(tablespace, files=files)


# Whole restores.


@pytest.mark.parametrize(
    "blob_raw, leaf_units", [(8192, 1), (20000, 3), (65536, 16), (1 << 20, 4096)]
)
def test_incremental_and_base_restore_every_byte_and_mode(
    tmp_path: Path, blob_raw: int, leaf_units: int
) -> None:
    example = Example(tmp_path, incremental=True, blob_raw=blob_raw, leaf_units=leaf_units)
    require_restores(example, BACKUP, example.files)
    require_restores(example, OLDER, older_files(example.files))
    assert tree(tmp_path / f"out {BACKUP}_ts") == example.in_tablespace()


def test_the_example_has_patches_of_every_kind(tmp_path: Path) -> None:
    """What the tests of this file stand on; files are those of reader_example.py."""
    example = Example(tmp_path, incremental=True)
    found = list(leaves_of(example, BACKUP))
    patches = [stored for _, _, stored in found if isinstance(stored, Patch)]
    assert any(patch.units > patch.base_units for patch in patches)
    assert any(patch.units < patch.base_units for patch in patches)
    assert any(patch.units == patch.base_units for patch in patches)
    assert any(None in patch.rows.blob_of for patch in patches)
    assert any(patch.which[0] > 0 for patch in patches)
    assert any(not isinstance(stored, Patch) for _, _, stored in found)
    old = {reference.pack for reference, _, _ in leaves_of(example, OLDER)}
    assert any(reference.pack in old for reference, _, _ in found)
    assert {patch.base.pack for patch in patches} <= old
    # One that only cuts repeats a unit of its base, and so names a pack of the base.
    old_data = {
        blob.pack for _, _, stored in leaves_of(example, OLDER) for blob in stored.blob_of if blob
    }
    assert any(blob and blob.pack in old_data for patch in patches for blob in patch.rows.blob_of)


def test_needs_name_the_base_and_the_packs_of_each_leaf(tmp_path: Path) -> None:
    example = Example(tmp_path, incremental=True)
    packs = packs_of(example, BACKUP)
    for _, needs, stored in leaves_of(example, BACKUP):
        whole = stored
        if isinstance(stored, Patch):
            assert needs.base_pack == stored.base.pack
            base = leaf.parse(packs.blob(stored.base, header.METADATA_PACK), "base")
            whole = leaf.apply(stored, base, "leaf")
        else:
            assert needs.base_pack is None
        assert {blob.pack.sha256 for blob in whole.blob_of if blob} == {s for s, _ in needs.data}


def test_backups_on_backups_restore_alike(tmp_path: Path) -> None:
    """A patch never has a patch as its base, however many backups there are between."""
    example = Example(tmp_path, incremental=True)
    back = older_files(example.files)
    mixed = [
        replace(file, data=file.data[: 20 * UNIT] + b"\x09" * UNIT + file.data[21 * UNIT :])
        if file.path == "base/1/2600"
        else file
        for file in example.files
    ]
    example.mini.add_backup(NEWER, mixed, base=BACKUP)
    example.mini.add_backup("20240103_020000-0101", back, base=NEWER)
    example.mini.add_backup("20240104_020000-0102", back, base="20240103_020000-0101")
    require_restores(example, NEWER, mixed)
    require_restores(example, "20240103_020000-0101", back)
    require_restores(example, "20240104_020000-0102", back)
    require_restores(example, BACKUP, example.files)
    done = run_reader(example, "check-hashes", key=False)
    assert done.returncode == 0, done.stderr


def test_list_and_show_tell_the_base(tmp_path: Path) -> None:
    example = Example(tmp_path, incremental=True)
    listed = run_reader(example, "list")
    assert listed.returncode == 0 and "incremental" in listed.stdout
    assert f"base: {OLDER}" in run_reader(example, "show", BACKUP).stdout
    assert "base: None" in run_reader(example, "show", OLDER).stdout


def test_an_incremental_without_a_pack_of_its_base_is_refused(tmp_path: Path) -> None:
    example = Example(tmp_path, incremental=True)
    cluster = example.open()
    listed = [read_references(cluster, open_manifest(cluster, name)) for name in (OLDER, BACKUP)]
    shared = sorted(listed[0].keys() & listed[1].keys())
    assert len(shared) >= 3
    for number, sha256 in enumerate(shared):
        path = tmp_path / f"repo/clusters/main/packs/{sha256.hex()[:2]}/{sha256.hex()}"
        path.rename(tmp_path / "away")
        with pytest.raises(ReaderError, match=f"{sha256.hex()}.*is missing"):
            example.restore(f"out{number}", external_config=True)
        done = run_reader(example, "check-hashes", key=False)
        assert done.returncode == 1 and f"needed by {BACKUP}" in done.stderr
        (tmp_path / "away").rename(path)
    example.restore("good")


def test_each_pack_must_be_in_the_reference_list(tmp_path: Path) -> None:
    """Also that of a patch's base, which only the patch names."""
    folders = [tmp_path / str(number) for number in range(20)]
    for number, folder in enumerate(folders):
        folder.mkdir()
        count: List[int] = []

        def edit(what: str, value: Any) -> Any:
            if what != "references":
                return value
            count.append(len(value))
            return value if len(count) == 1 else value[:number] + value[number + 1 :]

        example = Example(folder, incremental=True, edit=edit)
        if number >= count[1]:
            example.restore(external_config=True)
            assert number >= 6
            return
        with pytest.raises(ReaderError, match="reference list"):
            example.restore(external_config=True)
    raise AssertionError("no list had as few packs")


# What cannot be. Each changes the one leaf or list that it is about.

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

REFUSED = {
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


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_what_cannot_be_in_an_incremental_is_refused(tmp_path: Path, what: str) -> None:
    edit, said = REFUSED[what]
    example = Example(tmp_path, incremental=True, edit=edit)
    with pytest.raises(ReaderError, match=said):
        example.restore()
    assert not (tmp_path / "out/global/pg_control").exists()


def on(example: Example, choose: Callable[[Leaf], Any]) -> None:
    """Adds a backup with patches on what `choose` makes of their bases, where it is not None."""
    example.mini.edit = lambda what, value: (choose(value) or value) if what == "base" else value
    changed = [
        replace(file, data=b"\x0a" * UNIT + file.data[UNIT:]) if file.path == "base/1/2600" else file
        for file in example.files
    ]
    example.mini.add_backup(NEWER, changed, base=BACKUP)


def test_a_patch_on_a_patch_is_refused(tmp_path: Path) -> None:
    example = Example(tmp_path, incremental=True)
    patches = [
        stored
        for stored in example.mini.maps[BACKUP].leaves.values()
        if stored.base and stored.base.units[0] == stored.units[0] and len(stored.units) == 16
    ]
    assert patches
    on(example, lambda base: next((p for p in patches if p.base is base), None))
    with pytest.raises(ReaderError, match="is a patch on a patch"):
        example.restore(backup=NEWER)


def test_a_base_with_another_number_of_units_is_refused(tmp_path: Path) -> None:
    example = Example(tmp_path, incremental=True)
    # The patch says that its base has a unit more than it has, and goes on past both.
    on(example, lambda base: replace(base, units=[*base.units, b""]) if len(base.units) == 16 else None)
    with pytest.raises(ReaderError, match="base with another number of units"):
        example.restore(backup=NEWER)


def test_a_base_that_is_no_leaf_is_refused(tmp_path: Path) -> None:
    example = Example(tmp_path, incremental=True)
    data = next(place[0] for leaf in example.mini.maps[OLDER].leaves.values() for place in leaf.places if place)
    on(example, lambda base: replace(base, blob=data))
    with pytest.raises(ReaderError, match="kind b'D' instead of b'M'|blob that cannot be"):
        example.restore(backup=NEWER)


def test_a_flipped_byte_of_any_pack_of_an_incremental_is_never_taken(tmp_path: Path) -> None:
    example = Example(tmp_path, incremental=True)
    cluster = example.open()
    listed = read_references(cluster, open_manifest(cluster, BACKUP))
    for number, sha256 in enumerate(sorted(listed)):
        path = tmp_path / f"repo/clusters/main/packs/{sha256.hex()[:2]}/{sha256.hex()}"
        data = path.read_bytes()
        path.write_bytes(data[:-40] + bytes([data[-40] ^ 1]) + data[-39:])
        with pytest.raises(ReaderError, match=sha256.hex()):
            example.restore(f"out{number}", external_config=True)
        path.write_bytes(data)
