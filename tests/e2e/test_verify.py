"""verify, as a user runs it: what it says, which status it ends with, what it needs."""

import json
import pathlib
import shutil

import pytest

from scratch import Scratch
from tree_state import changes, tree_state

USAGE, NOT_FOUND, DAMAGED, WRONG_KEY = 2, 3, 5, 6


class Verified:
    """A repository with two backups, and its objects."""

    def __init__(self, scratch):
        self.scratch = scratch
        server = scratch.server()
        server.initdb("--wal-segsize=1")
        scratch.protect(server)
        server.sql("CREATE TABLE t AS SELECT g, md5(g::text) FROM generate_series(1, 3000) g")
        self.first = scratch.pgcairn_json("backup")["backup_id"]
        server.sql("INSERT INTO t SELECT g, 'more' FROM generate_series(1, 3000) g")
        self.second = scratch.pgcairn_json("backup")["backup_id"]
        server.wait_archived()
        server.stop()
        self.repository = scratch.root / "repository"
        self.cluster = self.repository / "clusters/main"

    def verify(self, *arguments):
        """(exit status, report)"""
        result = self.scratch.pgcairn("--output=json", "verify", *arguments, check=False)
        return result.returncode, json.loads(result.stdout)

    def packs_of(self, backup):
        lines = (self.cluster / f"backups/{backup}.refs").read_text().splitlines()[1:-1]
        names = [line.split()[0] for line in lines]
        return [self.cluster / "packs" / name[:2] / name for name in names]

    def name(self, path):
        return str(path.relative_to(self.repository))


@pytest.fixture(name="place", scope="module")
def _place():
    with Scratch() as scratch:
        yield Verified(scratch)


class Changed:
    """Changes a file of the repository for as long as a test looks."""

    def __init__(self, path, change):
        self.path = pathlib.Path(path)
        self.own = self.path.read_bytes()
        self.change = change

    def __enter__(self):
        changed = self.change(self.own)
        if changed is None:
            self.path.unlink()
        else:
            self.path.write_bytes(changed)

    def __exit__(self, *_):
        existed = self.path.exists()
        self.path.write_bytes(self.own)
        if not existed:
            self.path.chmod(0o600)
            owner = self.path.parent.stat()
            shutil.chown(self.path, owner.st_uid, owner.st_gid)


def flipped(own):
    middle = len(own) // 2
    return own[:middle] + bytes([own[middle] ^ 1]) + own[middle + 1:]


def test_a_whole_repository_is_good_and_stays_as_it_is(place):
    before = tree_state(place.repository)
    status, report = place.verify()
    assert status == 0 and report["ok"] and report["with_key"], report
    assert report["damaged"] == [] and report["warnings"] == []
    assert [backup["backup_id"] for backup in report["backups"]] == [place.first, place.second]
    assert all(backup["good"] and backup["files"] > 100 for backup in report["backups"])
    assert report["packs"] == len(place.packs_of(place.first) + place.packs_of(place.second))
    assert report["pages_checked"] > 1000 and report["wal_files"] > 2
    assert report["recovery_windows"][0]["backups"] == [place.first, place.second]
    assert changes(before, tree_state(place.repository)) == []


def test_a_damaged_pack_is_named_with_the_backup_that_needs_it(place):
    pack = place.packs_of(place.second)[0]
    with Changed(pack, flipped):
        status, report = place.verify()
        text = place.scratch.pgcairn("verify", check=False)
    assert status == DAMAGED and not report["ok"]
    (damaged,) = report["damaged"]
    assert damaged["object"] == place.name(pack)
    assert damaged["backups"] == [place.second] and not damaged["missing"]
    assert [backup["good"] for backup in report["backups"]] == [True, False]
    assert text.returncode == DAMAGED
    assert place.name(pack) in text.stdout and place.second in text.stdout
    assert pack.name in text.stderr


def test_a_missing_segment_is_named_with_the_part_of_the_window_that_it_hurts(place):
    shown = place.scratch.pgcairn_json("show", place.second)
    segment = shown["wal"][0]["segment"]
    (path,) = place.cluster.glob(f"wal/*/*/{segment}")
    with Changed(path, lambda own: None):
        status, report = place.verify()
    assert status == DAMAGED
    (damaged,) = report["damaged"]
    assert damaged["object"] == place.name(path) and damaged["missing"]
    assert damaged["backups"] == [place.second]
    (lost,) = damaged["lost"]
    assert lost["timeline"] == 1 and lost["to_lsn"] is None and lost["to"] is None
    assert lost["from"] is not None and lost["from_lsn"].startswith("0/")
    (window,) = report["recovery_windows"]
    assert window["backups"] == [place.first]


def test_latest_and_backup_choose_and_exclude_each_other(place):
    with Changed(place.packs_of(place.first)[0], flipped):
        assert place.verify("--latest")[0] == 0
        assert place.verify(f"--backup={place.second}")[0] == 0
        status, report = place.verify(f"--backup={place.first}")
        assert status == DAMAGED and len(report["backups"]) == 1
        assert place.verify("--all")[0] == DAMAGED
    for arguments in (["--latest", "--all"], ["--latest", f"--backup={place.first}"],
                      ["--all", f"--backup={place.first}"], ["--backup"], ["extra"]):
        assert place.verify(*arguments)[0] == USAGE, arguments
    assert place.verify("--backup=20200101_000000-0000")[0] == NOT_FOUND


def test_without_a_key_stored_bytes_are_checked_when_asked_for(place):
    key = place.scratch.root / "storage/encryption/host.key"
    away = key.with_name("away")
    key.rename(away)
    try:
        status, report = place.verify()
        assert status == WRONG_KEY and report["error"]["code"] == "wrong_key"
        status, report = place.verify("--without-key")
        assert status == 0 and report["ok"] and not report["with_key"]
        with Changed(place.packs_of(place.second)[0], flipped):
            assert place.verify("--without-key")[0] == DAMAGED
        text = place.scratch.pgcairn("verify", "--without-key").stdout
        assert "only stored bytes were checked" in text
    finally:
        away.rename(key)


def test_a_place_without_a_repository_is_not_damage(place):
    env = {"BACKUP_STORAGE_PATH": str(place.scratch.make_directory("nothing"))}
    result = place.scratch.pgcairn("verify", check=False, env=env)
    assert result.returncode == NOT_FOUND, result.stderr
    result = place.scratch.pgcairn("--cluster=other", "verify", check=False)
    assert result.returncode == NOT_FOUND, result.stderr


# list

def test_list_never_says_that_there_is_no_backup_when_none_can_be_read(place):
    manifests = place.cluster / "backups"
    with Changed(manifests / place.first, flipped), Changed(manifests / place.second, flipped):
        listed = place.scratch.pgcairn("list", check=False)
    assert listed.returncode == DAMAGED
    assert "no backup that can be read" in listed.stdout and "no backup yet" not in listed.stdout
    assert "2 backups cannot be read" in listed.stderr and "pgcairn verify" in listed.stderr
