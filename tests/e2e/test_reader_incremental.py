"""The Python reader and the program restore each backup of a history of incrementals alike, and to
what the server held: pages changed, files that grew, were cut, rewritten, emptied, made and dropped."""

import json
import shutil
import stat
from types import SimpleNamespace

import pytest

from cluster_contents import STRANGE_DATABASE, contents, fill, require_equal
from preloaded_writes import build_library
from reader_example import Credentials, Storage, open_cluster
from scratch import CLIENT_BINDIR, READER, Scratch
from stated_needs import require_true_needs
from tree_state import changes, tree_state

from pgcairn_format.access_key import read_key_file

# They name the program that brings the WAL.
RECOVERY_FILES = {"postgresql.auto.conf", "recovery.signal"}
ALONE = ("archive_mode=off", "autovacuum=off")
# Some 30,000 files are restored here. What is durable, test_durability.py asks.
NO_SYNC = """
int fsync(int fd) { return 0; }
int fdatasync(int fd) { return 0; }
int syncfs(int fd) { return 0; }
"""
# Two leaves of 4,096 pages, the second one half full: what changes in it at a time is a patch.
BIG_TABLE = """
CREATE TABLE big (id int, part int, body text);
INSERT INTO big SELECT g, g / 100, encode(sha512(g::text::bytea), 'hex') FROM generate_series(1, 300000) g;
CREATE INDEX big_id ON big (id);
"""
DIGEST = "SELECT count(*), sum(hashtext(big::text)::bigint) FROM big"


def update_one_percent(server, _):
    server.sql("UPDATE big SET body = reverse(body) WHERE part % 100 = 7", "app")


def update_one_percent_again(server, _):
    server.sql("UPDATE big SET body = reverse(body) WHERE part % 100 = 57", "app")


def append(server, _):
    server.sql("INSERT INTO big SELECT g, -1, md5(g::text) FROM generate_series(1, 10000) g", "app")


def delete(server, _):
    """VACUUM cuts the file, in its second leaf: it does so when a sixteenth goes (vacuumlazy.c)."""
    server.sql("DELETE FROM big WHERE ctid >= "
               "(SELECT format('(%s,0)', pg_relation_size('big') / 8192 - 450)::tid)", "app")
    server.sql("VACUUM (TRUNCATE) big", "app")
    server.sql("DELETE FROM indexed WHERE id % 17 = 0", "app")


def rewrite(server, _):
    server.sql("VACUUM FULL indexed", "app")
    server.sql("REINDEX TABLE big", "app")
    server.sql("TRUNCATE wide; TRUNCATE parted_north", "app")


def exchange_databases(server, scratch):
    """And tablespaces."""
    server.sql("DROP DATABASE elsewhere")
    server.sql("CREATE DATABASE elsewhere TABLESPACE fast")
    server.sql("CREATE TABLE other AS SELECT g, g * g FROM generate_series(1, 3000) g", "elsewhere")
    server.sql(f"CREATE TABLESPACE second LOCATION '{scratch.make_directory('second space')}'")
    server.sql("ALTER TABLE indexed SET TABLESPACE second", "app")


def nothing(_, __):
    pass


STEPS = (update_one_percent, update_one_percent_again, append, delete, rewrite, exchange_databases,
         nothing)


@pytest.fixture(scope="module")
def history():
    """A full backup and an incremental one after each step. The server is stopped."""
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb("--wal-segsize=1")
        server.configure("autovacuum = off", "max_wal_size = 1GB")
        server.start()
        fill(server, scratch.make_directory("first space"))
        # 300 files less to restore a dozen times.
        server.sql('DROP DATABASE "{}"'.format(STRANGE_DATABASE.replace('"', '""')))
        server.sql(BIG_TABLE, "app")
        server.sql("VACUUM big", "app")  # or the one in a step would change every page
        report = scratch.protect(server)
        backups = [take(scratch, server, "full")]
        for step in STEPS:
            step(server, scratch)
            backups.append(take(scratch, server, "incremental", step.__name__))
        server.sql("INSERT INTO big SELECT g, -2, 'after all' FROM generate_series(1, 500) g", "app")
        server.wait_archived()
        server.stop()
        server.start(*ALONE)
        held = contents(server)
        server.stop()
        scratch.environment["LD_PRELOAD"] = str(build_library(scratch, NO_SYNC))
        yield SimpleNamespace(scratch=scratch, backups=backups, held=held,
                              key_file=report["key_file"])


def take(scratch, server, kind, step="full"):
    backup = scratch.pgcairn_json("backup", f"--type={kind}")["backup_id"]
    return SimpleNamespace(id=backup, step=step, digest=server.sql(DIGEST, "app"))


def read(history, *arguments):
    return history.scratch.run(
        [history.scratch.reader, "--repository", history.scratch.root / "repository", "--key-file",
         history.key_file, *arguments], env={"PYTHONDONTWRITEBYTECODE": "1"})


