"""A backup verifies itself when it is done: what it finds, what it leaves behind, who chooses."""

import json
import pathlib

import pytest

from preloaded_writes import FLIPPING_PACKS, UNREADABLE_PACKS, build_library
from restore_proof import cold_contents, require_restorable

USAGE, DAMAGED = 2, 5


class Place:
    """A server with a little data, and its repository."""

    def __init__(self, scratch, **sections):
        self.scratch = scratch
        self.server = scratch.server()
        self.server.initdb("--wal-segsize=1")
        scratch.protect(self.server, **sections)
        self.server.sql("CREATE TABLE t AS SELECT g, md5(g::text) FROM generate_series(1, 3000) g")
        self.repository = scratch.root / "repository"
        self.cluster = self.repository / "clusters/main"

    def backup(self, *arguments, env=None):
        """(exit status, report, standard error)"""
        result = self.scratch.pgcairn("--output=json", "backup", *arguments, check=False, env=env)
        return result.returncode, json.loads(result.stdout), result.stderr

    def packs_of(self, backup):
        lines = (self.cluster / f"backups/{backup}.refs").read_text().splitlines()[1:-1]
        return sorted(line.split()[0] for line in lines)

    def recorded(self):
        return sorted(path.name for path in self.cluster.glob("damaged/*"))

    def notes(self, backup):
        return list(self.cluster.glob(f"notes/{backup}/*"))


@pytest.fixture(name="place")
def _place(scratch):
    return Place(scratch)


@pytest.fixture(name="flipping")
def _flipping(place):
    """The environment of a run on a disk that damages its n-th pack."""
    library = build_library(place.scratch, FLIPPING_PACKS)
    return lambda number: {"LD_PRELOAD": str(library), "FLIPPED_PACK": str(number)}


def test_a_good_backup_is_read_back_and_noted_as_verified(place):
    status, report, _ = place.backup()
    assert status == 0 and report["verified"] is True
    verification = report["verification"]
    assert verification["ok"] and verification["depth"] == "new" and verification["only_new"]
    assert verification["packs"] == len(place.packs_of(report["backup_id"])) == report["packs"]
    assert verification["pack_bytes"] == report["bytes_stored"], "each byte once"
    assert verification["pages_checked"] > 500
    assert verification["recovery_windows"] is None and verification["wal_files"] == 0
    (backup,) = verification["backups"]
    assert backup["backup_id"] == report["backup_id"] and backup["good"]
    assert len(place.notes(report["backup_id"])) == 1
    assert place.recorded() == []
    text = place.scratch.pgcairn("backup").stdout
    assert "Verified: " in text and "read back" in text


def test_a_disk_that_changes_any_pack_is_found_out_at_once(place, flipping):
    server = place.server
    damaged, number = [], 0
    while True:
        number += 1
        status, report, stderr = place.backup(env=flipping(number))
        backup = report["backup_id"]
        if status == 0:
            break
        assert status == DAMAGED and report["verified"] is False, report
        (found,) = report["verification"]["damaged"]
        assert found["recorded"] and found["backups"] == [backup] and not found["missing"]
        name = pathlib.Path(found["object"]).name
        assert name in place.packs_of(backup) and name in stderr
        assert f"the backup {backup} is stored, but its verification found" in stderr
        damaged.append(name)
        assert place.recorded() == sorted(damaged)
        assert place.notes(backup) == []
        assert (place.cluster / f"backups/{backup}").exists(), "what of it is good can be used"
    # Units, leaves and stream lists lie in packs of their own.
    assert number > 3 and number == len(place.packs_of(backup)) + 1
    verified = json.loads(place.scratch.pgcairn("--output=json", "verify", check=False).stdout)
    assert [item["good"] for item in verified["backups"]] == [False] * (number - 1) + [True]
    assert sorted(pathlib.Path(item["object"]).name
                  for item in verified["damaged"]) == sorted(damaged)
    require_restorable(place.scratch, cold_contents(server), options=[f"--source={backup}"])


def test_who_asks_for_no_verification_is_not_told(place, flipping):
    status, report, _ = place.backup("--verify=none", env=flipping(1))
    assert status == 0 and report["verified"] is None and report["verification"] is None
    assert place.recorded() == [] and place.notes(report["backup_id"]) == []
    place.scratch.write_config(place.server, schedules={"verification": "never"})
    status, report, _ = place.backup(env=flipping(1))
    assert status == 0 and report["verified"] is None
    status, report, _ = place.backup("--verify=new", env=flipping(1))
    assert status == DAMAGED and report["verified"] is False
    assert len(place.recorded()) == 1


def test_deep_by_choice(place):
    status, report, _ = place.backup("--verify=deep")
    assert status == 0 and report["verified"] is True
    verification = report["verification"]
    assert verification["depth"] == "deep" and not verification["only_new"]
    assert verification["wal_files"] > 0 and verification["recovery_windows"]
    place.scratch.write_config(place.server, verification={"depth": "deep"})
    assert place.backup()[1]["verification"]["depth"] == "deep"
    assert place.backup("--verify=new")[1]["verification"]["depth"] == "new"


