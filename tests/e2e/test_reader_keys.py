"""Clusters whose keys were changed, as the Python reader sees them (docs/format.md, section 5)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import List

import pytest
from reader_example import Example, Storage, open_cluster

from mini_repository import public_of
from pgcairn_format.access_key import Credentials
from pgcairn_format.cluster import Cluster
from pgcairn_format.errors import ReaderError, WrongKey

pytestmark = pytest.mark.reader_alone

OTHER = bytes(range(32))


@pytest.fixture(name="example")
def _example(tmp_path: Path) -> Example:
    return Example(tmp_path)


def opened(example: Example, private_half: bytes = b"") -> Cluster:
    credentials = Credentials(private_half or example.mini.private_half, None)
    return open_cluster(Storage(str(example.folder / "repo")), "main", credentials,
                        lambda text: None)


def objects(example: Example, pattern: str) -> List[Path]:
    found = sorted((example.folder / "repo/clusters/main").glob(pattern))
    assert found, pattern
    return found


def damage(path: Path, at: int = -5) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def test_after_a_rotation_old_and_new_objects_are_read(example: Example) -> None:
    old = example.mini.data_key_id
    example.mini.start_generation()
    assert example.mini.data_key_id != old
    name = "000000010000000000000022"
    example.mini.add_wal(name, b"written after the rotation" + bytes(1000))
    cluster = opened(example)
    assert {old, example.mini.data_key_id} <= set(cluster.data_keys)
    assert example.restore().exists()


def test_a_generation_whose_epoch_was_not_stored_is_passed_over(example: Example) -> None:
    before = opened(example).data_keys
    example.mini.start_generation(commit=False, private_half=OTHER)
    assert opened(example).data_keys == before
    with pytest.raises(WrongKey):
        opened(example, OTHER)
    # Also when a later one was committed, and the access keys of all are still there.
    example.mini.start_generation()
    assert len(opened(example).data_keys) == len(before) + 1
    with pytest.raises(WrongKey):
        opened(example, OTHER)


def test_an_access_key_of_an_older_root_opens_nothing(example: Example) -> None:
    removed = example.mini.private_half
    example.mini.start_generation(private_half=OTHER)
    assert opened(example, OTHER).data_keys
    with pytest.raises(WrongKey):
        opened(example, removed)
    record = hashlib.sha256(b"pgcairn access key id v1" + public_of(removed)).digest()[:8].hex()
    example.mini.put(f"clusters/main/keys/removed/{record}", b"whatever it says")
    with pytest.raises(WrongKey, match=f"the access key {record} was removed"):
        opened(example, removed)


def test_a_foreign_object_among_the_access_keys_in_force_is_passed_over(example: Example) -> None:
    """Of a run that was stopped before it stored it, while another one took its generation."""
    example.mini.start_generation(commit=False, private_half=OTHER)
    example.mini.generation = 1
    example.mini.start_generation()
    assert len({path.name[:8] for path in objects(example, "keys/*-*")}) == 2
    assert opened(example).data_keys
    with pytest.raises(WrongKey):
        opened(example, OTHER)


def test_either_copy_of_an_epoch_says_which_root_is_in_force(example: Example) -> None:
    example.mini.start_generation()
    expected = opened(example).data_keys
    first, copy = objects(example, "epochs/00000003*")
    whole = first.read_bytes()
    for at in range(len(whole)):
        damage(first, at)
        assert opened(example).data_keys == expected, at
        first.write_bytes(whole)
    first.unlink()
    assert opened(example).data_keys == expected
    damage(copy)
    # The older epoch is under the older root, whose access keys nobody deleted here.
    assert len(opened(example).data_keys) == len(expected) - 1
    for path in objects(example, "keys/00000001-*"):
        path.unlink()
    with pytest.raises(ReaderError):
        opened(example)
