"""damaged/: what verify records there, what it takes back, and what never comes into it."""

import json
import os

import pytest

from preloaded_writes import UNREADABLE_PACKS, build_library
from scratch import Scratch
from tree_state import changes, tree_state

DAMAGED = 5


class Place:
    """A repository with two backups."""

    def __init__(self, scratch):
        self.scratch = scratch
        server = scratch.server()
        server.initdb("--wal-segsize=1")
        scratch.protect(server)
        self.backups = []
        for number in range(2):
            server.sql(f"CREATE TABLE t{number} AS SELECT g FROM generate_series(1, 3000) g")
            self.backups.append(scratch.pgcairn_json("backup")["backup_id"])
        server.wait_archived()
        server.stop()
        self.repository = scratch.root / "repository"
        self.cluster = self.repository / "clusters/main"

    def verify(self, *arguments, env=None):
        """(exit status, report)"""
        result = self.scratch.pgcairn("--output=json", "verify", *arguments, check=False, env=env)
        return result.returncode, json.loads(result.stdout)

    def packs(self, backup):
        lines = (self.cluster / f"backups/{backup}.refs").read_text().splitlines()[1:-1]
        return [self.cluster / "packs" / line[:2] / line.split()[0] for line in lines]

    def recorded(self):
        return {path.name: path.read_bytes() for path in self.cluster.glob("damaged/*")}

    def name(self, path):
        return str(path.relative_to(self.repository))


@pytest.fixture(name="place", scope="module")
def _place():
    with Scratch() as scratch:
        yield Place(scratch)


@pytest.fixture(name="pack")
def _pack(place):
    """One pack, which is there and whole again afterwards, as is the directory of records."""
    path = place.packs(place.backups[1])[0]
    own = path.read_bytes()
    yield path
    put_back(path, own)
    for record in place.cluster.glob("damaged/*"):
        record.unlink()


def put_back(path, own):
    """As an administrator copies a file back: whatever it is now."""
    if path.exists():
        path.chmod(0o600)
    path.write_bytes(own)
    path.chmod(0o600)
    owner = path.parent.stat()
    os.chown(path, owner.st_uid, owner.st_gid)


def flip(path):
    own = path.read_bytes()
    middle = len(own) // 2
    path.write_bytes(own[:middle] + bytes([own[middle] ^ 1]) + own[middle + 1:])


@pytest.mark.parametrize("arguments", [[], ["--latest"], ["--new"], ["--without-key"]])
@pytest.mark.parametrize("damage", [flip, lambda path: path.unlink()], ids=["flip", "remove"])
def test_a_bad_pack_is_recorded_until_it_is_whole_again(place, pack, damage, arguments):
    own = pack.read_bytes()
    damage(pack)
    status, report = place.verify(*arguments)
    assert status == DAMAGED
    (found,) = report["damaged"]
    assert found["object"] == place.name(pack) and found["recorded"]
    assert list(place.recorded()) == [pack.name]

    records = place.recorded()
    status, report = place.verify(*arguments)
    assert status == DAMAGED and report["damaged"][0]["recorded"]
    assert place.recorded() == records, "the first record stays"
    assert "recorded: " in place.scratch.pgcairn("verify", *arguments, check=False).stdout

    put_back(pack, own)
    status, report = place.verify(*arguments)
    assert status == 0 and report["healed"] == [place.name(pack)], report
    assert place.recorded() == {}
    assert place.verify(*arguments)[1]["healed"] == []


def test_whoever_does_not_look_at_the_pack_leaves_its_record(place, pack):
    own = pack.read_bytes()
    flip(pack)
    place.verify()
    put_back(pack, own)
    status, report = place.verify(f"--backup={place.backups[0]}")
    assert status == 0 and report["healed"] == []
    assert list(place.recorded()) == [pack.name]
    healed = place.scratch.pgcairn("verify").stdout
    assert f"{place.name(pack)} is whole again" in healed


def test_a_pack_that_may_not_be_read_is_not_recorded(place, pack):
    pack.chmod(0)
    for arguments in ([], ["--new"], ["--without-key"]):
        status, report = place.verify(*arguments)
        assert status == DAMAGED
        (found,) = report["damaged"]
        assert "Permission denied" in found["problem"] and not found["recorded"]
    assert place.recorded() == {}


def test_a_folder_that_may_not_be_entered_is_not_recorded(place, pack):
    pack.parent.chmod(0)
    try:
        status, report = place.verify()
    finally:
        pack.parent.chmod(0o700)
    assert status == DAMAGED and not any(found["recorded"] for found in report["damaged"])
    assert place.recorded() == {}


def test_a_disk_that_cannot_read_is_not_recorded(place):
    library = build_library(place.scratch, UNREADABLE_PACKS)
    for arguments in ([], ["--new"], ["--without-key"]):
        status, report = place.verify(*arguments, env={"LD_PRELOAD": str(library)})
        assert status == DAMAGED and len(report["damaged"]) >= 3
        assert all("Input/output error" in found["problem"] and not found["recorded"]
                   for found in report["damaged"])
    assert place.recorded() == {}


def test_a_pack_that_cannot_be_read_any_more_keeps_its_record(place, pack):
    own = pack.read_bytes()
    flip(pack)
    place.verify()
    records = place.recorded()
    put_back(pack, own)
    pack.chmod(0)
    status, report = place.verify()
    assert status == DAMAGED and report["healed"] == []
    assert place.recorded() == records and list(records) == [pack.name]


def test_a_repository_that_cannot_be_written_to_is_verified_all_the_same(place, pack):
    flip(pack)
    folders = [place.cluster, *(path for path in [place.cluster / "damaged"] if path.exists())]
    before = tree_state(place.repository)
    for folder in folders:
        folder.chmod(0o500)
    try:
        status, report = place.verify()
    finally:
        for folder in folders:
            folder.chmod(0o700)
    assert status == DAMAGED and not report["damaged"][0]["recorded"]
    assert any("are not recorded" in text for text in report["warnings"]), report["warnings"]
    assert changes(before, tree_state(place.repository)) == []


def test_a_whole_repository_has_no_records_and_stays_as_it_is(place):
    before = tree_state(place.repository)
    for arguments in ([], ["--latest"], ["--new"], ["--without-key"]):
        status, report = place.verify(*arguments)
        assert status == 0 and report["warnings"] == [] and report["healed"] == [], report
    assert changes(before, tree_state(place.repository)) == []
