"""A restored cluster is the one that was backed up: every relation, every mode, every place."""

import json
import os
import pathlib
import shlex
import shutil
import stat
from types import SimpleNamespace

import pytest

from cluster_contents import (Load, amcheck, ask_indexes, contents, databases, fill, lsn,
                              require_equal)
from debian_server import DebianServer
from scratch import CLIENT_BINDIR, Failed, Scratch, give_to_server_user
from tree_state import changes, tree_state

REFUSED = 12
USAGE = 2
# Alone with its data: nothing is archived and nothing vacuumed while it is compared.
ALONE = ("archive_mode=off", "autovacuum=off")
WRITTEN_BY_RESTORE = {"backup_label", "tablespace_map", "recovery.signal", "postgresql.auto.conf",
                      "global/pg_control"}

KINDS = {
    "checksums": SimpleNamespace(initdb=[], checksums=True, directory=0o700, file=0o600),
    "no_checksums_small_segments_group_access": SimpleNamespace(
        initdb=["--wal-segsize=1", "-g"], checksums=False, directory=0o750, file=0o640),
}


@pytest.fixture(scope="module", params=KINDS)
def backed_up(request):
    """A cluster with everything in it, a backup that was taken under load, and what the cluster
    held at the end. The server is stopped."""
    kind = KINDS[request.param]
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb(*kind.initdb, checksums=kind.checksums)
        tablespace = scratch.make_directory("tablespace Ä 1")
        for name, mode in {"server.key": 0o400, "notes.txt": 0o640, "run-me": 0o700}.items():
            (server.data / name).write_text(f"{name}\n")
            (server.data / name).chmod(mode)
            give_to_server_user(server.data / name)
        server.configure("max_prepared_transactions = 3")
        server.start()
        fill(server, tablespace)
        scratch.protect(server)
        server.sql("BEGIN; INSERT INTO t VALUES (-1); PREPARE TRANSACTION 'half-way'", "elsewhere")
        with Load(server) as load:
            assert temporary_relations(server.data / "base")
            backup = back_up_while_a_database_is_made(scratch, load)
        server.wait_archived()
        server.stop()
        # The cold cluster itself takes the place of a copy of it: nothing runs on it any more.
        server.start(*ALONE)
        held = contents(server)
        server.stop()
        yield SimpleNamespace(kind=kind, scratch=scratch, server=server, tablespace=tablespace,
                              backup=backup, load=load, held=held, files=tree_state(server.data))


def back_up_while_a_database_is_made(scratch, load, tries=20):
    """On a busy machine none may come to its end within a backup, which is short."""
    for _ in range(tries):
        backup = scratch.pgcairn_json("backup")
        if made_during(load, backup):
            return backup
    raise Failed(f"no database was made while one of {tries} backups ran")


def made_during(load, backup):
    return [at for at in load.database_lsns
            if lsn(backup["start_lsn"]) <= at <= lsn(backup["stop_lsn"])]


def temporary_relations(folder):
    return [path for path in folder.rglob("t*_*") if path.name[1].isdigit()]


def require_sound(server, checksums):
    """Structure and checksums of all that a stopped or running restored server holds."""
    ask_indexes(server)
    amcheck(server)
    server.stop()
    if checksums:
        server.scratch.run([CLIENT_BINDIR / "pg_checksums", "--check", "-D", server.data])


