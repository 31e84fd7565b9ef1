"""The Python reader against repositories written from docs/format.md (mini_repository.py)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Tuple

import pytest
from mini_repository import tree
from reader_example import BACKUP, SEGMENTS, Example, fetch, run_reader

from pgcairn_format import fingerprint, messages
from pgcairn_format.errors import ReaderError
from pgcairn_format.tablespaces import rewrite_map

pytestmark = pytest.mark.reader_alone


@pytest.fixture(autouse=True)
def without_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of restores in this file; durability is not what it is about."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def example(tmp_path: Path) -> Example:
    return Example(tmp_path)


# Whole restores.


@pytest.mark.parametrize(
    "blob_raw, leaf_units", [(8192, 1), (20000, 3), (65536, 16), (1 << 20, 4096)]
)
def test_a_restore_gives_every_byte_and_mode(
    tmp_path: Path, blob_raw: int, leaf_units: int
) -> None:
    example = Example(tmp_path, blob_raw=blob_raw, leaf_units=leaf_units)
    target = example.restore(external_config=True)
    assert tree(target) == example.expected(tmp_path / "out_ts")
    assert tree(tmp_path / "out_ts") == example.in_tablespace()
    assert tree(tmp_path / "out.config") == example.expected(tmp_path / "ts", root=1)
    assert target.stat().st_mode & 0o7777 == 0o700
    assert (target / "PG_VERSION").stat().st_mtime_ns == 1_600_000_000_000_000_007


def test_a_restore_without_a_map_writes_the_map_of_the_server_byte_for_byte(
    example: Example,
) -> None:
    target = example.restore(tablespace_map={})
    assert tree(target) == example.expected(example.tablespace)
    assert tree(example.tablespace) == example.in_tablespace()
    assert not (example.folder / "out.config").exists()


@pytest.mark.parametrize("kinds", [("KEY_FILE", "PASSPHRASE"), ("PASSPHRASE",), ("UNENCRYPTED",)])
def test_the_command_restores_with_each_kind_of_key(tmp_path: Path, kinds: Tuple[str, ...]) -> None:
    example = Example(tmp_path, kinds=kinds)
    env = {"BACKUP_ENCRYPTION_KEY": "correct horse ü"} if "PASSPHRASE" in kinds else {}
    done = run_reader(example, "restore", BACKUP, str(tmp_path / "out"), key=False, env=env)
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "out") == example.expected(example.tablespace)
    assert "restore_command = '" in done.stdout and "recovery_target_timeline = " in done.stdout
    assert "3 files" not in done.stdout and "2 files of configuration" in done.stdout


def test_recover_writes_settings_that_fetch_wal(example: Example) -> None:
    out = example.folder / "it's 100% out"
    done = run_reader(example, "restore", BACKUP, str(out), "--recover")
    assert done.returncode == 0, done.stderr
    lines = (out / "postgresql.auto.conf").read_text().splitlines()
    assert (out / "recovery.signal").read_bytes() == b""
    assert lines[0] == "work_mem = '8MB'" and lines[-1] == "archive_mode = 'off'"
    command = lines[1].split(" = ", 1)[1][1:-1].replace("''", "'").replace("\\\\", "\\")
    command = command.replace("%f", SEGMENTS[0]).replace("%p", "pg_wal/RECOVERYXLOG")
    subprocess.run(command, shell=True, cwd=out, env={}, check=True)
    assert (out / "pg_wal/RECOVERYXLOG").read_bytes() == example.wal[SEGMENTS[0]]


def test_list_and_show_name_the_backup(example: Example) -> None:
    listed = run_reader(example, "list")
    assert listed.returncode == 0 and BACKUP in listed.stdout and "0/2000028" in listed.stdout
    shown = run_reader(example, "show", "backup_20240101_020000", "--json")
    assert shown.returncode == 0 and str(example.tablespace) in shown.stdout


def test_a_target_that_is_not_empty_is_refused(example: Example) -> None:
    (example.folder / "out").mkdir()
    (example.folder / "out" / "precious").write_text("x")
    done = run_reader(example, "restore", BACKUP, str(example.folder / "out"))
    assert done.returncode == 1 and "not empty" in done.stderr
    assert os.listdir(example.folder / "out") == ["precious"]
    example.tablespace.mkdir()
    (example.tablespace / "precious").write_text("x")
    done = run_reader(example, "restore", BACKUP, str(example.folder / "out2"))
    assert done.returncode == 1 and "not empty" in done.stderr
    assert not (example.folder / "out2").exists()


def test_usage_errors_end_with_2_and_those_of_wal_fetch_with_200(example: Example) -> None:
    assert run_reader(example, "restore").returncode == 2
    assert run_reader(example, "wal", "fetch", SEGMENTS[0]).returncode == 200


def test_a_map_with_escapes_changes_only_what_is_mapped() -> None:
    manifest = messages.Manifest(
        tablespaces=(
            messages.Tablespace(1, "a", "/old\n\\a"),
            messages.Tablespace(2, "b", "/b"),
        )
    )
    text = b"1 /old\\\n\\\\a\n2 /b\n"
    assert rewrite_map(text, manifest, {1: "/old\n\\a", 2: "/b"}) == text
    assert rewrite_map(text, manifest, {1: "/n\\w", 2: "/b"}) == b"1 /n\\\\w\n2 /b\n"
    assert (
        rewrite_map(text, manifest, {1: "/old\n\\a", 2: "/c\n"}) == b"1 /old\\\n\\\\a\n2 /c\\\n\n"
    )


# WAL.


def test_wal_fetch_gives_every_kind_of_file_and_prints_nothing(example: Example) -> None:
    for name, data in example.wal.items():
        done = fetch(example, name)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert (example.folder / "fetched").read_bytes() == data


def test_wal_fetch_tells_absent_from_failed(example: Example) -> None:
    assert fetch(example, "000000010000000000000031").returncode == 1
    assert fetch(example, "00000003.history").returncode == 1
    assert fetch(example, "../../repository").returncode == 200
    assert fetch(example, SEGMENTS[0], key=False).returncode == 200
    path = example.folder / "repo" / example.mini.wal_name(SEGMENTS[0])
    path.write_bytes(path.read_bytes()[:-1])
    assert fetch(example, SEGMENTS[0]).returncode == 200
    (example.folder / "repo").rename(example.folder / "away")
    assert fetch(example, SEGMENTS[0]).returncode == 200
    assert not (example.folder / "fetched").exists()


def test_a_wal_object_under_another_name_is_refused(example: Example) -> None:
    folder = example.folder / "repo"
    first, second = (folder / example.mini.wal_name(name) for name in SEGMENTS)
    first.write_bytes(second.read_bytes())
    done = fetch(example, SEGMENTS[0])
    assert done.returncode == 200 and not (example.folder / "fetched").exists()


def test_wal_list_shows_gaps(example: Example) -> None:
    done = run_reader(example, "wal", "list")
    assert done.returncode == 0, done.stderr
    assert f"{SEGMENTS[0]} .. {SEGMENTS[1]}  2 segments" in done.stdout
    assert "GAP: 14 segments" in done.stdout and "timeline 2" in done.stdout


def test_a_restore_is_refused_when_wal_of_the_backup_is_missing(example: Example) -> None:
    (example.folder / "repo" / example.mini.wal_name(SEGMENTS[1])).unlink()
    out = str(example.folder / "out")
    done = run_reader(example, "restore", BACKUP, out)
    assert done.returncode == 1 and SEGMENTS[1] in done.stderr and not os.path.exists(out)
    assert run_reader(example, "restore", BACKUP, out, "--no-wal-check").returncode == 0


def test_the_reader_says_that_fingerprints_are_not_checked(
    example: Example, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pgcairn_format import command_line

    monkeypatch.setattr(fingerprint, "load", lambda secret: None)
    start = ["--repository", str(example.folder / "repo"), "--key-file", str(example.key_file)]
    start += ["restore", BACKUP]
    with pytest.raises(ReaderError, match="libxxhash"):
        command_line.run([*start, str(example.folder / "out"), "--require-fingerprints"], "/r")
    assert command_line.run([*start, str(example.folder / "out")], "/r") == 0
    assert "NOT checked" in capsys.readouterr().err
