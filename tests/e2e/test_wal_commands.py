"""archive_command and restore_command: what they keep, hand out and refuse, and with which status.

PostgreSQL takes 1 to 125 from restore_command for "the log ends here" and starts up without the
rest, so `wal fetch` may use nothing of that range but 1, and only for what is proven absent.
"""

import contextlib
import random
import shutil

import pytest

from preloaded_writes import NO_FALLOCATE, build_library
from scratch import Scratch, give_to_server_user
from tree_state import changes, tree_state

ABSENT = 1
USAGE, DAMAGED, WRONG_KEY, STORAGE, PERMISSION, REFUSED = 202, 205, 206, 207, 209, 212


class Archive:
    """A server with some archived WAL."""

    def __init__(self, scratch, server):
        self.scratch = scratch
        self.server = server
        server.sql("CREATE TABLE load AS SELECT g AS id FROM generate_series(1, 1000) g")
        self.segment = server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
        server.wait_archived()
        # The segment as the server wrote it; the server may recycle its own.
        self.original = (server.data / "pg_wal" / self.segment).read_bytes()
        self.work = scratch.make_directory("work")

    def object(self, name):
        found = list((self.scratch.root / "repository").glob(f"clusters/main/wal/*/*/{name}"))
        assert len(found) == 1, found
        return found[0]

    def file(self, name, content):
        path = self.work / name
        path.write_bytes(content)
        give_to_server_user(path)
        return path

    def fetch(self, name, destination="fetched", config=None, env=None):
        """(exit status, what was written or None, stderr)"""
        path = self.work / destination
        path.unlink(missing_ok=True)
        config = config or self.scratch.root / "config/backup.config.json"
        result = self.scratch.run([self.scratch.program, f"--config={config}", "wal", "fetch", name,
                                   path], check=False, env=env)
        left = [item.name for item in self.work.iterdir() if "pgcairn-tmp" in item.name]
        assert not left, "a temporary file was left behind"
        return result.returncode, path.read_bytes() if path.exists() else None, result.stderr

    def push(self, path, **options):
        return self.scratch.pgcairn("wal", "push", path, check=False, **options)

    def repository(self):
        return tree_state(self.scratch.root / "repository")


def make_archive(scratch, *initdb):
    server = scratch.server()
    server.initdb(*initdb)
    server.configure("max_wal_size = 1GB", "autovacuum = off")
    scratch.protect(server)
    # Nothing is archived behind a test's back.
    server.sql("ALTER SYSTEM SET archive_timeout = 0")
    server.sql("SELECT pg_reload_conf()")
    return Archive(scratch, server)


@pytest.fixture(name="archive", scope="module")
def _archive():
    with Scratch() as scratch:
        yield make_archive(scratch)


# wal fetch

def test_an_archived_segment_comes_back_byte_for_byte(archive):
    status, content, stderr = archive.fetch(archive.segment)
    assert (status, stderr) == (0, "")
    assert content == archive.original
    written = (archive.work / "fetched").stat()
    assert written.st_mode & 0o777 == 0o600
    assert written.st_blocks * 512 >= len(content), "the server writes over it: it has its room"


def test_zeros_are_written_where_room_cannot_be_taken_without(archive):
    library = build_library(archive.scratch, NO_FALLOCATE)
    status, content, stderr = archive.fetch(archive.segment, env={
        "LD_PRELOAD": str(library), "FALLOCATE_CALLED": str(archive.work / "called")})
    assert (status, stderr) == (0, "")
    assert (archive.work / "called").exists()
    assert content == archive.original
    assert (archive.work / "fetched").stat().st_blocks * 512 >= len(content)


@pytest.mark.parametrize("name", [
    "0000000100000000000000FE", "00000002.history", "00000001.history", "000000090000000000000001",
    "0000000100000000000000FE.00000028.backup", "000000010000000000000001.partial"])
