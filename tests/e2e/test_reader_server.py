"""A real server, stored by mini_repository.py, restored by the Python reader and started."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Iterator, List

import psycopg2
import pytest
from mini_maps import File
from mini_repository import SOURCE, MiniRepository, Settings

pytestmark = pytest.mark.reader_alone

BINDIR = Path(os.environ.get("PGCAIRN_PG_BINDIR", "/usr/lib/postgresql/15/bin"))
READER = SOURCE / "tools" / "reader" / "pgcairn_reader.py"
BACKUP = "20240101_020000-00ff"
LEFT_OUT = ("postmaster.pid", "postmaster.opts", "global/pg_control", "backup_label")
SETTINGS = """
listen_addresses = ''
fsync = off
autovacuum = off
archive_mode = on
archive_command = 'cp %p {archive}/%f'
unix_socket_directories = '{socket}'
"""


def as_server_user(command: List[str]) -> List[str]:
    """Servers refuse to run as root."""
    if os.getuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]


def run(folder: Path, *command: Any) -> None:
    done = subprocess.run(
        as_server_user([str(word) for word in command]),
        cwd=folder,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=open(folder / "out", "ab"),
        stderr=subprocess.STDOUT,
        check=False,
    )
    logged = "".join(path.read_text() for path in (folder / "out", folder / "log") if path.exists())
    assert done.returncode == 0, logged[-4000:]


def give_to_server_user(path: Path) -> None:
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", "postgres:postgres", str(path)], check=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own directory: its parents are closed to other users."""
    path = Path(tempfile.mkdtemp(prefix="pgcairn-reader-"))
    for name in ("archive", "ts"):
        (path / name).mkdir()
    give_to_server_user(path)
    yield path
    for data in (path / "data", path / "restored"):
        if (data / "postmaster.pid").exists():
            command = [str(BINDIR / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"]
            subprocess.run(as_server_user(command), cwd=path, check=False)
    shutil.rmtree(path)


def start(folder: Path, name: str) -> None:
    run(folder, BINDIR / "pg_ctl", "-D", folder / name, "-w", "-l", folder / "log", "start")


def stop(folder: Path, name: str) -> None:
    run(folder, BINDIR / "pg_ctl", "-D", folder / name, "-w", "-m", "fast", "stop")


def connect(folder: Path) -> Any:
    connection = psycopg2.connect(host=str(folder), user="postgres", dbname="postgres")
    connection.autocommit = True
    return connection


def query(connection: Any, text: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall() if cursor.description else None


def files_of(data: Path, tablespaces: Path) -> List[File]:
    found = []
    for path in sorted(data.rglob("*")) + sorted(tablespaces.rglob("*")):
        name = str(path.relative_to(data)) if data in path.parents else ""
        if not name:
            oid = next(p.name for p in (data / "pg_tblspc").iterdir())
            name = f"pg_tblspc/{oid}/{path.relative_to(tablespaces)}"
        in_wal = name.startswith("pg_wal/") and name != "pg_wal/archive_status"
        if in_wal or name in LEFT_OUT or path.is_symlink():
            continue
        mode = path.stat().st_mode & 0o7777
        found.append(File(name, None if path.is_dir() else path.read_bytes(), mode))
    return found


def lsn(text: str) -> int:
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def store_backup(folder: Path, connection: Any) -> MiniRepository:
    """A backup between two sets of rows; the second set is in the archive only."""
    data = folder / "data"
    identifier = query(connection, "SELECT system_identifier FROM pg_control_system()")[0][0]
    oid = query(connection, "SELECT oid FROM pg_tablespace WHERE spcname = 'fast'")[0][0]
    start_lsn = query(connection, "SELECT pg_backup_start('mini', true)")[0][0]
    query(connection, "INSERT INTO t SELECT n, 'during' FROM generate_series(1, 500) n")
    files = files_of(data, folder / "ts")
    control = (data / "global/pg_control").read_bytes()
    stop_lsn, label, spaces = query(connection, "SELECT * FROM pg_backup_stop(true)")[0]
    needed = (folder / "archive").iterdir()
    segments = sorted(path.name for path in needed if len(path.name) == 24)
    query(connection, "INSERT INTO t SELECT n, 'after' FROM generate_series(1, 500) n")
    query(connection, "SELECT pg_switch_wal()")
    stop(folder, "data")
    settings = Settings(
        system_identifier=identifier % 2**64,
        segment_size=1 << 20,
        blob_raw=1 << 20,
        leaf_units=4096,
        pack_size=16 << 20,
        tablespaces=((oid, "fast", str(folder / "ts")),),
    )
    mini = MiniRepository(folder / "repo", settings)
    first = first_segment(label)
    archived = sorted((folder / "archive").iterdir())
    for path in archived:
        if first <= path.name and path.name in segments:
            mini.add_wal(path.name, path.read_bytes())
    mini.add_backup(
        BACKUP,
        files,
        start_lsn=lsn(start_lsn),
        stop_lsn=lsn(stop_lsn),
        backup_label=label.encode(),
        tablespace_map=spaces.encode(),
        control_file=control,
    )
    for path in archived:
        if path.name not in mini.wal_identities:
            mini.add_wal(path.name, path.read_bytes())
    mini.write_key_file(folder / "host.key")
    give_to_server_user(folder)
    return mini


def first_segment(label: str) -> str:
    """START WAL LOCATION: 0/2000028 (file 000000010000000000000002)"""
    return label.split("(file ")[1].split(")")[0]


def wait_until_promoted(connection: Any) -> None:
    for _ in range(600):
        if not query(connection, "SELECT pg_is_in_recovery()")[0][0]:
            return
        time.sleep(0.05)
    raise AssertionError("recovery did not end")


def test_a_server_restored_by_the_reader_has_all_rows(folder: Path) -> None:
    data = folder / "data"
    run(
        folder,
        *(BINDIR / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-k", "-N"),
        *("--no-locale", "-E", "UTF8", "--wal-segsize=1"),
    )
    with open(data / "postgresql.conf", "a", encoding="utf-8") as conf:
        conf.write(SETTINGS.format(archive=folder / "archive", socket=folder))
    start(folder, "data")
    connection = connect(folder)
    query(connection, f"CREATE TABLESPACE fast LOCATION '{folder}/ts'")
    query(connection, "CREATE TABLE t (n int, what text) TABLESPACE fast")
    query(connection, "INSERT INTO t SELECT n, 'before' FROM generate_series(1, 5000) n")
    store_backup(folder, connection)
    connection.close()

    # A copy: the checkout may lie where the server's user cannot look.
    shutil.copytree(READER.parent, folder / "reader")
    give_to_server_user(folder / "reader")
    reader = [folder / "reader" / READER.name, "--repository", folder / "repo", "--key-file", folder / "host.key"]
    mapping = f"{folder}/ts={folder}/new ts"
    target = folder / "restored"
    run(folder, *reader, "restore", BACKUP, target, "--recover", "--tablespace-map", mapping)
    start(folder, "restored")
    connection = connect(folder)
    wait_until_promoted(connection)
    rows = query(connection, "SELECT what, count(*), sum(n) FROM t GROUP BY what ORDER BY what")
    place = query(connection, "SELECT pg_tablespace_location(oid) FROM pg_tablespace")
    connection.close()
    stop(folder, "restored")
    assert rows == [("after", 500, 125250), ("before", 5000, 12502500), ("during", 500, 125250)]
    assert (f"{folder}/new ts",) in place
    # Page checksums were on, so this reads every page of every file that came back.
    run(folder, BINDIR / "pg_checksums", "-D", target, "--check")
