"""Timeline history files that never came into the archive, or were lost from it."""

import json

import pytest

from write_load import create_ledger, ledger

pytestmark = pytest.mark.slow

DAMAGED = 5
UNREACHABLE = 15


def promoted_server(scratch):
    """A server on timeline 2, as a promoted standby is."""
    server = scratch.server()
    server.initdb()
    (server.data / "standby.signal").touch()
    server.start()
    server.sql("SELECT pg_promote()")
    assert server.sql("SELECT timeline_id FROM pg_control_checkpoint()") == "2"
    return server


def rows_restored_to(scratch, xid, *options):
    directory = scratch.root / f"restored-{xid}"
    scratch.pgcairn("restore", "--type=pitr", f"--xid={xid}", f"--target-dir={directory}", *options)
    server = scratch.server(directory.name)
    server.start_recovered()
    rows = ledger(server)
    server.stop()
    return rows


def write(server, how):
    server.sql(f"INSERT INTO ledger (how) VALUES ('{how}')")
    return int(server.sql("SELECT max(xid) FROM ledger"))


@pytest.mark.parametrize("has_file", [True, False])
def test_a_server_that_was_promoted_before_its_first_backup(scratch, has_file):
    """Its history file was archived elsewhere, if at all."""
    server = promoted_server(scratch)
    # From here on the server itself does without.
    server.sql("SELECT pg_switch_wal()")
    server.sql("CHECKPOINT")
    if not has_file:
        (server.data / "pg_wal/00000002.history").unlink()
    scratch.protect(server)
    create_ledger(server)
    scratch.pgcairn("backup")
    target = write(server, "wanted")
    expected = ledger(server)
    write(server, "too late")
    server.wait_archived()
    listed = scratch.pgcairn_json("list")
    assert [window["timeline"] for window in listed["recovery_windows"]] == [2]
    assert listed["lost_histories"] == []
    assert rows_restored_to(scratch, target) == expected


@pytest.fixture
def forked(protected):
    """(scratch, server on timeline 2, xid on 1, xid on 2): one backup, on timeline 1."""
    scratch, old = protected
    create_ledger(old)
    scratch.pgcairn("backup")
    first = write(old, "on timeline 1")
    write(old, "left behind")
    old.wait_archived()
    old.stop()
    scratch.pgcairn("restore", "--type=pitr", f"--xid={first}", "--archive-mode=preserve",
                    f"--target-dir={scratch.root}/copy")
    new = scratch.server("copy")
    new.start_recovered()
    write(new, "the xid of what was left behind")
    second = write(new, "on timeline 2")
    new.wait_archived()
    return scratch, new, first, second


@pytest.mark.parametrize("damage", ["removed", "changed"])
def test_a_lost_history_file_is_named_and_nothing_is_guessed(forked, damage):
    scratch, server, first, second = forked
    [stored] = (scratch.root / "repository").rglob("00000002.history")
    whole = stored.read_bytes()
    if damage == "removed":
        stored.unlink()
    else:
        stored.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert scratch.pgcairn_json("list")["lost_histories"] == ["00000002.history"]
    assert "LOST 00000002.history" in scratch.pgcairn("list").stdout
    scratch.write_config(server)
    checked = scratch.pgcairn("--output=json", "check", check=False)
    assert checked.returncode != 0
    assert any("00000002.history" in finding["message"] and finding["severity"] == "error"
               for finding in json.loads(checked.stdout)["findings"])
    target = scratch.root / "target"
    for options, status in ((["--type=full"], DAMAGED),
                            (["--type=pitr", f"--xid={first}"], DAMAGED),
                            (["--type=pitr", f"--xid={second}"], UNREACHABLE)):
        result = scratch.pgcairn("--output=json", "restore", *options, f"--target-dir={target}",
                                 check=False)
        assert result.returncode == status, (options, result.stdout)
        assert "00000002.history" in json.loads(result.stdout)["error"]["message"]
        assert not target.exists()
    # As the hints say.
    if damage == "changed":
        stored.unlink()
    on_first = rows_restored_to(scratch, first, "--timeline=1")
    assert {row[2] for row in on_first} == {"on timeline 1"}
    scratch.pgcairn("wal", "push", server.data / "pg_wal/00000002.history")
    assert scratch.pgcairn_json("list")["lost_histories"] == []
    assert "on timeline 2" in {row[2] for row in rows_restored_to(scratch, second)}
