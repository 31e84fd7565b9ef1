"""The Python reader and incremental backups (mini_repository.py): map leaves that are patches, and
leaves and packs of older backups."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, List

import pytest
from impossible_patches import IMPOSSIBLE, impossible
from mini_maps import UNIT, File, Leaf
from mini_repository import tree
from reader_example import BACKUP, OLDER, Example, older_files, run_reader
from stated_needs import leaves_of, require_true_needs

from pgcairn_format.errors import ReaderError
from pgcairn_format.leaf import Patch
from pgcairn_format.manifest import open_manifest, read_references

pytestmark = pytest.mark.reader_alone

NEWER = "20240102_020000-0100"


@pytest.fixture(autouse=True)
def without_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many restores in this file; durability is not what it is about."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


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
    """What the tests of this file stand on; its files are those of reader_example.py. One that only
    cuts repeats a unit of its base, and so names a pack of the base."""
    example = Example(tmp_path, incremental=True)
    forms = require_true_needs(example.open(), BACKUP)
    assert min(forms[form] for form in ("old", "whole", "grown", "cut", "zeros")) > 0, forms
    assert forms["patch"] > forms["grown"] + forms["cut"]
    patches = [
        stored
        for _, _, stored, _ in leaves_of(example.open(), BACKUP)
        if isinstance(stored, Patch)
    ]
    assert any(patch.which[0] > 0 for patch in patches)
    needs = [needs for _, needs, _, _ in leaves_of(example.open(), OLDER)]
    older = {sha256 for need in needs for sha256, _ in need.data}
    named = {blob.pack.sha256 for patch in patches for blob in patch.rows.blob_of if blob}
    assert named & older and named - older


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
    for backup in (NEWER, "20240103_020000-0101", "20240104_020000-0102"):
        require_true_needs(example.open(), backup)
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


# What cannot be.


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_what_cannot_be_in_an_incremental_is_refused(tmp_path: Path, what: str) -> None:
    edit, said = impossible()[what]
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
