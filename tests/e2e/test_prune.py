"""prune: what it deletes, what it leaves, what it says, and what stops it."""

import json
import time

import pytest

from killed_runs import generator, duration_of, random_points, run_and_kill, start
from preloaded_writes import SLOW_STORING, build_library
from pruned_cluster import backup, backups, keep_only_the_newest, objects, require_whole
from restore_proof import cold_contents, require_restorable
from scratch import give_to_server_user, kill, wait_for
from stopped_runs import Stopper
from tree_state import tree_state

NOT_FOUND, REFUSED = 3, 12
DAY_S = 86400


@pytest.fixture(name="pruned")
def _pruned(protected):
    """(scratch, server) with two full backups and an incremental one; only the last is kept."""
    scratch, server = protected
    server.archive_only_when_asked()
    keep_only_the_newest(scratch, server)
    backup(scratch, server, "full")
    backup(scratch, server, "full")
    backup(scratch, server)
    server.wait_for_archiver()
    return scratch, server


def repository(scratch):
    return scratch.root / "repository"


def bytes_of(scratch, pattern):
    return sum((repository(scratch) / "clusters/main" / name).stat().st_size
               for name in objects(scratch, pattern))


def test_what_nothing_keeps_goes_and_the_rest_restores(pruned):
    scratch, server = pruned
    first, second, last = backups(scratch)
    held = cold_contents(server)
    before, wal_before = bytes_of(scratch, "packs/*/*"), objects(scratch, "wal/*/*/*")

    dry = scratch.pgcairn_json("prune", "--dry-run")
    assert bytes_of(scratch, "packs/*/*") == before and len(backups(scratch)) == 3
    done = scratch.pgcairn_json("prune")
    for key in ("packs", "pack_bytes", "wal_files", "wal_bytes", "backups", "wal"):
        assert dry[key] == done[key], key
    assert dry["dry_run"] and dry["prune_id"] is None and dry["refusals"] == []
    assert [(one["backup_id"], one["keep"]) for one in done["backups"]] == \
        [(first, False), (second, False), (last, True)]
    assert all(one["reasons"] for one in done["backups"] + done["wal"])
    assert done["packs"] > 0 and before - bytes_of(scratch, "packs/*/*") == done["pack_bytes"]
    assert len(wal_before) - len(objects(scratch, "wal/*/*/*")) == done["wal_files"] > 0

    assert backups(scratch) == [last]
    assert objects(scratch, "leases/*") == objects(scratch, "trash/*") == []
    assert [name for name in objects(scratch, "backups/*") if last not in name] == []
    listed = require_whole(scratch)
    assert listed["wal_gaps"] == []
    require_restorable(scratch, held)
    again = scratch.pgcairn_json("prune")
    assert again["packs"] == again["wal_files"] == again["orphan_packs"] == 0


def test_a_dry_run_changes_nothing(pruned):
    scratch, _ = pruned
    before = tree_state(repository(scratch))
    scratch.pgcairn("prune", "--dry-run")
    assert tree_state(repository(scratch)) == before


def test_the_text_says_what_goes_and_why(pruned):
    scratch, _ = pruned
    first, _, last = backups(scratch)
    text = scratch.pgcairn("prune", "--dry-run").stdout
    [goes] = [line for line in text.splitlines() if first in line and "would go" in line]
    assert "keeps it" in goes or "rule" in goes
    assert [line for line in text.splitlines() if last in line and "stays" in line]
    assert "Would be deleted:" in text and "WAL files" in text
    assert "Deleted:" in scratch.pgcairn("prune").stdout


def test_a_named_backup_goes_alone(pruned):
    scratch, _ = pruned
    first, second, last = backups(scratch)
    wal = objects(scratch, "wal/*/*/*")
    scratch.pgcairn("prune", f"--backup={second}")
    assert backups(scratch) == [first, last]
    assert objects(scratch, "wal/*/*/*") == wal
    require_whole(scratch)
    result = scratch.pgcairn("prune", f"--backup={last}", check=False)
    assert result.returncode == REFUSED and "newest good backup" in result.stderr
    result = scratch.pgcairn("prune", f"--backup={second}", check=False)
    assert result.returncode == NOT_FOUND
    assert backups(scratch) == [first, last]


