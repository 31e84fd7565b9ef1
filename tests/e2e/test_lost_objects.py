"""What is lost from the repository is said, and what is left can be restored."""

import pytest

from write_load import create_ledger, ledger

pytestmark = pytest.mark.slow

DAMAGED = 5


def write(server, how):
    """One row, in a WAL segment that ends after it."""
    server.sql(f"INSERT INTO ledger (how) VALUES ('{how}')")
    name = server.sql("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
    server.wait_archived()
    return name


def restored_rows(scratch, *options):
    result = scratch.pgcairn("restore", "--type=full", f"--target-dir={scratch.root}/restored",
                             *options)
    server = scratch.server("restored")
    server.start_recovered()
    rows = {row[2] for row in ledger(server)}
    server.stop()
    return rows, result.stderr


def test_a_restore_to_the_end_says_that_it_ends_at_a_gap(protected):
    scratch, server = protected
    create_ledger(server)
    scratch.pgcairn("backup")
    write(server, "before")
    lost = write(server, "in the gap")
    newest = write(server, "behind")
    [path] = (scratch.root / "repository").glob(f"clusters/*/wal/*/*/{lost}")
    path.unlink()
    rows, said = restored_rows(scratch)
    assert rows == {"before"}
    assert "WARNING: the archive has a gap" in said and lost in said and newest in said


def test_without_a_gap_nothing_is_said_of_one(protected):
    scratch, server = protected
    create_ledger(server)
    scratch.pgcairn("backup")
    write(server, "last")
    rows, said = restored_rows(scratch)
    assert rows == {"last"} and "gap" not in said


def test_a_damaged_manifest_stops_only_the_restore_that_asks_for_it(protected):
    scratch, server = protected
    create_ledger(server)
    scratch.pgcairn("backup")
    write(server, "first")
    newest = scratch.pgcairn_json("backup")["backup_id"]
    write(server, "second")
    [path] = (scratch.root / "repository").glob(f"clusters/*/backups/{newest}")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    asked_for = scratch.pgcairn("restore", "--type=full", f"--source={newest}",
                                f"--target-dir={scratch.root}/restored", check=False)
    assert asked_for.returncode == DAMAGED and newest in asked_for.stderr
    rows, said = restored_rows(scratch)
    assert rows == {"first", "second"}
    assert f"{newest} is left out" in said
