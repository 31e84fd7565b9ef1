"""The program reads what mini_repository.py writes from docs/format.md alone, as the Python reader
does, and refuses what cannot be: writer and reader of pgcairn cannot err in the same way here."""

import json
from types import SimpleNamespace

import pytest

from impossible_patches import IMPOSSIBLE, impossible
from mini_repository import tree
from reader_example import BACKUP, OLDER, Example, older_files
from scratch import Scratch, give_to_server_user

RECOVERY_FILES = ("postgresql.auto.conf", "recovery.signal")


@pytest.fixture(scope="module")
def place():
    """A scratch directory, and a real pg_control: the program looks into it."""
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb("--wal-segsize=1")
        control = (server.data / "global/pg_control").read_bytes()
        yield SimpleNamespace(scratch=scratch, control=control,
                              system_identifier=int.from_bytes(control[:8], "little"))


def written(place, name, edit=lambda what, value: value, **settings):
    """An incremental backup and its base, which the program's configuration names."""
    def edit_all(what, value):
        if what == "manifest":
            value.control_file = place.control
            value.block_size, value.relation_segment_pages = 8192, 131072
        return edit(what, value)

    folder = place.scratch.make_directory(name)
    example = Example(folder, incremental=True, system_identifier=place.system_identifier,
                      edit=edit_all, **settings)
    example.key_file.chmod(0o600)
    (place.scratch.root / "config").mkdir(exist_ok=True)
    config = place.scratch.root / "config/backup.config.json"
    config.write_text(json.dumps({"storage": {"local_path": str(folder / "repo")},
                                  "encryption": {"key_file": str(example.key_file)}}))
    config.chmod(0o600)
    for path in (config, folder, *folder.rglob("*")):
        give_to_server_user(path)
    return example


def restore(place, example, backup, check=True):
    target = example.folder / f"out {backup}"
    moved = example.folder / f"moved {backup}"
    result = place.scratch.pgcairn(
        "restore", f"--source={backup}", f"--target-dir={target}",
        f"--tablespace-map={example.tablespace}={moved}", check=check)
    return result, target, moved


@pytest.mark.slow
@pytest.mark.parametrize("blob_raw, leaf_units", [(8192, 1), (20000, 3), (65536, 16),
                                                  (1 << 20, 4096)])
def test_program_restores_what_was_written_from_the_specification(place, blob_raw, leaf_units):
    example = written(place, f"good {leaf_units}", blob_raw=blob_raw, leaf_units=leaf_units)
    for backup, files in ((BACKUP, example.files), (OLDER, older_files(example.files))):
        _, target, moved = restore(place, example, backup)
        found = tree(target)
        expected = example.expected(moved, files=files)
        expected["global/pg_control"] = ("file", 0o600, place.control)
        for name in RECOVERY_FILES:
            assert found.pop(name)
            expected.pop(name, None)
        assert found == expected
    assert tree(example.folder / f"moved {BACKUP}") == example.in_tablespace()


@pytest.mark.slow
@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_program_refuses_what_cannot_be_in_an_incremental(place, what):
    """The program as the Python reader: see test_reader_patches.py."""
    edit, _ = impossible()[what]
    example = written(place, f"bad {what}", edit)
    result, target, _ = restore(place, example, BACKUP, check=False)
    assert result.returncode in (3, 5, 11), result.stdout + result.stderr
    assert not (target / "global/pg_control").exists()