def test_a_pinned_backup_stays(pruned):
    scratch, _ = pruned
    first, second, last = backups(scratch)
    scratch.pgcairn("pin", first)
    result = scratch.pgcairn("prune", f"--backup={first}", check=False)
    assert result.returncode == REFUSED and "pinned" in result.stderr
    scratch.pgcairn("prune")
    assert backups(scratch) == [first, last]
    require_whole(scratch)


def test_packs_that_a_later_backup_shares_stay(protected):
    scratch, server = protected
    keep_only_the_newest(scratch, server)
    full = backup(scratch, server, "full")
    last = backup(scratch, server)
    held = cold_contents(server)
    before = objects(scratch, "packs/*/*")
    scratch.pgcairn("prune")
    assert backups(scratch) == [last] and full not in backups(scratch)
    assert len(objects(scratch, "packs/*/*")) > len(before) / 2
    require_whole(scratch)
    require_restorable(scratch, held)


# Guards

def test_more_than_the_stated_share_is_refused(pruned):
    scratch, server = pruned
    keep_only_the_newest(scratch, server, max_share=50)
    before = tree_state(repository(scratch))
    result = scratch.pgcairn("prune", check=False)
    assert result.returncode == REFUSED
    assert "2 of 3 backups" in result.stderr and "--max-share=100" in result.stderr
    assert tree_state(repository(scratch)) == before
    dry = scratch.pgcairn_json("prune", "--dry-run")
    assert "2 of 3 backups" in dry["refusals"][0]
    scratch.pgcairn("prune", "--max-share=67")
    assert len(backups(scratch)) == 1


def test_a_clock_that_jumped_deletes_nothing(pruned):
    scratch, server = pruned
    stopper = Stopper(scratch)
    for shift in (3 * DAY_S, -3 * DAY_S, 3650 * DAY_S):
        result = scratch.pgcairn("prune", check=False, env=stopper.environment(clock_shift=shift))
        assert result.returncode == REFUSED, result.stderr
        assert "clock" in result.stderr and "HINT" in result.stderr
    assert len(backups(scratch)) == 3
    ahead = json.loads(scratch.pgcairn("--output=json", "backup", env=stopper.environment(
        clock_shift=3 * DAY_S)).stdout)["backup_id"]
    result = scratch.pgcairn("prune", check=False)
    assert result.returncode == REFUSED and ahead in result.stderr
    assert len(backups(scratch)) == 4
    assert objects(scratch, "leases/*") == objects(scratch, "trash/*") == []
    require_whole(scratch)


def test_beside_what_is_not_known_nothing_goes(pruned):
    scratch, _ = pruned
    cluster = repository(scratch) / "clusters/main"
    for name in ("shards/one", "backups/notes.txt", "packs/00/half", "wal/stray"):
        path = cluster / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"?")
        for item in (path.parent, path):
            give_to_server_user(item)
        result = scratch.pgcairn("prune", check=False)
        assert result.returncode == REFUSED, name
        assert name.partition("/")[0] in result.stderr and "HINT" in result.stderr
        path.unlink()
        if name == "shards/one":
            path.parent.rmdir()
    assert len(backups(scratch)) == 3
    scratch.pgcairn("prune")
    require_whole(scratch)


def test_beside_a_backup_that_cannot_be_read_nothing_goes_but_it_can_be_named(pruned):
    scratch, server = pruned
    first, second, last = backups(scratch)
    for suffix in ("", ".refs"):
        path = repository(scratch) / "clusters/main/backups" / (second + suffix)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        result = scratch.pgcairn("prune", check=False)
        assert result.returncode == REFUSED and second in result.stderr
        assert f"--backup={second}" in result.stderr
    scratch.pgcairn("prune", f"--backup={second}")
    assert backups(scratch) == [first, last]
    require_whole(scratch)
    scratch.pgcairn("prune")
    assert backups(scratch) == [last]
    require_whole(scratch)


