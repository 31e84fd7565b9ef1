"""A tablespace made after the backup: recovery writes at the place that the log names, so that must
never be a directory somebody else uses."""

import shutil
from types import SimpleNamespace

import pytest

from restore_proof import ALONE
from scratch import Scratch
from stopped_runs import Stopper
from tree_state import changes, tree_state

REFUSED = 12


@pytest.fixture(name="later", scope="module")
def _later():
    """A backup, then a tablespace with a table, archived. The server goes on running."""
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb()
        scratch.protect(server)
        server.sql("ALTER SYSTEM SET archive_timeout = 0")
        server.sql("SELECT pg_reload_conf()")
        scratch.pgcairn("backup")
        server.sql("CREATE TABLE before AS SELECT 1 AS id")
        position = server.sql("SELECT pg_create_restore_point('before')")
        place = scratch.make_directory("later space")
        server.sql(f"CREATE TABLESPACE later LOCATION '{place}'")
        server.sql("CREATE TABLE inside TABLESPACE later AS "
                   "SELECT g AS id FROM generate_series(1, 1000) g")
        server.sql("CHECKPOINT")
        server.wait_archived()
        yield SimpleNamespace(scratch=scratch, server=server, place=place, position=position)


def state(path):
    return {name: entry for name, entry in tree_state(path).items() if "pg_internal" not in name}


def test_a_trial_restore_does_not_write_into_the_live_one(later):
    held = state(later.place)
    result = later.scratch.pgcairn("restore", "--test", check=False)
    assert result.returncode == REFUSED, result.stderr
    assert str(later.place) in result.stderr and "take a backup" in result.stderr
    assert changes(held, state(later.place)) == []
    # What the hint says.
    before = result.stderr.split("or stop before it: ")[1].split("\n")[0].split()
    assert before[0].startswith("--lsn=") and before[1] == "--exclusive"
    later.scratch.pgcairn("restore", "--test", *before)
    later.scratch.pgcairn("restore", "--test", "--name=before")
    assert changes(held, state(later.place)) == []
    assert later.server.sql("SELECT count(*) FROM inside") == "1000"


def test_a_restore_beside_the_live_one_is_refused(later):
    held = state(later.place)
    target = later.scratch.root / "beside"
    result = later.scratch.pgcairn("restore", f"--target-dir={target}", check=False)
    assert result.returncode == REFUSED, result.stderr
    assert str(later.place) in result.stderr and "running server" in result.stderr
    assert not (target / "PG_VERSION").exists()
    assert changes(held, state(later.place)) == []
    later.scratch.pgcairn("restore", f"--target-dir={later.scratch.root}/early", "--name=before")
    early = later.scratch.server("early")
    early.start_recovered(*ALONE)
    assert early.sql("SELECT id FROM before") == "1"
    early.stop()


def test_a_backup_that_holds_it_can_be_tried(later):
    later.scratch.pgcairn("backup", "--type=incremental")
    later.scratch.pgcairn("restore", "--test")


def test_on_another_host_the_directory_is_made(later):
    """The place is absent there."""
    aside = later.place.rename(later.place.with_name("aside"))
    first = later.scratch.pgcairn_json("list")["backups"][0]["backup_id"]
    try:
        later.scratch.pgcairn("restore", f"--target-dir={later.scratch.root}/moved",
                              f"--source={first}")
        moved = later.scratch.server("moved")
        moved.start_recovered(*ALONE)
        assert moved.sql("SELECT count(*), sum(id) FROM inside") == "1000|500500"
        assert moved.sql("SELECT pg_tablespace_location(oid) FROM pg_tablespace "
                         "WHERE spcname = 'later'") == str(later.place)
        moved.stop()
    finally:
        shutil.rmtree(later.place, ignore_errors=True)
        aside.rename(later.place)


@pytest.mark.slow
@pytest.mark.parametrize("major", (13, 14, 16, 17, 18))
def test_the_record_is_read_in_every_version(scratch, major):
    server = scratch.server(bindir=scratch.server_programs(major))
    server.initdb()
    scratch.protect(server, cluster={"bin_dir": str(server.bindir)})
    scratch.pgcairn("backup")
    place = scratch.make_directory("space")
    server.sql(f"CREATE TABLESPACE later LOCATION '{place}'")
    server.sql("CREATE TABLE inside (id int) TABLESPACE later")
    server.wait_archived()
    result = scratch.pgcairn("restore", "--test", check=False)
    assert result.returncode == REFUSED and str(place) in result.stderr, result.stderr
    scratch.pgcairn("restore", "--test", "--immediate")


@pytest.mark.slow
def test_one_made_while_the_backup_runs(scratch):
    """The backup may hold it, and recovery makes it all the same."""
    server = scratch.server()
    server.initdb()
    scratch.protect(server)
    stopper = Stopper(scratch)
    first_pack = next(point for point in stopper.points_of("backup")
                      if point.kind == "put packs")
    run = stopper.start("backup", at=first_pack)
    try:
        assert run.wait(), run.messages()
        place = scratch.make_directory("space")
        server.sql(f"CREATE TABLESPACE meanwhile LOCATION '{place}'")
        server.sql("CREATE TABLE inside TABLESPACE meanwhile AS "
                   "SELECT g AS id FROM generate_series(1, 1000) g")
        server.sql("CHECKPOINT")
        assert run.go_on() == 0, run.messages()
    finally:
        run.end()
    server.wait_archived()
    held = state(place)
    for command in (("restore", "--test"), ("restore", "--test", "--immediate"),
                    ("restore", f"--target-dir={scratch.root}/beside")):
        result = scratch.pgcairn(*command, check=False)
        assert result.returncode == REFUSED and str(place) in result.stderr, result.stderr
    assert changes(held, state(place)) == []
    server.stop()
    shutil.rmtree(place)
    scratch.pgcairn("restore", f"--target-dir={scratch.root}/elsewhere")
    restored = scratch.server("elsewhere")
    restored.start_recovered(*ALONE)
    assert restored.sql("SELECT count(*), sum(id) FROM inside") == "1000|500500"
