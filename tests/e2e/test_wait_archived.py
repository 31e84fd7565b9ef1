"""Server.wait_archived, which most tests of the archive lean on."""


def test_waiting_for_the_archive_ends_when_nothing_was_written(protected):
    _, server = protected
    for _ in range(3):
        server.wait_archived(timeout=10)
        server.sql("SELECT pg_switch_wal()")
        server.sql("SELECT pg_switch_wal()")


def test_what_was_written_before_is_archived_after_the_wait(protected):
    scratch, server = protected
    server.sql("CREATE TABLE written AS SELECT 1")
    name = server.sql("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
    server.wait_archived(timeout=10)
    scratch.pgcairn("wal", "fetch", name, scratch.root / "fetched")