def test_what_is_proven_absent_is_status_1_and_no_complaint(archive, name):
    status, content, stderr = archive.fetch(name, "RECOVERYXLOG")
    assert (status, content, stderr) == (ABSENT, None, "")


@pytest.mark.parametrize("arguments", [
    ["wal", "fetch"],
    ["wal", "fetch", "000000010000000000000001"],
    ["wal", "fetch", "000000010000000000000001", "to", "too many"],
    ["wal", "fetch", "--unknown", "000000010000000000000001", "to"],
    ["--unknown", "wal", "fetch", "000000010000000000000001", "to"],
    ["--output=xml", "wal", "fetch", "000000010000000000000001", "to"],
    ["--log-level=loud", "wal", "fetch", "000000010000000000000001", "to"],
    ["--cluster=no/name", "wal", "fetch", "000000010000000000000001", "to"],
    ["wal", "fetch", "RECOVERYXLOG", "to"],
    ["wal", "fetch", "", "to"],
    ["wal", "fetch", "../../../../../repository", "to"],
    ["--config=/nowhere", "wal", "fetch", "000000010000000000000001", "to"],
], ids=" ".join)
def test_wrong_usage_of_fetch_never_looks_like_the_end_of_wal(archive, arguments):
    result = archive.scratch.run(
        [archive.scratch.program,
         *([] if arguments[0].startswith("--config") else
           [f"--config={archive.scratch.root}/config/backup.config.json"]), *arguments],
        check=False, cwd=archive.work)
    assert result.returncode == USAGE, result.stderr
    assert result.stderr
    assert not (archive.work / "to").exists()


@pytest.mark.parametrize("text", [
    "{", '{"storage": {"local": "x"}}', '{"compression": {"level": "3"}}',
    '{"schedules": {"full_backup": "0 25 * * *"}}', "\0", "[]"])
def test_a_broken_configuration_never_looks_like_the_end_of_wal(archive, text):
    config = archive.file("broken.json", text.encode())
    status, content, stderr = archive.fetch("0000000100000000000000FE", config=config)
    assert 200 <= status <= 250 and content is None
    assert "broken.json" in stderr


def test_an_unreadable_configuration_or_key_is_not_absence(archive):
    for path in (archive.scratch.root / "config/backup.config.json",
                 archive.scratch.root / "storage/encryption/host.key"):
        path.chmod(0)
        try:
            status, content, stderr = archive.fetch("0000000100000000000000FE")
        finally:
            path.chmod(0o600)
        assert (status, content) == (PERMISSION, None), stderr
        assert str(path) in stderr


def test_a_key_that_others_can_read_is_refused_with_the_chmod_line(archive):
    key = archive.scratch.root / "storage/encryption/host.key"
    key.chmod(0o640)
    try:
        status, content, stderr = archive.fetch(archive.segment)
    finally:
        key.chmod(0o600)
    assert (status, content) == (PERMISSION, None)
    assert "chmod 600" in stderr or "chmod 0600" in stderr
    assert str(key) in stderr


@contextlib.contextmanager
def moved_away(path):
    place = path.rename(path.with_name(path.name + ".away"))
    try:
        yield
    finally:
        place.rename(path)


def test_a_missing_key_is_not_absence(archive):
    with moved_away(archive.scratch.root / "storage/encryption/host.key"):
        assert archive.fetch("0000000100000000000000FE")[:2] == (WRONG_KEY, None)


@pytest.mark.parametrize("part", ["repository", "repository/clusters/main",
                                  "repository/clusters/main/keys",
                                  "repository/clusters/main/epochs",
                                  "repository/clusters/main/history", "repository/format"])
def test_a_repository_that_is_not_there_or_not_whole_is_not_absence(archive, part):
    with moved_away(archive.scratch.root / part):
        status, content, stderr = archive.fetch(archive.segment)
    assert (status, content) == (STORAGE, None), stderr
    assert stderr