def test_a_trial_has_nothing_to_verify(place):
    status, report, _ = place.backup("--test")
    assert status == 0 and report["verified"] is None and report["verification"] is None
    for arguments in (["--test", "--verify=new"], ["--verify=all"], ["--verify"]):
        assert place.backup(*arguments)[0] == USAGE, arguments


def test_packs_that_cannot_be_read_are_no_success_and_no_damage(place):
    library = build_library(place.scratch, UNREADABLE_PACKS)
    status, report, _ = place.backup(env={"LD_PRELOAD": str(library)})
    assert status == DAMAGED and report["verified"] is False
    assert all("Input/output error" in item["problem"] and not item["recorded"]
               for item in report["verification"]["damaged"])
    assert place.recorded() == [] and place.notes(report["backup_id"]) == []
    status, report = verify_new(place, f"--backup={report['backup_id']}")
    assert status == 0 and report["ok"]


# Incremental backups

def test_of_an_incremental_only_what_is_new_is_read(place):
    full = place.backup()[1]["backup_id"]
    place.server.sql("INSERT INTO t SELECT g, 'more' FROM generate_series(1, 300) g")
    status, report, _ = place.backup("--type=incremental")
    assert status == 0 and report["verified"] is True
    assert report["base_backup_id"] == full
    old = set(place.packs_of(full))
    packs = set(place.packs_of(report["backup_id"]))
    verification = report["verification"]
    assert verification["packs"] == len(packs - old) == report["packs"]
    assert verification["packs_present"] == len(packs & old) > 0
    assert verification["pack_bytes"] == report["bytes_stored"]
    assert 0 < verification["pages_checked"] < 100
    # One that is missing is found by looking for it.
    name = sorted(packs & old)[0]
    pack = place.cluster / "packs" / name[:2] / name
    own = pack.read_bytes()
    pack.unlink()
    status, verified = verify_new(place)
    assert status == DAMAGED
    (found,) = verified["damaged"]
    assert found["missing"] and found["recorded"]
    assert found["backups"] == [full, report["backup_id"]]
    place.scratch.run(["tee", pack], input="")
    pack.write_bytes(own)
    status, verified = verify_new(place)
    assert status == 0, verified
    assert verified["healed"] == [], "it is there, but nobody read it"
    assert place.scratch.pgcairn_json("verify")["healed"] == [found["object"]]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_incremental_after_a_damaged_one_stores_its_units_again(place, flipping, number):
    server = place.server
    place.backup()
    server.sql("CREATE TABLE u AS SELECT g, md5(g::text) FROM generate_series(1, 2000) g")
    status, damaged, _ = place.backup("--type=incremental", env=flipping(number))
    assert status == DAMAGED
    (found,) = damaged["verification"]["damaged"]
    assert place.recorded() == [pathlib.Path(found["object"]).name]
    status, report, stderr = place.backup("--type=incremental")
    assert status == 0 and report["verified"] is True, stderr
    assert report["type"] == "incremental"
    assert not set(place.recorded()) & set(place.packs_of(report["backup_id"]))
    verified = place.scratch.pgcairn_json("verify", f"--backup={report['backup_id']}")
    assert verified["ok"], verified
    require_restorable(place.scratch, cold_contents(server),
                       options=[f"--source={report['backup_id']}"])


def test_what_verify_records_is_stored_again_by_the_next_incremental(place):
    server = place.server
    full = place.backup()[1]["backup_id"]
    sizes = {name: (place.cluster / "packs" / name[:2] / name).stat().st_size
             for name in place.packs_of(full)}
    name = max(sizes, key=sizes.get)
    pack = place.cluster / "packs" / name[:2] / name
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.write_bytes(content)
    assert place.scratch.pgcairn("verify", check=False).returncode == DAMAGED
    status, report, stderr = place.backup("--type=incremental")
    assert status == 0 and report["verified"] is True, stderr
    assert name not in place.packs_of(report["backup_id"])
    assert place.scratch.pgcairn_json("verify", f"--backup={report['backup_id']}")["ok"]
    require_restorable(place.scratch, cold_contents(server),
                       options=[f"--source={report['backup_id']}"])


def verify_new(place, *arguments):
    result = place.scratch.pgcairn("--output=json", "verify", "--new", *arguments, check=False)
    return result.returncode, json.loads(result.stdout)


def test_what_is_new_can_be_verified_later_too(place):
    first = place.backup("--verify=none")[1]["backup_id"]
    second = place.backup("--verify=none")[1]["backup_id"]
    for arguments, backup in ((["--latest"], second), ([f"--backup={first}"], first), ([], second)):
        status, report = verify_new(place, *arguments)
        assert status == 0 and report["only_new"], report
        assert [item["backup_id"] for item in report["backups"]] == [backup]
        assert report["packs"] == len(place.packs_of(backup)) and report["packs_present"] == 0
        assert len(place.notes(backup)) == 1
    text = place.scratch.pgcairn("verify", "--new").stdout
    assert "new packs" in text and "WAL" not in text
    for arguments in (["--all"], ["--without-key"]):
        assert verify_new(place, *arguments)[0] == USAGE, arguments
