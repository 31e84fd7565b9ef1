"""Every object of a real repository, damaged in every way: verify names it, and restore never
returns success with wrong data.

Each byte of small objects is changed in the unit tests (commands_test, DamageTest), in memory; here
the programs run as users run them.
"""

import contextlib
import json
import os
import random
import shutil
import subprocess

import pytest

from scratch import BUILD, Scratch, give_to_server_user
from tree_state import changes, tree_state

DAMAGED = 5


class Repository:
    """A small repository, what a restore of it gives, and the same objects of an earlier init."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.server = scratch.server()
        self.server.initdb("--wal-segsize=1")
        scratch.protect(self.server)
        self.server.sql("CREATE TABLE t AS SELECT g, md5(g::text) FROM generate_series(1, 500) g")
        first = scratch.pgcairn_json("backup")["backup_id"]
        self.first_segment = scratch.pgcairn_json("show", first)["wal"][0]["segment"]
        self.server.sql("INSERT INTO t SELECT g, 'more' FROM generate_series(1, 500) g")
        scratch.pgcairn("backup")
        self.server.wait_archived()
        self.root = scratch.root / "repository"
        self.earlier = self.another_init()
        self.server.stop()
        self.objects = sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*")
                              if path.is_file() and not path.name.startswith("."))
        # Where the newest backup's manifest is damaged, the one before brings the same moment back.
        self.good = [self.restore(), self.restore(f"--source={first}")]
        assert all(self.good) and changes(*self.good)

    def another_init(self):
        folder = self.scratch.make_directory("earlier")
        (folder / "config").mkdir()
        config = folder / "config/backup.config.json"
        config.write_text(json.dumps({
            "cluster": {"connection": self.server.conninfo()},
            "storage": {"local_path": str(folder / "repository")}}))
        config.chmod(0o600)
        for path in (folder / "config", config):
            give_to_server_user(path)
        program = [self.scratch.program, f"--config={config}"]
        self.scratch.run([*program, "init"])
        pg_wal = self.server.data / "pg_wal"
        for done in sorted((pg_wal / "archive_status").glob("*.done")):
            self.scratch.run([*program, "wal", "push", pg_wal / done.stem])
        return folder / "repository"

    def verify(self):
        """(exit status, what it says)"""
        result = self.scratch.pgcairn("--output=json", "verify", check=False)
        return result.returncode, json.loads(result.stdout)

    def assert_named(self, name):
        status, report = self.verify()
        named = [damaged["object"] for damaged in report["damaged"]]
        warned = [text for text in report["warnings"] if f"{name} " in text]
        assert name in named or warned, report
        assert status == (DAMAGED if named else 0)
        return report

    def restore(self, *options):
        """The restored tree; nothing when the restore failed."""
        target = self.scratch.root / "restored"
        shutil.rmtree(target, ignore_errors=True)
        result = self.scratch.pgcairn("restore", "--type=full", f"--target-dir={target}",
                                      *options, check=False)
        assert result.returncode >= 0, result.stderr
        return tree_state(target) if result.returncode == 0 else None

    def assert_no_wrong_data(self):
        restored = self.restore()
        assert restored is None or any(changes(good, restored) == [] for good in self.good)
        return restored is not None

    @contextlib.contextmanager
    def damaged(self, changed):
        """name -> new bytes, for as long as a test looks."""
        own = {name: (self.root / name).read_bytes() for name in changed}
        try:
            for name, content in changed.items():
                self.write(name, content)
            yield
        finally:
            for name, content in own.items():
                self.write(name, content)

    def write(self, name, content):
        """In place: mode and owner stay. None removes."""
        path = self.root / name
        if content is None:
            path.unlink()
            return
        fresh = not path.exists()
        path.write_bytes(content)
        if fresh:
            path.chmod(0o600)
            give_to_server_user(path)


@pytest.fixture(name="repository", scope="module")
def _repository():
    with Scratch() as scratch:
        yield Repository(scratch)


def stored_twice(name):
    return name.startswith("repository") or "/keys/" in name or "/epochs/" in name


def unmissed(repository):
    """What nothing left can know of when it is gone: notes on backups; the newest segment, with what
    belongs to it, which only the host remembers; those before the first backup, which no restore
    reads."""
    notes = {name for name in repository.objects if "/notes/" in name}
    files = {name: name.rsplit("/", 1)[1] for name in repository.objects if "/wal/" in name}
    newest = max(file for file in files.values() if len(file) == 24)
    wal = {name for name, file in files.items()
           if file[:24] == newest or file < repository.first_segment}
    return notes | wal


def ways(repository, name, rng):
    """(what was done, the object's new bytes)"""
    own = (repository.root / name).read_bytes()
    place = rng.randrange(len(own))
    yield "changed", own[:place] + bytes([own[place] ^ (1 << rng.randrange(8))]) + own[place + 1:]
    yield "cut", own[:rng.randrange(len(own))]
    yield "emptied", b""
    if name not in unmissed(repository):
        yield "removed", None
    earlier = repository.earlier / name
    if earlier.exists() and earlier.read_bytes() != own:
        yield "earlier", earlier.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("restores_each", [1, pytest.param(5, marks=pytest.mark.soak)])
def test_a_damaged_object_is_named_and_never_restored_as_something_else(
        repository, seed, restores_each):
    rng = random.Random(seed)
    kinds = set()
    for name in repository.objects:
        done = list(ways(repository, name, rng))
        restored = set(rng.sample([way for way, _ in done], min(restores_each, len(done))))
        for way, content in done:
            print(name, way)
            kinds.add(way)
            with repository.damaged({name: content}):
                report = repository.assert_named(name)
                if way in restored:
                    works = repository.assert_no_wrong_data()
                    assert works or not stored_twice(name) or way == "earlier"
            if stored_twice(name) and way != "earlier":
                assert [item["copy_is_good"] for item in report["damaged"]] == [True]
                assert all(backup["good"] for backup in report["backups"])
    assert kinds == {"changed", "cut", "emptied", "removed", "earlier"}
    status, report = repository.verify()
    assert status == 0, report
    assert repository.assert_no_wrong_data()


@pytest.mark.slow
def test_objects_that_changed_places_are_named(repository, seed):
    rng = random.Random(seed)
    pairs = list(zip(repository.objects, repository.objects[1:]))
    for first, second in rng.sample(pairs, min(12, len(pairs))):
        a, b = ((repository.root / name).read_bytes() for name in (first, second))
        if a == b:
            continue
        print(first, second)
        with repository.damaged({first: b, second: a}):
            repository.assert_named(first)
            repository.assert_named(second)


@pytest.mark.soak
def test_each_byte_of_small_objects_and_200_places_of_large_ones():
    """In memory: two hours of program starts otherwise."""
    subprocess.run([BUILD / "commands_test", "--gtest_filter=DamageTest.*"], check=True,
                   env={**os.environ, "PGCAIRN_EVERY_BYTE": "1"})
