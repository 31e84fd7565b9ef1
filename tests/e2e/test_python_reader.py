"""The Python reader and the program read one repository alike: the same files, byte for byte, and
the same rows after recovery."""

import json
import shutil
import stat
from types import SimpleNamespace

import pytest

from cluster_contents import contents, fill, require_equal
from debian_server import DebianServer
from scratch import READER, Scratch
from tree_state import changes, tree_state

PASSPHRASE = "correct horse: $taple 'battery'"
# They name the program that brings the WAL.
RECOVERY_FILES = {"postgresql.auto.conf", "recovery.signal"}
ALONE = ("archive_mode=off", "autovacuum=off")


@pytest.fixture(scope="module")
def passphrase_cluster():
    yield from debian_cluster({"BACKUP_ENCRYPTION_KEY": PASSPHRASE}, {})


@pytest.fixture(scope="module")
def unencrypted_cluster():
    yield from debian_cluster({}, {"storage": {"encryption_enabled": False}})


def debian_cluster(environment, sections):
    """A cluster with tablespaces, configuration outside, one backup, and rows after it. The server
    is stopped."""
    with Scratch() as scratch:
        server = DebianServer(scratch, scratch.root / "data")
        scratch.servers.append(server)
        server.initdb("--wal-segsize=1")
        tablespace = scratch.make_directory("tablespace ü 1")
        server.start()
        fill(server, tablespace)
        report = scratch.protect(server, env=environment, **sections)
        assert report["encrypted"] == (sections == {})
        backup = scratch.pgcairn_json("backup")["backup_id"]
        server.sql("INSERT INTO wide SELECT g, 'after the backup' FROM generate_series(1, 500) g",
                   "app")
        server.wait_archived()
        server.stop()
        server.start(*ALONE)
        held = contents(server)
        server.stop()
        yield SimpleNamespace(scratch=scratch, server=server, tablespace=tablespace, backup=backup,
                              held=held, key_file=report["key_file"],
                              target=scratch.root / "restored",
                              moved=scratch.root / "moved ß")


def read(cluster, *arguments, key_file=False, env=None):
    keys = ["--key-file", cluster.key_file] if key_file else []
    return cluster.scratch.run(
        [cluster.scratch.reader, "--repository", cluster.scratch.root / "repository", *keys, *arguments],
        env={"PYTHONDONTWRITEBYTECODE": "1", **(env or {})})


def folders(cluster):
    return (cluster.target, cluster.target.with_name("restored.config"), cluster.moved)


def look(cluster):
    """What a restore left in data directory, configuration and tablespace, and their own modes."""
    return ([tree_state(folder) for folder in folders(cluster)],
            [stat.S_IMODE(folder.stat().st_mode) for folder in folders(cluster)])


def remove(cluster):
    for folder in folders(cluster):
        shutil.rmtree(folder, ignore_errors=True)


def require_same_restore(cluster, **reader_options):
    """Both restore to the same places, one after the other; then the reader's copy is started."""
    remove(cluster)
    mapping = f"--tablespace-map={cluster.tablespace}={cluster.moved}"
    cluster.scratch.pgcairn("restore", f"--target-dir={cluster.target}", mapping)
    (data, configuration, tablespace), modes = look(cluster)
    remove(cluster)
    read(cluster, "restore", cluster.backup, cluster.target, mapping, "--with-external-config",
         "--recover", "--require-fingerprints", **reader_options)
    (data_read, configuration_read, tablespace_read), modes_read = look(cluster)

    assert len(data) > 1000 and len(tablespace) > 300 and len(configuration) > 5
    assert set(changes(data, data_read)) <= RECOVERY_FILES
    assert {name: data[name][:3] for name in RECOVERY_FILES} == \
        {name: data_read[name][:3] for name in RECOVERY_FILES}
    assert changes(configuration, configuration_read) == []
    assert changes(tablespace, tablespace_read) == []
    assert modes == modes_read
    require_recovers(cluster, **reader_options)


def require_recovers(cluster, env=None, **_):
    """Started with the reader's restore_command, the copy holds the rows after the backup too."""
    assert READER.name in (cluster.target / "postgresql.auto.conf").read_text()
    restored = cluster.scratch.server("restored")
    moved = f"{cluster.target}.config{cluster.server.etc}"
    before = dict(cluster.scratch.environment)
    cluster.scratch.environment.update(env or {})
    try:
        restored.start_recovered(
            f"config_file={moved}/postgresql.conf", f"hba_file={moved}/pg_hba.conf",
            f"ident_file={moved}/pg_ident.conf", f"data_directory={cluster.target}",
            "external_pid_file=", *ALONE)
        require_equal(cluster.held, contents(restored))
        after = "SELECT count(*) FROM wide WHERE body = 'after the backup'"
        assert restored.sql(after, "app") == "500"
    finally:
        cluster.scratch.environment = before
        restored.stop("immediate")


@pytest.mark.slow
def test_reader_with_the_host_key_file(passphrase_cluster):
    require_same_restore(passphrase_cluster, key_file=True)


@pytest.mark.slow
def test_reader_with_the_passphrase(passphrase_cluster):
    require_same_restore(passphrase_cluster, env={"BACKUP_ENCRYPTION_KEY": PASSPHRASE})


@pytest.mark.slow
def test_reader_without_encryption(unencrypted_cluster):
    require_same_restore(unencrypted_cluster)


@pytest.mark.slow
def test_reader_and_program_list_the_same(passphrase_cluster):
    listed = passphrase_cluster.scratch.pgcairn_json("list")["backups"]
    by_reader = json.loads(read(passphrase_cluster, "list", "--json", key_file=True).stdout)
    assert [entry["id"] for entry in by_reader] == [entry["backup_id"] for entry in listed]
    for ours, theirs in zip(listed, by_reader):
        assert (ours["start_lsn"], ours["stop_lsn"], ours["timeline"], ours["files"],
                ours["bytes"], ours["stored_bytes"]) == \
            (theirs["start_lsn"], theirs["stop_lsn"], theirs["timeline"],
             theirs["files_and_directories"], theirs["size_bytes"], theirs["stored_bytes"])
    shown = json.loads(
        read(passphrase_cluster, "show", passphrase_cluster.backup, "--json", key_file=True).stdout)
    details = passphrase_cluster.scratch.pgcairn_json("show", passphrase_cluster.backup)
    assert shown["tablespaces"] == details["tablespaces"]
    assert shown["settings"] == details["settings"]
    assert shown["wal"] == [proof["segment"] for proof in details["wal"]]


@pytest.mark.slow
def test_reader_finds_every_pack_whole(unencrypted_cluster):
    assert "0 errors" in read(unencrypted_cluster, "check-hashes").stdout
