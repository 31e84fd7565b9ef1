"""What is sealed with the right keys but says what cannot be is refused by the Python reader."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, Callable, List

import pytest
from reader_example import SEGMENTS, Example, fetch

from pgcairn_format.errors import ReaderError

pytestmark = pytest.mark.reader_alone


@pytest.fixture(autouse=True)
def without_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of restores in this file; durability is not what it is about."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def editing(what: str, change: Callable[[Any], Any]) -> Callable[[str, Any], Any]:
    return lambda edited, value: change(value) if edited == what else value


def replace_paths(old: str, new: str) -> Callable[[str], str]:
    return lambda path: new if path == old else path


def first_change(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Changes the first value that comes by, and no other."""
    seen: List[Any] = []

    def once(value: Any) -> Any:
        seen.append(value)
        return change(value) if len(seen) == 1 else value

    return once


def with_column(column: int, value: int) -> Callable[[Any], Any]:
    def change(columns: Any) -> Any:
        columns[column][0] = value
        return columns

    return first_change(change)


def with_field(index: int, value: int, path_kind: int = 2) -> Callable[[Any], Any]:
    def change(row: List[int]) -> List[int]:
        if row[0] == path_kind and row[7] > 0:
            row[index] = value
        return row

    return change


def patched(offset: int, data: bytes) -> Callable[[bytes], bytes]:
    return first_change(lambda raw: raw[:offset] + data + raw[offset + len(data) :])


def set_fields(**fields: Any) -> Callable[[Any], Any]:
    def change(message: Any) -> Any:
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    return change