@pytest.mark.slow
def test_restored_cluster_equals_the_cold_original(backed_up):
    scratch = backed_up.scratch
    new_place = scratch.root / "moved" / "tablespace ß"
    scratch.pgcairn("restore", "--type=full", f"--target-dir={scratch.root}/restored",
                    f"--tablespace-map={backed_up.tablespace}={new_place}")
    restored = scratch.server("restored")
    require_same_files(backed_up, restored.data, new_place)

    restored.start_recovered(*ALONE)
    require_equal(backed_up.held, contents(restored))
    assert restored.sql("SELECT pg_tablespace_location(oid) FROM pg_tablespace "
                        "WHERE spcname = 'fast'") == str(new_place)
    assert restored.sql("SHOW data_checksums") == ("on" if backed_up.kind.checksums else "off")
    # Unlogged tables take rows again, and no sequence repeats itself.
    restored.sql("INSERT INTO fleeting (note) VALUES ('back')", "app")
    assert restored.sql("SELECT id, note FROM fleeting", "app") == "1|back"
    assert int(restored.sql("SELECT nextval('counting')", "app")) > 95
    restored.sql("COMMIT PREPARED 'half-way'", "elsewhere")
    assert restored.sql("SELECT min(g) FROM t", "elsewhere") == "-1"
    require_sound(restored, backed_up.kind.checksums)


def require_same_files(backed_up, data, tablespace):
    """Modes and owners before the first start; no temporary relation came along."""
    kind = backed_up.kind
    found = tree_state(data)
    assert stat.S_IMODE(data.stat().st_mode) == kind.directory
    assert stat.S_IMODE(tablespace.stat().st_mode) == kind.directory
    assert {name: entry[1] for name, entry in found.items() if name in WRITTEN_BY_RESTORE} == \
        {name: kind.file for name in WRITTEN_BY_RESTORE}
    for name in ("server.key", "notes.txt", "run-me"):
        assert found[name][:3] == backed_up.files[name][:3]
        assert (data / name).read_text() == f"{name}\n"
    same = found.keys() & backed_up.files.keys()
    assert {"pg_wal/archive_status", "pg_tblspc", "base/1/PG_VERSION"} <= same
    assert {name for name in same if found[name][:3] != backed_up.files[name][:3]} == set()
    for folder in (data, tablespace):
        assert temporary_relations(folder) == []
        assert list(folder.rglob("pgsql_tmp*/*")) == []
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tablespace.rglob("*")}
    assert modes == {kind.directory, kind.file}


@pytest.mark.slow
def test_tablespaces_never_go_where_nobody_sent_them(backed_up):
    scratch = backed_up.scratch
    target = scratch.root / "never"
    unmapped = scratch.pgcairn("restore", f"--target-dir={target}", check=False)
    assert unmapped.returncode == REFUSED
    assert "--tablespace-map" in unmapped.stderr and str(backed_up.tablespace) in unmapped.stderr
    fits = f"--tablespace-map={backed_up.tablespace}={scratch.root}/never-ts"
    nowhere = scratch.pgcairn("restore", f"--target-dir={target}", fits,
                              f"--tablespace-map=/no/such/place={scratch.root}/x", check=False)
    assert nowhere.returncode == USAGE
    assert "/no/such/place" in nowhere.stderr
    assert not target.exists() and not (scratch.root / "never-ts").exists()


@pytest.mark.slow
def test_a_destroyed_cluster_comes_back_in_its_own_place(backed_up):
    scratch, server = backed_up.scratch, backed_up.server
    shutil.rmtree(server.data)
    shutil.rmtree(backed_up.tablespace)
    report = scratch.pgcairn_json("restore")
    assert report["data_directory"] == str(server.data)
    assert stat.S_IMODE(backed_up.tablespace.stat().st_mode) == backed_up.kind.directory
    server.start_recovered(*ALONE)
    require_equal(backed_up.held, contents(server))


