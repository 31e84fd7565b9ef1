"""The Python reader and damage: flipped, cut and exchanged bytes never pass for a backup."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

import pytest
from mini_repository import tree
from reader_example import BACKUP, SEGMENTS, Example, run_reader

from pgcairn_format import wal
from pgcairn_format.access_key import Credentials
from pgcairn_format.cluster import open_cluster
from pgcairn_format.errors import ReaderError
from pgcairn_format.manifest import open_manifest
from pgcairn_format.storage import Storage

pytestmark = pytest.mark.reader_alone


SAMPLES_PER_LARGE_OBJECT = 60
SMALL_OBJECT = 1500


@pytest.fixture(autouse=True)
def without_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of restores in this file; durability is not what it is about."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def example(tmp_path: Path) -> Example:
    return Example(tmp_path)


def assert_no_flip_is_taken(
    path: Path, attempt: Callable[[], Any], good: Any, must_fail: bool
) -> None:
    """Each byte of a small object, a sample of a large one: an error, or what there was before."""
    data = path.read_bytes()
    rng = random.Random(len(data))
    places = list(range(len(data)))
    if len(data) > SMALL_OBJECT:
        places = list(range(140)) + rng.sample(places, SAMPLES_PER_LARGE_OBJECT) + [len(data) - 1]
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        try:
            result = attempt()
        except ReaderError:
            continue
        assert result == good and not must_fail, f"{path} byte {place}"
    path.write_bytes(data)
    assert attempt() == good


def objects(example: Example, pattern: str) -> List[Path]:
    return sorted((example.folder / "repo").glob(pattern))


def test_a_flipped_byte_of_a_wal_object_is_never_handed_out(example: Example) -> None:
    storage = Storage(str(example.folder / "repo"))
    cluster = open_cluster(storage, "main", example.credentials(), lambda text: None)
    destination = example.folder / "fetched"
    for name in ("00000002.history", SEGMENTS[0]):

        def attempt() -> Optional[bytes]:
            wal.fetch(cluster, example.mini.settings.system_identifier, name, str(destination))
            return destination.read_bytes()

        path = example.folder / "repo" / example.mini.wal_name(name)
        assert_no_flip_is_taken(path, attempt, example.wal[name], must_fail=True)


def opened(example: Example, credentials: Credentials) -> Tuple[Any, ...]:
    storage = Storage(str(example.folder / "repo"))
    cluster = open_cluster(storage, "main", credentials, lambda text: None)
    keys = cluster.fingerprint_secret, cluster.wal_identity_key, cluster.chunk_key
    return cluster.ids, cluster.data_keys, keys


@pytest.mark.parametrize("kind", ["KEY_FILE", "PASSPHRASE", "UNENCRYPTED"])
def test_a_flipped_byte_of_what_opens_a_cluster_is_never_taken(tmp_path: Path, kind: str) -> None:
    example = Example(tmp_path, kinds=(kind,))
    credentials = example.credentials()
    if kind == "PASSPHRASE":
        credentials = Credentials(None, example.mini.settings.passphrase)
    good = opened(example, credentials)

    def attempt() -> Any:
        return opened(example, credentials)

    for pattern in ("repository", "clusters/main/keys/*[0-9a-f]", "clusters/main/epochs/00000002"):
        (path,) = [p for p in objects(example, pattern) if p.suffix != ".copy"]
        assert_no_flip_is_taken(path, attempt, good, must_fail=False)
        if "epochs" in pattern:
            continue
        copy = path.with_name(path.name + ".copy")
        kept = copy.read_bytes()
        copy.unlink()
        assert_no_flip_is_taken(path, attempt, good, must_fail=True)
        copy.write_bytes(kept)
    assert_no_flip_is_taken(objects(example, "format/1")[0], attempt, good, must_fail=True)


def test_a_damaged_object_is_replaced_by_its_copy_with_a_warning(example: Example) -> None:
    for pattern in ("repository", "clusters/main/keys/*", "clusters/main/epochs/00000002"):
        for path in objects(example, pattern):
            if path.suffix != ".copy":
                path.write_bytes(path.read_bytes()[:-5] + b"xxxxx")
    done = run_reader(example, "restore", BACKUP, str(example.folder / "out"))
    assert done.returncode == 0 and done.stderr.count("its copy is used") == 3, done.stderr


def test_a_flipped_byte_of_a_manifest_is_never_taken(example: Example) -> None:
    storage = Storage(str(example.folder / "repo"))
    cluster = open_cluster(storage, "main", example.credentials(), lambda text: None)
    good = open_manifest(cluster, BACKUP)
    (path,) = objects(example, f"clusters/main/backups/{BACKUP}")
    assert_no_flip_is_taken(path, lambda: open_manifest(cluster, BACKUP), good, must_fail=True)


def test_a_flipped_byte_of_packs_and_references_is_never_taken(example: Example) -> None:
    good = tree(example.restore("good"))
    count = 0
    outs: List[str] = []

    def attempt() -> Any:
        nonlocal count
        count += 1
        name = f"out{count}"
        outs.append(name)
        out = example.folder / name
        try:
            example.restore(name, tablespace_map={str(example.tablespace): str(out) + "_ts"})
        except ReaderError:
            assert not (out / "global" / "pg_control").exists()
            raise
        found = tree(out)
        found["tablespace_map"] = good["tablespace_map"]
        found["pg_tblspc/16384"] = good["pg_tblspc/16384"]
        return found

    paths = objects(example, "clusters/main/packs/*/*") + objects(
        example, "clusters/main/backups/*.refs"
    )
    assert len(paths) >= 5
    for path in paths:
        assert_no_flip_is_taken(path, attempt, good, must_fail=True)
        done = run_reader(example, "check-hashes", key=False)
        assert done.returncode == 0, done.stderr


def test_truncated_longer_swapped_and_missing_packs_are_found(example: Example) -> None:
    first, second, *_ = objects(example, "clusters/main/packs/*/*")
    one, two = first.read_bytes(), second.read_bytes()
    for number, (a, b) in enumerate(
        [(one[:-1], two), (one + b"\0", two), (two, one), (b"", two), (None, two)]
    ):
        first.unlink(missing_ok=True)
        if a is not None:
            first.write_bytes(a)
        second.write_bytes(b)
        with pytest.raises(ReaderError, match="packs/"):
            example.restore(f"out{number}")
        done = run_reader(example, "check-hashes", key=False)
        assert done.returncode == 1 and first.name in done.stderr
        first.write_bytes(one)
        second.write_bytes(two)
    assert run_reader(example, "check-hashes", key=False).returncode == 0


def test_every_truncation_of_small_objects_is_an_error(example: Example) -> None:
    storage = Storage(str(example.folder / "repo"))
    cluster = open_cluster(storage, "main", example.credentials(), lambda text: None)
    (path,) = objects(example, f"clusters/main/backups/{BACKUP}")
    data = path.read_bytes()
    for length in range(0, len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(ReaderError):
            open_manifest(cluster, BACKUP)
    path.write_bytes(data + b"\0")
    with pytest.raises(ReaderError):
        open_manifest(cluster, BACKUP)


def test_a_wrong_key_is_called_a_wrong_key(tmp_path: Path) -> None:
    example = Example(tmp_path, kinds=("PASSPHRASE", "KEY_FILE"))
    done = run_reader(example, "list", key=False, env={"BACKUP_ENCRYPTION_KEY": "wrong"})
    assert done.returncode == 1 and "the key is the wrong one" in done.stderr
    done = run_reader(example, "list", key=False)
    assert done.returncode == 1 and "no key was given" in done.stderr
    example.mini.private_half = bytes(31) + b"\1"
    example.mini.write_key_file(example.key_file)
    done = run_reader(example, "list")
    assert done.returncode == 1 and "the key is the wrong one" in done.stderr


def test_a_manifest_under_another_id_is_refused(example: Example) -> None:
    other = "20240101_020000-0100"
    for suffix in ("", ".refs"):
        (path,) = objects(example, f"clusters/main/backups/{BACKUP}{suffix}")
        path.rename(path.with_name(other + suffix))
    done = run_reader(example, "show", other)
    assert done.returncode == 1 and "is the manifest of" in done.stderr


def test_a_cluster_of_another_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    a, b = Example(tmp_path / "a"), Example(tmp_path / "b", seed=2)
    for name in ("repository", "repository.copy"):
        (a.folder / "repo" / name).write_bytes((b.folder / "repo" / name).read_bytes())
    with pytest.raises(ReaderError):
        opened(a, a.credentials())


def test_a_reference_list_that_is_not_the_manifests_is_refused(tmp_path: Path) -> None:
    def edit(what: str, value: Any) -> Any:
        return value + [("f" * 64, 1000)] if what == "references" else value

    example = Example(tmp_path, edit=edit)
    (path,) = objects(example, "clusters/main/backups/*.refs")
    path.write_bytes(path.read_bytes().replace(b"f 1000", b"e 1000"))
    with pytest.raises(ReaderError, match="refs: is damaged"):
        example.restore()
