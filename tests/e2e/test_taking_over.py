"""A restored server that takes the original's place: it archives nothing, says so, and is protected
again after what the report tells to do."""

import re

import pytest

from restore_proof import cold_contents, repository_is_valid, require_restorable

REFUSED = 12
AGAIN = "ALTER SYSTEM SET archive_mode = on"


@pytest.mark.slow
def test_a_server_that_was_restored_in_its_place_is_protected_again_when_told_to(protected):
    scratch, server = protected
    server.sql("CREATE TABLE kept AS SELECT g FROM generate_series(1, 100) g")
    first = scratch.pgcairn_json("backup")["backup_id"]
    server.wait_archived()
    server.stop()
    text = scratch.pgcairn("restore", "--delta").stdout
    assert "archives no WAL" in text
    [told] = re.findall(rf"^  ({AGAIN});$", text, re.MULTILINE)
    server.start_recovered()
    assert server.sql("SHOW archive_mode") == "off"
    refused = scratch.pgcairn("backup", check=False)
    assert refused.returncode == REFUSED
    assert "archive_mode is off" in refused.stderr and AGAIN in refused.stderr

    server.sql(told)
    server.stop()
    server.start()
    server.sql("INSERT INTO kept VALUES (101)")
    backup = scratch.pgcairn_json("backup", "--type=incremental")
    assert backup["type"] == "incremental"
    server.wait_archived()
    held = cold_contents(server)
    repository_is_valid(scratch)
    # Of the backup before, too, across the moment of taking over.
    for source in (first, backup["backup_id"]):
        require_restorable(scratch, held, options=[f"--source={source}"])


# As it is when the server had begun its timeline, and archived on it, before anybody looked.
@pytest.mark.slow
def test_a_backup_archives_the_history_of_its_timeline_when_it_is_missing(protected):
    scratch, server = protected
    first = scratch.pgcairn_json("backup")["backup_id"]
    server.wait_archived()
    server.stop()
    scratch.pgcairn("restore", "--delta", "--archive-mode=preserve")
    server.start_recovered()
    server.sql("CREATE TABLE later AS SELECT 1 AS one")
    server.wait_archived()
    [history] = scratch.root.glob("repository/clusters/main/wal/*/history/*.history")
    own = history.read_bytes()
    history.unlink()
    assert scratch.pgcairn_json("list")["lost_histories"] == ["00000002.history"]
    # The host remembers a segment of this timeline: `wal push` does not look again.
    server.wait_archived()
    assert not history.exists()
    assert scratch.pgcairn("restore", f"--source={first}", f"--target-dir={scratch.root}/no",
                           check=False).returncode != 0
    scratch.pgcairn("backup", "--type=incremental")
    assert history.exists() and len(history.read_bytes()) == len(own)
    server.wait_archived()
    held = cold_contents(server)
    repository_is_valid(scratch)
    require_restorable(scratch, held, options=[f"--source={first}"])


def test_whoever_keeps_archiving_on_is_not_told_to_set_it(protected):
    scratch, _ = protected
    scratch.pgcairn("backup")
    target = ["restore", f"--target-dir={scratch.root}/copy"]
    assert AGAIN not in scratch.pgcairn(*target, "--archive-mode=preserve").stdout
    assert scratch.pgcairn_json(*target, "--delta")["archive_mode"] == "off"
