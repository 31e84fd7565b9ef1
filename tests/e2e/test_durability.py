"""What is durable when a run has ended well, and in which order it became so: the promises of
storage.h, wal.h, backup.h, restore.h, init.h and what they rest on."""

import re
import shutil

import pytest

from recorded_calls import Recorder
from scratch import BINDIR, give_to_server_user

# Promise nothing: a log is for people, and a lost note of the newest segment costs nothing.
NOT_DURABLE = ("/pgcairn.log", ".segment")


@pytest.fixture
def recorded(protected):
    scratch, server = protected
    return scratch, server, Recorder(scratch)


def require_durable(disk, *of):
    """Nothing that the run left can be lost, and no file got its name before its bytes were safe.
    `of`: texts of names that the run must have made."""
    assert disk.lost(without=NOT_DURABLE) == []
    assert [path for path in disk.too_early if not path.endswith(NOT_DURABLE)] == []
    assert disk.too_late == []
    for text in of:
        assert any(text in path for path in disk.named), f"the run made no {text}"


def test_init_makes_configuration_keys_and_repository_durable(scratch):
    server = scratch.server()
    server.initdb()
    server.start()
    folder = scratch.root / "fresh/deep"
    scratch.environment["DATABASE_URL"] = server.conninfo()
    disk = Recorder(scratch).run("init", config=folder)
    require_durable(disk, "/fresh/deep/", ".key", "/repository", "/keys/", "/epochs/")


def test_everything_that_a_backup_refers_to_is_durable_before_its_manifest(recorded):
    scratch, server, recorder = recorded
    server.sql("CREATE TABLE t AS SELECT g, md5(g::text) FROM generate_series(1, 100000) g")
    committed = []

    def at_name(disk, path):
        if re.fullmatch(r".*/backups/[^/.]+", path):
            others = [name for name in disk.lost(without=NOT_DURABLE) if name != path]
            assert others == []
            committed.append(path)

    disk = recorder.run("backup", at_name=at_name)
    assert committed
    require_durable(disk, "/packs/")


def test_new_access_keys_are_durable_before_the_epoch_that_brings_them_into_force(recorded):
    scratch, _, recorder = recorded
    committed = []

    def at_name(disk, path):
        if path.endswith("/epochs/00000002"):
            others = [name for name in disk.lost(without=NOT_DURABLE) if name != path]
            assert others == []
            committed.append([name for name in disk.named if "/keys/00000002-" in name])

    disk = recorder.run("key", "add", f"--key-file={scratch.root}/keys/second.key",
                        at_name=at_name)
    assert [len(names) for names in committed] == [6], "three access keys under two names"
    require_durable(disk, "/keys/00000002-", "/epochs/00000002.copy", "/second.key")


def test_an_archived_segment_is_durable_when_postgresql_is_told_so(recorded):
    scratch, server, recorder = recorded
    server.stop()
    # Those behind it may be old files under names to come.
    name = re.search(r"REDO WAL file: *([0-9A-F]{24})",
                     scratch.run([BINDIR / "pg_controldata", server.data]).stdout).group(1)
    segment = server.data / "pg_wal" / name
    disk = recorder.run("wal", "push", segment)
    require_durable(disk, segment.name)


def test_a_fetched_segment_has_its_name_only_when_it_is_whole(recorded):
    scratch, server, recorder = recorded
    server.wait_archived()
    name = server.sql("SELECT last_archived_wal FROM pg_stat_archiver")
    disk = recorder.run("wal", "fetch", name, scratch.root / "RECOVERYXLOG")
    assert str(scratch.root / "RECOVERYXLOG") in disk.published
    assert disk.too_late == []


def back_up_from_three_places(scratch):
    """A data directory, a tablespace and configuration outside. Returns the tablespace's place."""
    server = scratch.server()
    server.initdb()
    rules = scratch.make_directory("rules") / "pg_hba.conf"
    shutil.move(server.data / "pg_hba.conf", rules)
    server.configure(f"hba_file = '{rules}'")
    scratch.protect(server)
    place = scratch.make_directory("place")
    server.sql(f"CREATE TABLESPACE away LOCATION '{place}'")
    server.sql("CREATE TABLE t TABLESPACE away AS SELECT generate_series(1, 10000)")
    scratch.pgcairn("backup")
    return place


def test_all_that_was_restored_is_durable_before_a_server_can_start_on_it(scratch):
    place = back_up_from_three_places(scratch)
    target = scratch.root / "restored"
    # They exist, so that each needs a sync of its own and none is reached by a parent's.
    for made in (f"{target}.config", f"{scratch.root}/new-place"):
        scratch.make_directory(made)
    started = []

    def at_name(disk, path):
        if path.endswith("/global/pg_control"):
            others = [name for name in disk.lost(without=NOT_DURABLE) if name != path]
            assert [name for name in others if "pg_control.pgcairn-tmp." not in name] == []
            started.append(path)

    disk = Recorder(scratch).run(
        "restore", "--type=full", f"--target-dir={target}",
        f"--tablespace-map={place}={scratch.root}/new-place", at_name=at_name)
    assert started == [f"{target}/global/pg_control"]
    assert [path for path in disk.unnoticed if not any(text in path for text in NOT_DURABLE)] == []
    require_durable(disk, f"{target}/base/", f"{scratch.root}/new-place/PG_",
                    f"{target}.config/", "/backup_label", "/recovery.signal")


def test_what_an_unfinished_restore_wrote_is_compared_as_the_disk_has_it(scratch):
    """A page that the kernel failed to write stays in its memory, and reads as if all were well."""
    place = back_up_from_three_places(scratch)
    target, space = scratch.root / "restored", scratch.root / "new place"
    arguments = ["restore", f"--target-dir={target}", f"--tablespace-map={place}={space}", "--delta"]
    recorder = Recorder(scratch)

    def forgotten():
        recorder.run(*arguments)
        calls = [(what, path) for what, _, path, _ in recorder.calls()]
        return calls, {path for what, path in calls if what == "forget"}

    for _ in range(2):  # into nothing, and over what was finished
        assert forgotten()[1] == set()
    # As a run leaves it whose last sync failed.
    control = target / "global/pg_control"
    marker = target / "pgcairn.restoring"
    system = int.from_bytes(control.read_bytes()[:8], "little")
    marker.write_text(f"pgcairn restore 1\nsystem_identifier {system}\nbackup_id b\n")
    give_to_server_user(marker)
    control.unlink()
    calls, paths = forgotten()
    compared = [path for root in (target, space, scratch.root / "restored.config")
                for path in root.rglob("*") if path.is_file() and path.stat().st_size]
    not_of_backup = {"pg_control", "backup_label", "tablespace_map", "recovery.signal"}
    assert len(compared) > 700
    assert [path for path in compared
            if str(path) not in paths and path.name not in not_of_backup] == []
    # What was not on its way to the disk yet would not be forgotten.
    first = calls.index(next(call for call in calls if call[0] == "forget"))
    assert {str(target), str(space), f"{target}.config"} <= {
        path for what, path in calls[:first] if what == "sync tree"}
    assert forgotten()[1] == set()


def test_a_restore_needs_no_right_to_read_the_folder_around_it(scratch):
    server = scratch.server()
    server.initdb()
    scratch.protect(server)
    scratch.pgcairn("backup")
    around = scratch.make_directory("around")
    target = scratch.make_directory("around/data")
    around.chmod(0o300)
    try:
        scratch.pgcairn("restore", "--type=full", f"--target-dir={target}")
    finally:
        around.chmod(0o700)
    assert (target / "global/pg_control").exists()