@pytest.mark.slow
def test_segments_beyond_one_gibibyte(scratch):
    server = scratch.server()
    server.initdb()
    # Without WAL while it is filled, so that only the backup carries the table.
    server.start("wal_level=minimal", "max_wal_senders=0", "max_wal_size=4GB")
    # 4 rows on a page, too short for TOAST and compression.
    server.sql("CREATE TABLE big AS SELECT g AS id, repeat(md5(g::text), 62) AS body "
               "FROM generate_series(1, 560000) g")
    server.sql("CREATE INDEX ON big (id)")
    assert int(server.sql("SELECT pg_relation_size('big')")) > 1 << 30
    server.stop()
    scratch.protect(server)
    path = server.sql("SELECT pg_relation_filepath('big')")
    scratch.pgcairn("backup")
    server.sql("UPDATE big SET body = 'changed' WHERE id IN (1, 280000, 560000)")
    server.wait_archived()
    server.stop()
    server.start(*ALONE)
    held = contents(server)
    server.stop()

    scratch.pgcairn("restore", f"--target-dir={scratch.root}/restored")
    restored = scratch.server("restored")
    assert (restored.data / path).stat().st_size == 1 << 30
    assert (restored.data / f"{path}.1").stat().st_size > 0
    restored.start_recovered(*ALONE)
    require_equal(held, contents(restored))
    amcheck(restored)
    restored.stop()
    scratch.run([CLIENT_BINDIR / "pg_checksums", "--check", "-D", restored.data])


@pytest.mark.slow
def test_configuration_from_outside_is_restored_beside_the_target(scratch):
    server = DebianServer(scratch, scratch.root / "data")
    scratch.servers.append(server)
    server.initdb()
    scratch.protect(server)
    server.sql("CREATE TABLE t AS SELECT 42 AS n")
    (server.etc / "pg_hba.conf").chmod(0o640)
    scratch.pgcairn("backup")
    server.wait_archived()
    server.stop()
    etc_before = tree_state(scratch.root / "etc")

    target = scratch.root / "restored 'n' $co"
    report = scratch.pgcairn_json("restore", f"--target-dir={target}")
    assert report["config_directory"] == f"{target}.config"
    assert changes(etc_before, tree_state(scratch.root / "etc")) == []
    moved = pathlib.Path(f"{target}.config/{server.etc}")
    for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf", "conf.d/memory.conf",
                 "conf.d/zz-local.conf"):
        assert (moved / name).read_bytes() == (server.etc / name).read_bytes()
        assert (moved / name).stat().st_mode == (server.etc / name).stat().st_mode
    assert stat.S_IMODE(pathlib.Path(f"{target}.config").stat().st_mode) == 0o700

    # Nothing of the origin is there to lean on.
    shutil.rmtree(scratch.root / "etc")
    shutil.rmtree(server.data)
    restored = scratch.server(target.name)
    restored.socket = server.socket
    for command in report["next_commands"]:
        scratch.run(["/bin/sh", "-c", command])
    restored.running = True
    assert restored.sql("SELECT n FROM t") == "42"
    assert restored.sql("SHOW data_directory") == str(target)
    assert restored.sql("SHOW work_mem") == "7MB"
    assert restored.sql("SHOW hba_file") == f"{moved}/pg_hba.conf"
    assert restored.sql("SHOW cluster_name") == "debian/main"
    assert not (scratch.root / "run/main.pid").exists()


@pytest.mark.slow
def test_access_rules_from_outside_beside_an_ordinary_configuration(scratch):
    server = scratch.server()
    server.initdb()
    rules = scratch.root / "rules/pg_hba.conf"
    rules.parent.mkdir()
    shutil.move(server.data / "pg_hba.conf", rules)
    server.configure(f"hba_file = '{rules}'", f"unix_socket_directories = '{server.socket}'")
    scratch.protect(server)
    scratch.pgcairn("backup")
    server.stop()
    report = scratch.pgcairn_json("restore", f"--target-dir={scratch.root}/restored")
    shutil.rmtree(rules.parent)
    restored = scratch.server("restored")
    restored.socket = server.socket
    for command in report["next_commands"]:
        scratch.run(["/bin/sh", "-c", command])
    restored.running = True
    assert restored.sql("SHOW hba_file") == f"{scratch.root}/restored.config{rules}"


def test_a_trial_backup_keeps_nothing_but_wal(protected):
    scratch, server = protected
    repository = scratch.root / "repository"

    def without_wal():
        return {name: entry for name, entry in tree_state(repository).items()
                if "/wal/" not in name and not name.endswith("/wal")}

    server.wait_archived()
    before = without_wal()
    trial = scratch.pgcairn("backup", "--test")
    assert "nothing was kept" in trial.stdout
    assert changes(before, without_wal()) == []
    assert scratch.pgcairn_json("backup", "--test")["test"] is True
    assert changes(before, without_wal()) == []
    assert scratch.pgcairn_json("list")["backups"] == []