def places(history, backup, name):
    """(the data directory, OLD=NEW of each tablespace of the backup, the new places)."""
    shown = json.loads(read(history, "show", backup.id, "--json").stdout)
    moved = {space["location"]: history.scratch.root / f"{name} {space['name']}"
             for space in shown["tablespaces"]}
    mapping = [f"--tablespace-map={old}={new}" for old, new in moved.items()]
    return history.scratch.root / name, mapping, list(moved.values())


def look(folders):
    return ([tree_state(folder) for folder in folders],
            [stat.S_IMODE(folder.stat().st_mode) for folder in folders])


def remove(folders):
    for folder in folders:
        shutil.rmtree(folder)


def restore_by_reader(history, backup, name):
    target, mapping, moved = places(history, backup, name)
    read(history, "restore", backup.id, target, *mapping, "--recover", "--require-fingerprints")
    return target, [target, *moved]


def require_same_restore(history, backup):
    """Both restore to the same places, one after the other."""
    target, mapping, moved = places(history, backup, "restored")
    folders = [target, *moved]
    # Later tablespaces are in use beside it: the program goes no further than the backup.
    history.scratch.pgcairn("restore", f"--source={backup.id}", f"--target-dir={target}",
                            "--immediate", *mapping)
    restored, modes = look(folders)
    remove(folders)
    restore_by_reader(history, backup, "restored")
    read_back, modes_read = look(folders)
    remove(folders)
    assert len(restored[0]) > 700 and all(len(space) > 1 for space in restored[1:])
    assert set(changes(restored[0], read_back[0])) <= RECOVERY_FILES
    assert {name: restored[0][name][:3] for name in RECOVERY_FILES} == \
        {name: read_back[0][name][:3] for name in RECOVERY_FILES}
    assert [changes(*pair) for pair in zip(restored[1:], read_back[1:])] == [[]] * len(moved)
    assert modes == modes_read


def start_recovered(history, target, *settings):
    """With the reader's restore_command."""
    assert READER.name in (target / "postgresql.auto.conf").read_text()
    server = history.scratch.server(target.name)
    server.start_recovered(*ALONE, *settings)
    return server


@pytest.mark.slow
def test_reader_and_program_restore_each_backup_alike(history):
    assert len(history.backups) == len(STEPS) + 1
    for backup in history.backups:
        require_same_restore(history, backup)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["update_one_percent_again", "delete", "exchange_databases"])
def test_server_from_the_reader_holds_the_rows_of_its_backup(history, step):
    """Only what the backup needs itself is replayed; page checksums are those of every file."""
    backup = next(backup for backup in history.backups if backup.step == step)
    target, folders = restore_by_reader(history, backup, f"from_{step}")
    restored = start_recovered(history, target, "recovery_target=immediate",
                               "recovery_target_action=promote")
    assert restored.sql(DIGEST, "app") == backup.digest
    restored.stop()
    history.scratch.run([CLIENT_BINDIR / "pg_checksums", "--check", "-D", target])
    remove(folders)


@pytest.mark.slow
def test_server_from_the_reader_replays_all_that_came_after(history):
    backup = next(backup for backup in history.backups if backup.step == "rewrite")
    target, folders = restore_by_reader(history, backup, "replayed")
    restored = start_recovered(history, target)
    require_equal(history.held, contents(restored))
    restored.stop()
    history.scratch.run([CLIENT_BINDIR / "pg_checksums", "--check", "-D", target])
    remove(folders)


@pytest.mark.slow
def test_reader_finds_every_pack_whole(history):
    assert "0 errors" in read(history, "check-hashes").stdout


@pytest.mark.slow
def test_lists_say_what_their_leaves_need(history):
    """And the history has leaves of every form, or the tests above prove little."""
    storage = Storage(str(history.scratch.root / "repository"))
    key = Credentials(read_key_file(history.key_file))
    cluster = open_cluster(storage, "main", key, lambda text: None)
    forms = {}
    for backup in history.backups:
        forms[backup.step] = require_true_needs(cluster, backup.id)
    assert forms["full"].keys() == {"new", "whole"}
    assert forms["update_one_percent"]["patch"] and forms["update_one_percent"]["old"]
    assert forms["append"]["grown"] and forms["delete"]["cut"]
    assert forms["nothing"]["old"]


@pytest.mark.slow
def test_reader_tells_what_the_program_tells_of_incrementals(history):
    listed = {entry["backup_id"]: entry for entry in history.scratch.pgcairn_json("list")["backups"]}
    by_reader = json.loads(read(history, "list", "--json").stdout)
    assert [entry["id"] for entry in by_reader] == [backup.id for backup in history.backups]
    for entry in by_reader:
        theirs = listed[entry["id"]]
        assert (entry["type"], entry["stored_bytes"], entry["size_bytes"]) == \
            (theirs["type"], theirs["stored_bytes"], theirs["bytes"])
    assert [entry["type"] for entry in by_reader] == ["full"] + ["incremental"] * len(STEPS)
    for before, backup in zip(history.backups, history.backups[1:]):
        assert json.loads(read(history, "show", backup.id, "--json").stdout)["base"] == before.id
