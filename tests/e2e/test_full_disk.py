"""No room on the repository, on what is restored to, or where WAL is fetched to: a clear error, the
exit status of it, nothing spoiled, and everything goes on once there is room."""

import pathlib
import shutil
import time

import pytest

from bulk_rows import make_bulk
from restore_proof import cold_contents, repository_is_valid, require_recovers, require_restorable
from scratch import Failed, give_to_server_user
from small_disk import SmallDisk

NO_SPACE = 8
REFUSED = 12
FETCH_NO_SPACE = 200 + NO_SPACE
MIB = 1 << 20


def require_clear(result, path, status=NO_SPACE):
    assert result.returncode == status, f"{result.returncode}: {result.stdout}{result.stderr}"
    assert str(path) in result.stderr, result.stderr
    assert "HINT: free some space" in result.stderr, result.stderr


def wait_for_failed_archiving(server, segment, timeout=30):
    deadline = time.monotonic() + timeout
    while server.sql("SELECT coalesce(last_failed_wal, '') FROM pg_stat_archiver") != segment:
        if time.monotonic() > deadline:
            raise Failed(f"archiving {segment} does not fail:\n{server.log_text()[-2000:]}")
        time.sleep(0.05)


def stored(repository, pattern):
    return [path for path in repository.glob(f"clusters/main/{pattern}") if path.is_file()]


# The repository

@pytest.mark.slow
@pytest.mark.parametrize("scarce", ["bytes", "inodes"])
def test_a_full_repository_loses_nothing_and_goes_on_when_there_is_room(scratch, scarce):
    server = scratch.server()
    server.initdb()
    server.configure("wal_keep_size = 1GB")
    server.start()
    make_bulk(server, 24)
    with SmallDisk(scratch.root / "disk") as disk:
        repository = disk.path / "repository"
        scratch.protect(server, storage={"local_path": str(repository)})
        good = scratch.pgcairn_json("backup")["backup_id"]
        server.wait_archived()

        # Room for the lease, some WAL and a part of the packs.
        if scarce == "bytes":
            disk.resize(size=disk.used_bytes() + 8 * MIB)
        else:
            disk.resize(inodes=disk.used_inodes() + 5)
        packs = sorted(stored(repository, "packs/*/*"))
        require_clear(scratch.pgcairn("backup", check=False), repository)
        assert sorted(stored(repository, "packs/*/*")) == packs
        listed = repository_is_valid(scratch)
        assert [backup["backup_id"] for backup in listed["backups"]] == [good]
        assert stored(repository, "leases/*") == []

        segment = fail_to_archive(scratch, server, disk, scarce)
        # What is stored can be read without any room.
        target = scratch.root / "while-full"
        scratch.pgcairn("restore", f"--target-dir={target}")
        shutil.rmtree(target)

        disk.resize()
        server.sql("INSERT INTO bulk VALUES (-2, 'when there was room again')")
        server.wait_archived(timeout=120)
        scratch.pgcairn("wal", "fetch", segment, scratch.root / "fetched")
        assert (scratch.root / "fetched").read_bytes() == \
            (server.data / "pg_wal" / segment).read_bytes()
        again = scratch.pgcairn_json("backup")["backup_id"]
        held = cold_contents(server)
        listed = repository_is_valid(scratch)
        assert [backup["backup_id"] for backup in listed["backups"]] == [good, again]
        assert listed["wal_gaps"] == []
        for source in (good, again):
            require_restorable(scratch, held, source, [f"--source={source}"])


def fail_to_archive(scratch, server, disk, scarce):
    """Takes the last room; the server writes on and keeps what it cannot archive. Returns that
    segment."""
    repository = disk.path / "repository"
    if scarce == "bytes":
        disk.fill()
    else:
        disk.resize(inodes=disk.used_inodes())
    server.sql("INSERT INTO bulk VALUES (-1, 'while the repository was full')")
    segment = server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    server.sql("SELECT pg_switch_wal()")
    wait_for_failed_archiving(server, segment)
    server.sql("CHECKPOINT")
    assert (server.data / f"pg_wal/archive_status/{segment}.ready").exists()
    assert "archive command failed with exit code 8" in server.log_text()
    require_clear(scratch.pgcairn("wal", "push", server.data / "pg_wal" / segment, check=False),
                  repository)
    assert stored(repository, f"wal/*/*/{segment}") == []
    # Not even the lease finds room; asking what there is needs none.
    require_clear(scratch.pgcairn("backup", check=False), repository)
    repository_is_valid(scratch)
    assert server.sql("SELECT count(*) FROM bulk WHERE id < 0") == "1"
    return segment


def recovery_key(text):
    keys = [line for line in text.split("\n") if line.startswith("PGCAIRN-ACCESS-KEY-1")]
    return keys[0] if keys else None


