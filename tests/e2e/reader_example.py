"""A small repository with a backup of every kind of file, for the tests of the Python reader."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional

from mini_maps import UNIT, File
from mini_repository import SOURCE, MiniRepository, Settings

READER_FOLDER = SOURCE / "tools" / "reader"
READER = READER_FOLDER / "pgcairn_reader.py"
sys.path.insert(0, str(READER_FOLDER))

from pgcairn_format import fingerprint, messages  # noqa: E402
from pgcairn_format.access_key import Credentials  # noqa: E402
from pgcairn_format.cluster import Cluster, open_cluster  # noqa: E402
from pgcairn_format.manifest import open_manifest  # noqa: E402
from pgcairn_format.restore import Restore, RestoreOptions  # noqa: E402
from pgcairn_format.storage import Storage  # noqa: E402

OLDER = "20231231_020000-00fe"
BACKUP = "20240101_020000-00ff"
SEGMENTS = [f"0000000100000000000000{n:02X}" for n in (0x20, 0x21)]


def some_files(rng: random.Random) -> List[File]:
    big = b"".join(
        bytes(UNIT) if n % 5 == 2 else rng.randbytes(64) * (UNIT // 64) for n in range(70)
    )
    return [
        File("base", None, 0o700),
        File("base/1", None, 0o700),
        File("base/1/1259", rng.randbytes(3 * UNIT), kind=1),
        File("base/1/2600", big, kind=1, packed=False),
        File("base/1/empty", b"", 0o640),
        File("base/1/zeros", bytes(5 * UNIT), kind=1, packed=False),
        File("base/1/short_zeros", bytes(UNIT + 17), kind=1),
        File("PG_VERSION", b"15\n"),
        File("global", None, 0o700),
        File("global/1262", b"\1" + bytes(UNIT - 1), kind=1),
        File("pg_tblspc", None, 0o700),
        File("pg_tblspc/16390", None, 0o700),
        File("pg_tblspc/16390/PG_15_202209061", None, 0o700),
        File("pg_tblspc/16390/PG_15_202209061/inside", b"in place"),
        File("pg_tblspc/16384/PG_15_202209061", None, 0o700),
        File("pg_tblspc/16384/PG_15_202209061/5", rng.randbytes(UNIT + 1), kind=1),
        File("pg_wal", None, 0o700),
        File("postgresql.auto.conf", b"archive_mode = 'on'\nwork_mem = '8MB'"),
        File("übung mit Leerzeichen", b"x" * 300),
        File("copy_of_version", b"15\n", 0o644),
        File("conf.d", None, 0o755, root=1),
        File("conf.d/a.conf", b"port = 5433\n", 0o644, root=1),
        File("pg_hba.conf", b"local all all peer\n", 0o640, root=1),
    ]


def older_files(files: List[File]) -> List[File]:
    """What these may have been before: everything that a patch can do leads back to them."""
    older = []
    for file in files:
        data = file.data
        if file.path == "copy_of_version":
            continue
        if file.path == "base/1/1259":
            # Nothing but shorter since.
            data = data + b"\5" * (2 * UNIT + 5)
        if file.path == "base/1/2600":
            data = _before(data)
        if file.path == "base/1/zeros":
            data = b"\1" * (5 * UNIT)
        if file.path == "global/1262":
            data = b"\2" + data[1:]
        if file.path.startswith("pg_tblspc/16384/") and data is not None:
            data = data[: UNIT // 2]
        older.append(replace(file, data=data))
    return older + [File("dropped", b"\3" * UNIT)]


def _before(data: bytes) -> bytes:
    """Of 70 units some were others, zeros and what are zeros now among them, the last ones absent."""
    units = [data[i : i + UNIT] for i in range(0, len(data), UNIT)]
    units[1] = b"\6" * UNIT
    units[2] = b"\7" * UNIT
    units[3] = bytes(UNIT)
    # In a leaf where nothing else changes, and not at its beginning.
    units[22] = b"\4" * UNIT
    return b"".join(units[:60]) + b"\4" * 100


class Example:
    """A repository with one backup, and what the backup must give. An incremental one has an older
    backup as its base."""

    def __init__(self, folder: Path, incremental: bool = False, **settings: Any) -> None:
        self.folder = folder
        rng = random.Random(7)
        self.tablespace = folder / "ts"
        self.files = some_files(rng)
        settings.setdefault("tablespaces", ((16384, "fast", str(self.tablespace)),))
        self.mini = MiniRepository(folder / "repo", Settings(**settings))
        self.wal = {name: rng.randbytes(100) * 1500 for name in SEGMENTS}
        self.wal["00000002.history"] = b"1\t0/2000138\tno recovery target specified\n"
        self.wal["000000010000000000000023.partial"] = b"half"
        self.wal["000000010000000000000020.00000028.backup"] = b"START WAL LOCATION"
        self.wal["000000010000000000000030"] = b""
        for name in SEGMENTS:
            self.mini.add_wal(name, self.wal[name])
        self.backup_wal = dict(self.mini.wal_identities)
        if incremental:
            self.mini.add_backup(OLDER, older_files(self.files))
        self.mini.add_backup(BACKUP, self.files, base=OLDER if incremental else None)
        for name in sorted(set(self.wal) - set(SEGMENTS)):
            self.mini.add_wal(name, self.wal[name])
        self.key_file = self.mini.write_key_file(folder / "host.key")

    def credentials(self) -> Credentials:
        return Credentials(self.mini.private_half, None)

    def open(self) -> Cluster:
        storage = Storage(str(self.folder / "repo"))
        return open_cluster(storage, "main", self.credentials(), lambda text: None)

    def restore(self, name: str = "out", backup: str = BACKUP, **options: Any) -> Path:
        """In this process."""
        target = self.folder / name
        cluster = self.open()
        options.setdefault(
            "tablespace_map", {str(self.tablespace): str(self.folder / f"{name}_ts")}
        )
        check = fingerprint.load(cluster.fingerprint_secret)
        assert check is not None
        manifest = open_manifest(cluster, backup)
        Restore(cluster, manifest, RestoreOptions(str(target), **options), check).run()
        return target

    def expected(
        self, tablespace: Path, root: int = 0, files: Optional[List[File]] = None
    ) -> Dict[str, Any]:
        found: Dict[str, Any] = {}
        for file in files or self.files:
            if file.root != root or file.path.startswith("pg_tblspc/16384/"):
                continue
            kind = ("directory", file.mode) if file.data is None else ("file", file.mode, file.data)
            found[file.path] = kind
        if root == 0:
            found["pg_tblspc/16384"] = ("link", str(tablespace))
            found["backup_label"] = (
                "file",
                0o600,
                b"START WAL LOCATION: 0/2000028 (file 000000010000000000000020)\n",
            )
            found["tablespace_map"] = ("file", 0o600, f"16384 {tablespace}\n".encode())
            found["global/pg_control"] = ("file", 0o600, bytes(range(256)) * 32)
        return found

    def in_tablespace(self) -> Dict[str, Any]:
        prefix = "pg_tblspc/16384/"
        return {
            f.path[len(prefix) :]: ("directory", f.mode)
            if f.data is None
            else ("file", f.mode, f.data)
            for f in self.files
            if f.path.startswith(prefix)
        }


def run_reader(
    example: Example, *arguments: str, key: bool = True, env: Optional[Dict[str, str]] = None
) -> "subprocess.CompletedProcess[str]":
    command = [str(READER), "--repository", str(example.folder / "repo")]
    if key:
        command += ["--key-file", str(example.key_file)]
    return subprocess.run(
        [*command, *arguments], env=env or {}, capture_output=True, text=True, check=False
    )


def fetch(example: Example, name: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    return run_reader(example, "wal", "fetch", name, str(example.folder / "fetched"), **options)


def tables() -> Dict[str, Any]:
    """The reader's messages by name."""
    return {name: value for name, value in vars(messages).items() if hasattr(value, "FIELDS")}