REFUSED = {
    "a path upwards": ("path", replace_paths("PG_VERSION", "../PG_VERSION"), "leads elsewhere"),
    "an absolute path": ("path", replace_paths("PG_VERSION", "/tmp/PG_VERSION"), "leads elsewhere"),
    "an empty name": ("path", replace_paths("PG_VERSION", "base//x"), "leads elsewhere"),
    "a path of nothing": ("path", replace_paths("PG_VERSION", ""), "leads elsewhere"),
    "a zero byte in a path": (
        "path",
        replace_paths("PG_VERSION", "PG\0VERSION"),
        "leads elsewhere",
    ),
    "a path that comes twice": (
        "path",
        replace_paths("copy_of_version", "PG_VERSION"),
        "exists.*PG_VERSION",
    ),
    "a directory that comes twice": ("path", replace_paths("pg_wal", "base"), "stored twice"),
    "a file in no directory": (
        "path",
        replace_paths("PG_VERSION", "nowhere/PG_VERSION"),
        "before its directory",
    ),
    "a file in a file": (
        "path",
        replace_paths("copy_of_version", "PG_VERSION/x"),
        "before its directory",
    ),
    "pg_control as a stream": (
        "path",
        replace_paths("PG_VERSION", "global/pg_control"),
        "has a stream global/pg_control",
    ),
    "backup_label as a stream": (
        "path",
        replace_paths("PG_VERSION", "backup_label"),
        "has a stream backup_label",
    ),
    "a stream in the place of a link": (
        "path",
        replace_paths("PG_VERSION", "pg_tblspc/16384"),
        "place of a link",
    ),
    "an unknown stream kind": ("stream", with_field(0, 4), "has kind 4"),
    "an unknown root": ("stream", with_field(1, 2), "root 2"),
    "a leaf that is not there": ("stream", with_field(3, 1000), "entry 7 of leaf 1000"),
    "an entry that is not there": ("stream", with_field(4, 4096), "entry 4096 of leaf"),
    "a size past the leaves": ("stream", with_field(7, 1 << 40), "fingerprint"),
    "a size of nothing": ("stream", with_field(7, 0), "which cannot be"),
    "a field that must be 0": ("stream", with_field(6, 1), "damaged entry"),
    "other content": ("units", with_column(1, 8192), "fingerprint"),
    "a place past the blob": ("units", with_column(1, (1 << 32) - 1), "place that cannot be"),
    "a blob that is not there": ("units", with_column(0, 65_534), "place that cannot be"),
    "zeros for what is not zero": ("units", with_column(0, 65_535), "fingerprint"),
    "a wrong fingerprint": ("units", with_column(2, 1), "fingerprint"),
    "another leaf version": ("leaf", patched(4, b"\2"), "has version 2, kind 1"),
    "another leaf kind": ("leaf", patched(6, b"\3"), "kind 3"),
    "a whole leaf that calls itself a patch": (
        "leaf",
        patched(6, b"\2"),
        "does not fit its counts|entries for",
    ),
    "another fingerprint algorithm": ("leaf", patched(7, b"\2"), "fingerprints 2"),
    "another unit size": ("leaf", patched(8, struct.pack("<I", 4096)), "4096 bytes"),
    "too many units": ("leaf", patched(12, struct.pack("<I", 1 << 31)), "2147483648 units"),
    "too many packs": (
        "leaf",
        patched(16, struct.pack("<I", (1 << 32) - 1)),
        "does not fit its counts",
    ),
    "too many blobs": ("leaf", patched(20, struct.pack("<I", (1 << 32) - 1)), "4294967295 blobs"),
    "an older list version": ("list", patched(4, b"\1"), "has version 1"),
    "another list version": ("list", patched(4, b"\3"), "has version 3"),
    "too many streams": ("list", patched(8, struct.pack("<I", 5000)), "does not fit its counts"),
    "too many path bytes": (
        "list",
        patched(20, struct.pack("<I", (1 << 32) - 1)),
        "does not fit its counts",
    ),
    "a pack that is not listed": ("references", lambda packs: packs[1:], "reference list with"),
    "a pack with another length": (
        "references",
        lambda packs: [(packs[0][0], packs[0][1] + 1)] + packs[1:],
        "reference list with",
    ),
    "a reference with another key id": ("leaf", patched(64, bytes(8)), "another key id or salt"),
    "a reference with another salt": ("leaf", patched(72, bytes(32)), "another key id or salt"),
    "a system identifier of elsewhere": (
        "manifest",
        set_fields(system_identifier=5),
        "WAL segment and it is missing",
    ),
    "another identity of a WAL segment": (
        "manifest",
        lambda m: setattr(m.wal[0], "content_identity", bytes(32)) or m,
        "not the WAL segment that the backup needs",
    ),
    "references out of order": ("references", lambda packs: packs[::-1], "damaged line"),
    "a pack that is listed twice": ("references", lambda packs: packs[:1] + packs, "damaged line"),
    "another stream count": ("manifest", set_fields(stream_count=99), "23 streams"),
    "another stream size": ("manifest", set_fields(stream_bytes=99), "23 streams"),
    "another pack count": ("manifest", set_fields(pack_count=99), "other packs"),
    "no backup_label": ("manifest", set_fields(backup_label=b""), "lacks"),
    "no pg_control": ("manifest", set_fields(control_file=b""), "lacks"),
    "a logical backup": ("manifest", set_fields(method=2), "not a backup of files"),
    "no method": ("manifest", set_fields(method=0), "no type or method"),
    "another kind of key object": ("access key", set_fields(kind=3), "wrong length"),
    "another generation": ("access key", set_fields(generation=2), "does not open the root"),
    "another root": ("access key", set_fields(root_id=bytes(8)), "no access key of root"),
    "a public half that is not authentic": (
        "access key",
        set_fields(public_key_mac=bytes(32)),
        "the root's owner",
    ),
    "a required feature": (
        "format",
        lambda m: m.required_features.append("holes") or m,
        "needs holes",
    ),
    "another format": ("format", set_fields(version=2), "format 1 only"),
    "bytes after a frame": ("encoded", lambda encoded: encoded + b"\0", "exactly one Zstandard"),
    "fewer bytes than said": ("encoded", lambda encoded: encoded[:-1], "exactly one Zstandard"),
}


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_what_is_sealed_but_wrong_is_refused(tmp_path: Path, what: str) -> None:
    edited, change, said = REFUSED[what]
    example = Example(tmp_path, edit=editing(edited, change))
    with pytest.raises((ReaderError, FileExistsError), match=said):
        example.restore(external_config=True)
    assert not (tmp_path / "out/global/pg_control").exists()


def test_a_wal_object_with_another_identity_is_refused(tmp_path: Path) -> None:
    example = Example(tmp_path, edit=editing("content identity", lambda identity: bytes(32)))
    assert fetch(example, SEGMENTS[0]).returncode == 200


@pytest.mark.parametrize(
    "fields", [{"name": SEGMENTS[1]}, {"system_identifier": 5}, {"raw_size": 5}]
)
def test_a_wal_object_that_says_it_is_another_is_refused(tmp_path: Path, fields: Any) -> None:
    example = Example(tmp_path, edit=editing("wal info", set_fields(**fields)))
    assert fetch(example, SEGMENTS[0]).returncode == 200
