"""Tables that take many streams come back whole, and the next backup finds what it has of them."""

import pytest

from database_comparison import DatabaseState, differences
from logical_cluster import LogicalCluster

pytestmark = pytest.mark.slow

ROWS = 200_000
# A row in a hundred is longer than a chunk, and one in a thousand than several.
BODY = ("repeat(md5({0}::text), 15) || CASE WHEN {0} % 1000 = 0 THEN repeat(sha512({0}::text::bytea)::text, 200) "
        "WHEN {0} % 100 = 0 THEN repeat(md5({0}::text), 300) ELSE '' END")
QUESTION = "SELECT count(*), sum(hashtext(l::text)::bigint) FROM large l"


@pytest.fixture(name="cluster", params=["one scan", "parts"])
def _cluster(request):
    limits = {"jobs": 2} if request.param == "one scan" else {"jobs": 2, "one_scan_gib": 0}
    with LogicalCluster(performance=limits) as made:
        made.in_parts = request.param == "parts"
        yield made


def add(cluster, first, last):
    cluster.source.sql(f"INSERT INTO large SELECT g, {BODY.format('g')} FROM generate_series({first}, {last}) g",
                       "source")


def make_large(cluster):
    # As it comes: TOAST would be another way to read it.
    cluster.source.sql("CREATE TABLE large (id int PRIMARY KEY, body text);"
                       "ALTER TABLE large ALTER body SET STORAGE EXTERNAL", "source")
    add(cluster, 1, ROWS)


def copies(cluster):
    return [line for line in cluster.source.log_text().splitlines() if "COPY " in line and '"large"' in line]


def test_a_large_table_comes_back_and_is_known_again_whatever_happened_to_it(cluster):
    make_large(cluster)
    cluster.source.sql("ALTER SYSTEM SET log_statement = 'all'")
    cluster.source.sql("SELECT pg_reload_conf()")
    first = cluster.backup()
    read = copies(cluster)
    assert len([line for line in read if "ctid" in line]) == (len(read) if cluster.in_parts else 0)
    assert len(read) == (2 if cluster.in_parts else 1), read
    assert first["chunks_new"] == first["chunks"]
    name = cluster.restored("--create-roles")
    assert differences(DatabaseState.read(cluster.source, "source"),
                       DatabaseState.read(cluster.source, name)) == []

    again = cluster.backup("--type=incremental")
    # The definitions hold the time of day.
    assert again["chunks_new"] < 5
    cluster.source.sql(f"DELETE FROM large WHERE id < {ROWS // 3}", "source")
    cluster.source.sql("VACUUM large", "source")
    removed = cluster.backup("--type=incremental")
    assert removed["chunks_new"] < first["chunks"] / 1000
    add(cluster, ROWS + 1, ROWS + ROWS // 6)
    filled = cluster.backup("--type=incremental")
    assert filled["chunks_new"] < first["chunks"] / 6 * 1.05
    cluster.source.sql(f"UPDATE large SET body = upper(body) WHERE id > {ROWS}", "source")
    changed = cluster.backup("--type=incremental")
    assert changed["chunks_new"] < first["chunks"] / 6 * 1.05
    name = cluster.restored()
    assert cluster.source.sql(QUESTION, name) == cluster.source.sql(QUESTION, "source")
    name = cluster.restored(f"--source={removed['backup_id']}")
    assert cluster.source.sql("SELECT count(*) FROM large", name) == str(ROWS - ROWS // 3 + 1)
    cluster.require_valid()


def test_no_stream_ends_within_a_row():
    with LogicalCluster() as cluster:
        # Each takes a whole chunk, and what is left of it waits for the next one.
        cluster.source.sql("CREATE TABLE large AS SELECT g, repeat(md5(g::text), 259) AS body "
                           "FROM generate_series(1, 30000) g", "source")
        cluster.backup()
        name = cluster.restored()
        assert cluster.source.sql(QUESTION, name) == cluster.source.sql(QUESTION, "source")
        cluster.require_valid()
