"""The versions of PostgreSQL beside 15, on which all other tests run: restores to random moments
under load (on 15: test_recovery_targets.py), and each verb on a cluster with every kind of object."""

import random
import shutil
from types import SimpleNamespace

import pytest

from cluster_contents import Load, ask_indexes, check_by_sql, contents, fill, require_equal
from loaded_history import History, random_target
from noted_history import NotedHistory
from scratch import Scratch, give_to_server_user

MAJORS = (13, 14, 16, 17, 18)
# Alone with its data: nothing is archived and nothing vacuumed while it is compared.
ALONE = ("archive_mode=off", "autovacuum=off")

pytestmark = pytest.mark.slow


@pytest.fixture(name="history", scope="module", params=MAJORS)
def _history(request, session_seed):
    print(f"seed {session_seed}")
    with Scratch() as scratch:
        # Before 15 there is no pg_walinspect to tell the commit records.
        kind = History if request.param > 15 else NotedHistory
        yield kind(scratch, session_seed, request.param)


@pytest.mark.parametrize("count", [3, pytest.param(20, marks=pytest.mark.soak)])
def test_a_restore_brings_exactly_the_rows_committed_up_to_its_stop(history, session_seed, count):
    print(f"seed {session_seed}")
    history.rng = random.Random(f"{session_seed}/{history.major}/{count}")
    order = [(kind, inclusive) for kind in ("timestamp", "lsn", "xid")
             for inclusive in (True, False)]
    if count < len(order):  # each kind at least
        order = [(kind, history.rng.random() < 0.5) for kind in ("timestamp", "lsn", "xid")]
    for number in range(count):
        kind, inclusive = order[number % len(order)]
        if isinstance(history, NotedHistory):
            history.check_random_restore(kind, inclusive)
        else:
            history.check_restore(random_target(history, kind, inclusive))


TARGETS_LEFT = ("recovery_target = 'immediate'", "recovery_target_name = 'long ago'",
                "recovery_target_time = '2020-01-01'", "recovery_target_xid = '3'",
                "recovery_target_lsn = '0/1'")
MEANINGS_LEFT = ("recovery_target_inclusive = off", "recovery_target_timeline = 'latest'",
                 "recovery_target_action = 'shutdown'")


@pytest.mark.parametrize("major", sorted((15, *MAJORS)))
def test_recovery_settings_left_in_the_configuration_do_not_count(scratch, major):
    """A server takes any one target while it does not recover; two are FATAL when it does."""
    programs = scratch.server_programs(major)
    server = scratch.server(bindir=programs)
    server.initdb()
    server.configure("include = 'of-long-ago.conf'")
    (server.data / "of-long-ago.conf").write_text("\n".join((TARGETS_LEFT[2], *MEANINGS_LEFT)))
    give_to_server_user(server.data / "of-long-ago.conf")
    scratch.protect(server, cluster={"bin_dir": str(programs)})
    server.sql("CREATE TABLE t AS SELECT 1 AS n")
    scratch.pgcairn("backup")
    server.sql("INSERT INTO t VALUES (10)")
    point = server.sql("SELECT pg_create_restore_point('here')")
    server.sql("INSERT INTO t VALUES (100)")
    server.wait_archived()
    server.stop()
    for number, (options, total) in enumerate((
            (["--type=pitr", f"--lsn={point}"], 11), (["--type=pitr", "--name=here"], 11),
            (["--type=pitr", "--immediate"], 1), (["--type=full"], 111))):
        scratch.pgcairn("restore", *options, f"--target-dir={scratch.root}/restored {number}")
        restored = scratch.server(f"restored {number}", programs)
        restored.start_recovered()
        assert restored.sql("SELECT sum(n) FROM t") == str(total), options
        restored.stop()
    # Of whatever kind they are.
    shutil.rmtree(restored.data)
    scratch.pgcairn("restore", "--type=pitr", f"--lsn={point}", f"--target-dir={restored.data}")
    restored.configure(*TARGETS_LEFT)
    restored.start_recovered()
    assert restored.sql("SELECT sum(n) FROM t") == "11"