def test_a_segment_that_cannot_be_read_is_not_absence(archive):
    stored = archive.object(archive.segment)
    for change, back in ((lambda: stored.chmod(0), lambda: stored.chmod(0o600)),
                         (lambda: stored.parent.chmod(0), lambda: stored.parent.chmod(0o700))):
        change()
        try:
            status, content, _ = archive.fetch(archive.segment)
        finally:
            back()
        assert (status, content) == (PERMISSION, None)


def test_a_destination_that_cannot_be_written_is_not_absence(archive):
    assert archive.fetch(archive.segment, "no/such/folder")[:2] == (STORAGE, None)
    result = archive.scratch.pgcairn("wal", "fetch", archive.segment, archive.work, check=False)
    assert 200 <= result.returncode <= 250


@pytest.mark.parametrize("count", [
    24, pytest.param(400, marks=pytest.mark.soak)])
def test_no_byte_of_a_damaged_segment_is_handed_out(archive, seed, count):
    choose = random.Random(seed)
    stored = archive.object(archive.segment)
    good = stored.read_bytes()
    header = 200
    positions = [choose.randrange(header) for _ in range(count // 3)]
    positions += [choose.randrange(header, len(good)) for _ in range(count - len(positions))]
    try:
        for position in positions:
            damaged = bytearray(good)
            damaged[position] ^= 1 << choose.randrange(8)
            stored.write_bytes(damaged)
            status, content, stderr = archive.fetch(archive.segment)
            assert content is None and 200 <= status <= 250, f"byte {position}: {status} {stderr}"
            if position >= header:
                assert status == DAMAGED, f"byte {position}: {status} {stderr}"
                assert archive.segment in stderr
        for length in (0, 1, 20, header, len(good) // 2, len(good) - 1):
            stored.write_bytes(good[:length])
            assert archive.fetch(archive.segment)[:2] == (DAMAGED, None), f"cut to {length}"
        stored.write_bytes(good + b"\0")
        assert archive.fetch(archive.segment)[:2] == (DAMAGED, None)
    finally:
        stored.write_bytes(good)
    assert archive.fetch(archive.segment)[:2] == (0, archive.original)


def test_one_segment_is_never_handed_out_under_the_name_of_another(archive):
    stored = archive.object(archive.segment)
    other = stored.with_name("0000000100000000000000AA")
    shutil.copyfile(stored, other)
    give_to_server_user(other)
    try:
        assert archive.fetch(other.name)[:2] == (DAMAGED, None)
    finally:
        other.unlink()


# wal push

@pytest.mark.parametrize("name, content", [
    ("00000002.history", b"1\t0/3000000\tno recovery target specified\n"),
    ("000000010000000000000002.00000028.backup", b"START WAL LOCATION: 0/2000028\n")])
def test_history_and_backup_files_come_back_as_they_were(archive, name, content):
    assert archive.push(archive.file(name, content)).returncode == 0
    assert archive.fetch(name)[:2] == (0, content)
    archive.object(name).unlink()  # the archive is shared: other tests expect it to be absent


def test_a_partial_segment_is_kept_beside_the_whole_one(archive):
    name = f"{archive.segment}.partial"
    half = archive.original[:len(archive.original) // 2]
    partial = archive.file(name, half + bytes(len(archive.original) - len(half)))
    assert archive.push(partial).returncode == 0
    assert archive.fetch(name)[:2] == (0, partial.read_bytes())
    assert archive.fetch(archive.segment)[:2] == (0, archive.original)


def test_a_second_push_of_the_same_bytes_succeeds_and_changes_nothing(archive):
    path = archive.file(archive.segment, archive.original)
    before = archive.repository()
    for _ in range(2):
        assert archive.push(path).returncode == 0
    assert changes(before, archive.repository()) == []


def test_other_bytes_under_a_stored_name_are_refused(archive):
    # Still a well-formed segment of this server: an unused byte at the end differs.
    changed = archive.original[:-1] + bytes([archive.original[-1] ^ 1])
    before = archive.repository()
    result = archive.push(archive.file(archive.segment, changed))
    assert result.returncode == 12, result.stderr
    assert archive.segment in result.stderr and "other content" in result.stderr
    assert changes(before, archive.repository()) == []
    assert archive.fetch(archive.segment)[:2] == (0, archive.original)


@pytest.mark.parametrize("name, content", [
    ("0000000100000000000000CC", lambda original: original),
    ("0000000100000001000000CC", lambda original: original),
    ("0000000100000000000000CC.partial", lambda original: original),
    ("SEGMENT", lambda original: original[:len(original) // 2]),
    ("SEGMENT", lambda original: original[:-1]),
    ("SEGMENT", lambda original: original[:4096]),
    ("SEGMENT", lambda original: original + bytes(8192)),
    ("SEGMENT", lambda original: bytes(len(original))),
    ("0000000100000000000000CC", lambda original: b""),
    ("0000000100000000000000CC", lambda original: b"no WAL at all" * 100),
], ids=["other number", "other log", "other partial", "half", "a byte short", "half a page",
        "too long", "zeros", "empty", "garbage"])
def test_a_file_that_is_not_the_segment_of_its_name_is_refused(archive, name, content):
    name = name.replace("SEGMENT", archive.segment)
    before = archive.repository()
    result = archive.push(archive.file(name, content(archive.original)))
    assert result.returncode in (5, 12), result.stderr
    assert name in result.stderr
    assert changes(before, archive.repository()) == []


def test_a_half_written_segment_is_refused_though_its_name_is_free(archive):
    stored = archive.object(archive.segment)
    away = stored.rename(archive.work / "away")
    try:
        for cut in (8192, 1 << 20, len(archive.original) - 8192):
            result = archive.push(archive.file(archive.segment, archive.original[:cut]))
            assert result.returncode == 5, f"{cut}: {result.returncode} {result.stderr}"
            assert not stored.exists()
    finally:
        away.rename(stored)


def test_pushing_what_is_no_wal_file_or_does_not_exist_fails_with_its_name(archive):
    result = archive.push(archive.file("notes.txt", b"x"))
    assert result.returncode == 2 and "notes.txt" in result.stderr
    result = archive.push(archive.work / "0000000100000000000000CD")
    assert result.returncode == 3 and "0000000100000000000000CD" in result.stderr


def test_paths_are_relative_to_the_working_directory_and_no_environment_is_needed(archive):
    archive.server.sql("INSERT INTO load VALUES (0)")
    name = archive.server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    archive.server.wait_archived()
    stored = archive.object(name)
    config = f"--config={archive.scratch.root}/config/backup.config.json"
    stored.unlink()
    archive.scratch.run(["env", "-i", archive.scratch.program, config, "wal", "push",
                         f"pg_wal/{name}"], cwd=archive.server.data)
    assert stored.exists()
    archive.scratch.run(["env", "-i", archive.scratch.program, config, "wal", "fetch", name,
                         "relative"], cwd=archive.work)
    assert (archive.work / "relative").read_bytes() == \
        (archive.server.data / "pg_wal" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [1, 64])
def test_every_segment_size_is_archived_and_restored(scratch, megabytes):
    archive = make_archive(scratch, f"--wal-segsize={megabytes}")
    assert len(archive.original) == megabytes << 20
    assert archive.fetch(archive.segment)[:2] == (0, archive.original)
    scratch.pgcairn("backup")
    archive.server.sql("INSERT INTO load SELECT g FROM generate_series(1001, 30000) g")
    archive.server.wait_archived()
    scratch.pgcairn("restore", f"--target-dir={scratch.root}/restored")
    restored = scratch.server("restored")
    restored.start_recovered()
    assert restored.sql("SELECT count(*), max(id) FROM load") == "30000|30000"