# pg_ctl gives its arguments to a second shell.
@pytest.mark.parametrize("name", ["with a space", "it's $HOME `id` \\$x \"q\" \\"])
def test_printed_command_starts_an_ordinary_restore(protected, name):
    scratch, server = protected
    server.configure(f"unix_socket_directories = '{server.socket}'")
    scratch.pgcairn("backup")
    server.stop()
    report = scratch.pgcairn_json("restore", f"--target-dir={scratch.root}/{name}")
    assert len(report["next_commands"]) == 1
    words = shlex.split(report["next_commands"][0])
    assert "start" in words and f"{scratch.root}/{name}.log" in words
    restored = scratch.server(name)
    restored.socket = server.socket
    scratch.run(["/bin/sh", "-c", report["next_commands"][0]])
    restored.running = True
    assert "template1" in databases(restored)
    assert restored.sql("SHOW data_directory") == f"{scratch.root}/{name}"
    assert (scratch.root / f"{name}.log").read_text() != ""


def test_a_tablespace_behind_a_relative_link_comes_back_wherever_it_is_wanted(scratch):
    """As somebody made it by hand, so that directory and tablespace can be moved together."""
    above = scratch.make_directory("above")
    server = scratch.server("above/data")
    server.initdb()
    space = scratch.make_directory("above/space")
    scratch.protect(server)
    server.sql(f"CREATE TABLESPACE x LOCATION '{space}'")
    server.sql("CREATE TABLE t TABLESPACE x AS SELECT 42 AS n")
    server.stop()
    [link] = (server.data / "pg_tblspc").iterdir()
    link.unlink()
    link.symlink_to("../../space")
    # The link is what counts, and not the way to it.
    (scratch.root / "somewhere").mkdir()
    (scratch.root / "somewhere/data").symlink_to(server.data)
    scratch.write_config(server, cluster={"data_directory": str(scratch.root / "somewhere/data")})
    server.start()
    assert server.sql("SELECT n, pg_tablespace_location(spc.oid) FROM t, pg_tablespace spc "
                      "WHERE spcname = 'x'") == "42|../../space"
    scratch.pgcairn("backup")
    [tablespace] = scratch.pgcairn_json("show", "latest")["tablespaces"]
    assert tablespace["location"] == str(space)
    config = json.loads((scratch.root / "config/backup.config.json").read_text())
    scratch.write_config(server, storage={"local_path": str(space / "repository")})
    inside = scratch.pgcairn("check", check=False)
    assert inside.returncode != 0 and "lies inside" in inside.stdout + inside.stderr
    scratch.write_config(server, **config)
    server.wait_archived()
    server.stop()

    def holds(restored, place):
        restored.start_recovered(*ALONE)
        assert restored.sql("SELECT n FROM t") == "42"
        restored.stop()
        assert os.readlink(restored.data / "pg_tblspc" / link.name) == str(place)

    moved = scratch.root / "moved"
    scratch.pgcairn("restore", f"--target-dir={scratch.root}/restored",
                    f"--tablespace-map={space}={moved}")
    holds(scratch.server("restored"), moved)
    # Recovery makes the links as the map says, even in a directory of another depth.
    shutil.rmtree(space)
    scratch.pgcairn("restore", f"--target-dir={scratch.root}/deep/er",
                    f"--tablespace-map={space}={space}")
    holds(scratch.server("deep/er"), space)
    # Where it is the same place, a delta restore takes it as such.
    link.unlink()
    link.symlink_to("../../space")
    report = scratch.pgcairn_json("restore", f"--target-dir={server.data}", "--delta",
                                  f"--tablespace-map=x={space}")
    assert 0 < report["pages_compared"]
    holds(server, space)
    assert not [path for path in above.iterdir() if path.name not in ("data", "space")]