# What is left of runs that ended early

def test_packs_of_a_killed_backup_go_when_it_can_be_gone_on_from_no_more(pruned):
    scratch, server = pruned
    library = build_library(scratch, SLOW_STORING, 20000)
    before = objects(scratch, "packs/*/*")
    process = start_with(scratch, library, "backup", "--type=full")
    wait_for(lambda: len(objects(scratch, "packs/*/*")) > len(before), "a pack of the backup")
    kill(process)
    time.sleep(1.5)  # more than prune.lease_expiry, for what it left to go on from
    dead = objects(scratch, "leases/*")[0].partition("/")[2]
    report = scratch.pgcairn_json("prune")
    assert report["orphan_packs"] > 0 and dead in report["given_up"][0]
    assert objects(scratch, "leases/*") == objects(scratch, "checkpoints/**/*") == []
    assert dead not in backups(scratch)
    shown = scratch.pgcairn("show", dead, check=False)
    assert shown.returncode == NOT_FOUND
    require_whole(scratch)
    assert scratch.pgcairn_json("verify")["orphan_packs"] == 0


def start_with(scratch, library, *arguments):
    scratch.environment["LD_PRELOAD"] = str(library)
    try:
        return start(scratch, *arguments)
    finally:
        del scratch.environment["LD_PRELOAD"]


@pytest.mark.slow
def test_killed_prunes_leave_everything_whole(pruned, seed):
    scratch, server = pruned
    duration = duration_of(lambda: scratch.pgcairn("prune", "--dry-run"))
    for delay in random_points(generator(seed, "prune"), 12, 2 * duration):
        while len(backups(scratch)) < 3:
            backup(scratch, server, "full")
        run_and_kill(lambda: start(scratch, "prune"), delay)
        require_whole(scratch)
    scratch.pgcairn("prune")
    assert len(backups(scratch)) == 1
    assert objects(scratch, "trash/*") == objects(scratch, "leases/*") == []
    assert scratch.pgcairn_json("verify")["orphan_packs"] == 0
    held = cold_contents(server)
    require_restorable(scratch, held)


# The host's memory

def memory_findings(scratch):
    report = json.loads(scratch.pgcairn("--output=json", "check", check=False).stdout)
    return [one for one in report["findings"] if one["subject"] == "memory"]


def test_what_was_pruned_on_purpose_is_no_alarm(pruned):
    scratch, server = pruned
    [memory] = (scratch.root / "storage/logs").glob("newest-main-*.backups")
    old = memory.read_bytes()  # as another host remembers it, that made no backup since
    remembered = backups(scratch)[-1]
    backup(scratch, server)
    scratch.pgcairn("prune")
    assert remembered not in backups(scratch)
    memory.write_bytes(old)
    findings = [one for one in memory_findings(scratch) if remembered in one["message"]]
    assert [one["severity"] for one in findings] == ["ok"], findings
    assert "on purpose" in findings[0]["message"]

    for record in objects(scratch, "notes/deleted/*"):
        (repository(scratch) / "clusters/main" / record).unlink()
    findings = [one for one in memory_findings(scratch) if remembered in one["message"]]
    assert [one["severity"] for one in findings] == ["error"]


def test_wal_that_was_pruned_is_neither_a_gap_nor_an_alarm(pruned):
    scratch, server = pruned
    [memory] = (scratch.root / "storage/logs").glob("newest-main-*.segment")
    old = memory.read_bytes()
    for _ in range(2):
        server.wait_archived()
        backup(scratch, server, "full")
    server.wait_archived()
    report = scratch.pgcairn_json("prune")
    assert report["wal_files"] > 0
    segment = old.split()[-2].decode()
    assert not [name for name in objects(scratch, "wal/*/*/*") if name.endswith(segment)]
    memory.write_bytes(old)
    assert [one["severity"] for one in memory_findings(scratch)] == ["ok", "ok"]
    assert require_whole(scratch)["wal_gaps"] == []
