"""Rows that the server cannot send end a logical backup with their place: damaged ones, and those that
are too long for PostgreSQL's text."""

import pytest

from logical_cluster import LogicalCluster

FAILED, DAMAGED = 1, 5


@pytest.fixture
def cluster():
    with LogicalCluster() as made:
        yield made


def documents(cluster):
    """Rows whose long value lies in TOAST as it is, two pages each."""
    cluster.source.sql(
        "CREATE TABLE documents (id int, body text);"
        "ALTER TABLE documents ALTER body SET STORAGE EXTERNAL;"
        "INSERT INTO documents SELECT g, repeat(chr(64 + g % 50), 12000) FROM generate_series(1, 200) g",
        "source")


def zero_a_page_of_toast(cluster):
    """What a disk does that loses a page: the server takes it for one that was never written."""
    path = cluster.source.data / cluster.source.sql(
        "SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE relname = 'documents'", "source")
    cluster.source.stop()
    with open(path, "r+b") as file:
        file.seek(150 * 8192)
        file.write(bytes(8192))
    cluster.source.start()


def place_of_first_unreadable(cluster):
    return cluster.source.sql(
        "DO $$ DECLARE r record; BEGIN "
        "FOR r IN SELECT id, ctid FROM documents ORDER BY ctid LOOP "
        "  BEGIN PERFORM md5(body) FROM documents WHERE id = r.id; "
        "  EXCEPTION WHEN OTHERS THEN "
        "    CREATE TABLE first_unreadable AS SELECT r.ctid::text AS place; RETURN; END; "
        "END LOOP; END $$; SELECT place FROM first_unreadable", "source").split("\n")[-1]


def test_a_damaged_row_is_named_by_table_and_place(cluster):
    documents(cluster)
    first = cluster.backup()["backup_id"]
    zero_a_page_of_toast(cluster)
    place = place_of_first_unreadable(cluster)
    assert place.startswith("(")
    failed = cluster.pgcairn("backup", check=False)
    assert failed.returncode == DAMAGED, failed.stderr
    assert '"public"."documents"' in failed.stderr
    assert f"the row at ctid {place} was not sent" in failed.stderr
    assert cluster.backups() == [first]
    cluster.source.sql("DELETE FROM documents WHERE ctid = (SELECT place::tid FROM first_unreadable)",
                       "source")
    still = cluster.pgcairn("backup", check=False)
    if still.returncode != 0:
        # The page may have held parts of two rows; then the next one is named.
        assert f"the row at ctid {place} " not in still.stderr
        assert "was not sent" in still.stderr
    cluster.require_valid()


@pytest.mark.soak
def test_a_row_that_is_too_long_as_text_is_named_by_table_and_place(cluster):
    cluster.source.sql(
        "CREATE TABLE wide (id int, body bytea);"
        "INSERT INTO wide SELECT g, 'short' FROM generate_series(1, 3) g;"
        "INSERT INTO wide VALUES (4, convert_to(repeat('w', 600000000), 'UTF8')), (5, 'short')", "source")
    place = cluster.source.sql("SELECT ctid FROM wide WHERE id = 4", "source")
    failed = cluster.pgcairn("backup", check=False)
    assert failed.returncode == FAILED, failed.stderr
    assert '"public"."wide"' in failed.stderr
    assert f"the row at ctid {place} was not sent" in failed.stderr
    assert "1 GB" in failed.stderr
    assert cluster.backups() == []