@pytest.mark.slow
@pytest.mark.parametrize("scarce", ["bytes", "inodes"])
def test_init_that_ran_out_of_room_can_be_repeated_without_losing_the_recovery_key(
        unprotected, scarce):
    """Whatever object it is that finds no room."""
    scratch, server = unprotected
    for room in range(1, 60):
        limit = {"inodes": room} if scarce == "inodes" else {"size": room * 4096}
        with SmallDisk(scratch.root / f"disk{room}", **limit) as disk:
            repository = disk.path / "repository"
            sections = {"storage": {"local_path": str(repository)},
                        "encryption": {"key_file": f"{scratch.root}/{room}.key"}}
            scratch.write_config(server, **sections)
            first = scratch.pgcairn("init", check=False)
            if first.returncode == 0:
                break
            require_clear(first, disk.path)
            disk.resize()
            second = scratch.pgcairn("init")

            objects = {str(path.relative_to(repository)) for path in repository.rglob("*")
                       if path.is_file()}
            twice = {"repository", *(name for name in objects if "/epochs/" in name)}
            assert {f"{name}.copy" for name in twice if not name.endswith(".copy")} <= objects, room
            shown = recovery_key(second.stdout) or recovery_key(first.stdout + first.stderr)
            assert shown, f"room for {room}: nobody was shown the recovery key"
            key = scratch.root / f"{room}.recovery"
            key.write_text(shown + "\n")
            key.chmod(0o600)
            give_to_server_user(key)
            scratch.write_config(server, **{**sections, "encryption": {"key_file": str(key)}})
            assert scratch.pgcairn_json("list")["backups"] == []
    assert 5 < room < 59


# Where it is restored to

@pytest.fixture(name="backed_up")
def _backed_up(protected):
    """(scratch, server, what it holds, the backup as `show` tells it). The server is stopped."""
    scratch, server = protected
    place = scratch.make_directory("space")
    server.sql(f"CREATE TABLESPACE side LOCATION '{place}'")
    make_bulk(server, 12, "in_space", "TABLESPACE side")
    make_bulk(server, 4)
    # Each takes more of a disk than its length says.
    folder = server.data / "crumbs"
    folder.mkdir(mode=0o700)
    for number in range(1000):
        (folder / str(number)).write_text(".")
    for path in (folder, *folder.iterdir()):
        give_to_server_user(path)
    scratch.pgcairn("backup")
    return scratch, server, cold_contents(server), scratch.pgcairn_json("show")


def restore(scratch, target, space):
    return scratch.pgcairn("restore", f"--target-dir={target}", f"--tablespace-map=side={space}",
                           check=False)


def require_cannot_start(scratch, target):
    assert not (target / "global/pg_control").exists()
    with pytest.raises(Failed):
        scratch.server(target).start()


def require_second_attempt(backed_up, disk, target, space):
    """What the first one left is refused; with room, and emptied, the next one is whole."""
    scratch, _, held, _ = backed_up
    require_cannot_start(scratch, target)
    disk.resize()
    again = restore(scratch, target, space)
    assert again.returncode == REFUSED and str(target) in again.stderr
    for folder in (target, space):
        shutil.rmtree(folder, ignore_errors=True)
    done = restore(scratch, target, space)
    assert done.returncode == 0, done.stderr
    require_recovers(scratch.server(target), held)


@pytest.mark.slow
def test_too_little_room_is_refused_before_anything_is_written(backed_up):
    scratch, *_ = backed_up
    with SmallDisk(scratch.root / "disk", size="4m") as disk:
        require_clear(restore(scratch, disk.path / "new", disk.path / "space"), disk.path)
        assert list(disk.path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("scarce", ["bytes", "inodes"])
def test_a_restore_that_runs_out_of_room_leaves_nothing_that_starts(backed_up, scarce):
    scratch, _, _, backup = backed_up
    # All the room that the lengths of the files ask for, and not what they take.
    room = {"size": backup["bytes"] + 2 * MIB} if scarce == "bytes" else {"inodes": 300}
    with SmallDisk(scratch.root / "disk", **room) as disk:
        target, space = disk.path / "new", disk.path / "space"
        require_clear(restore(scratch, target, space), disk.path)
        require_second_attempt(backed_up, disk, target, space)


@pytest.mark.slow
def test_a_tablespace_that_runs_out_of_room_is_named(backed_up):
    scratch, *_ = backed_up
    with SmallDisk(scratch.root / "disk", size="4m") as disk:
        target, space = scratch.root / "new", disk.path / "space"
        require_clear(restore(scratch, target, space), space)
        require_second_attempt(backed_up, disk, target, space)


@pytest.mark.slow
def test_room_on_the_disk_of_a_tablespace_counts(backed_up):
    scratch, _, held, backup = backed_up
    with SmallDisk(scratch.root / "disk", size=backup["bytes"] - 6 * MIB) as disk:
        target, space = disk.path / "new", scratch.root / "elsewhere"
        done = restore(scratch, target, space)
        assert done.returncode == 0, done.stderr
        # Recovery needs room for WAL.
        disk.resize()
        require_recovers(scratch.server(target), held)


# Where WAL is fetched to

@pytest.mark.parametrize("scarce", [{"size": MIB}, {"inodes": 1}], ids=["bytes", "inodes"])
def test_a_segment_is_fetched_whole_or_not_at_all(protected, scarce):
    scratch, server = protected
    server.sql("CREATE TABLE t AS SELECT 1")
    segment = server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    server.wait_archived()
    original = (server.data / "pg_wal" / segment).read_bytes()
    with SmallDisk(scratch.root / "disk", **scarce) as disk:
        destination = disk.path / "RECOVERYXLOG"
        for _ in range(2):
            result = scratch.pgcairn("wal", "fetch", segment, destination, check=False)
            require_clear(result, destination, FETCH_NO_SPACE)
            assert list(disk.path.iterdir()) == []
        disk.resize()
        scratch.pgcairn("wal", "fetch", segment, destination)
        assert pathlib.Path(destination).read_bytes() == original