@pytest.fixture(name="cluster", scope="module", params=MAJORS)
def _cluster(request):
    """A cluster with everything in it, backed up under load by the role of least privilege."""
    major = request.param
    with Scratch() as scratch:
        programs = scratch.server_programs(major)
        server = scratch.server(bindir=programs)
        server.initdb()
        server.start()
        tablespace = scratch.make_directory("tablespace Ä 1")
        fill(server, tablespace)
        places = {"cluster": {"bin_dir": str(programs)},
                  "restore": {"test_directory": str(scratch.root / "trial")}}
        report = scratch.protect(server, **places)
        server.sql(report["least_privilege_sql"])
        places["cluster"]["connection"] = server.conninfo(user="pgcairn")
        scratch.write_config(server, **places)
        with Load(server):
            backup = scratch.pgcairn_json("backup")
        server.wait_archived()
        yield SimpleNamespace(major=major, scratch=scratch, server=server, programs=programs,
                              tablespace=tablespace, backup=backup)


def test_check_finds_nothing_wrong(cluster):
    report = cluster.scratch.pgcairn_json("check")
    assert {finding["severity"] for finding in report["findings"]} <= {"ok", "warning"}, report
    assert f"PostgreSQL {cluster.major}," in str(report)


def test_list_and_show_know_the_backup_and_its_version(cluster):
    listed = cluster.scratch.pgcairn_json("list")
    assert [b["backup_id"] for b in listed["backups"]] == [cluster.backup["backup_id"]]
    assert listed["wal_gaps"] == [] and len(listed["recovery_windows"]) == 1
    shown = cluster.scratch.pgcairn_json("show", "latest")
    assert shown["server_version_num"] // 10000 == cluster.major
    assert shown["bad_page_count"] == 0


def test_verify_finds_everything_whole(cluster):
    report = cluster.scratch.pgcairn_json("verify", "--all")
    assert report["ok"] and report["damaged"] == []
    assert report["pages_checked"] > 1000 and report["wal_files"] > 1


def test_an_archived_segment_comes_back_byte_for_byte(cluster):
    scratch, server = cluster.scratch, cluster.server
    name = server.sql("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
    server.sql("CREATE TABLE written AS SELECT 1")
    server.wait_archived()
    written = (server.data / "pg_wal" / name).read_bytes()
    fetched = scratch.make_directory("fetched") / name
    scratch.pgcairn("wal", "fetch", name, fetched)
    assert fetched.read_bytes() == written
    # Archived already, and equal.
    scratch.pgcairn("wal", "push", fetched)
    assert scratch.pgcairn("wal", "fetch", "00000001000000FF000000FF", fetched,
                           check=False).returncode == 1


def test_a_trial_restore_asks_every_database(cluster):
    report = cluster.scratch.pgcairn_json("restore", "--test")
    assert {"app", "elsewhere", "postgres"} <= {d["name"] for d in report["databases"]}
    assert all(database["relations"] > 300 for database in report["databases"])


def test_the_restored_cluster_equals_the_original(cluster):
    scratch, server = cluster.scratch, cluster.server
    server.sql("CREATE TABLE the_last AS SELECT 1", "app")
    server.wait_archived()
    server.stop()
    server.start(*ALONE)
    held = contents(server)
    server.stop()
    place = scratch.root / "moved"
    scratch.pgcairn("restore", "--type=full", f"--target-dir={scratch.root}/restored",
                    f"--tablespace-map={cluster.tablespace}={place}")
    restored = scratch.server("restored", cluster.programs)
    restored.start_recovered(*ALONE)
    require_equal(held, contents(restored))
    ask_indexes(restored)
    check_by_sql(restored, cluster.major)
    restored.stop()
