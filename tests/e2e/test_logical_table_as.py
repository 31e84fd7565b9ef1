"""One table of a logical backup, restored beside the one that is there, under another name."""

import pytest

from logical_cluster import LogicalCluster

USAGE, NOT_FOUND, UNSUPPORTED, REFUSED = 2, 3, 11, 12
FILL = """
CREATE SCHEMA "Ä.b";
CREATE TABLE customers (id int PRIMARY KEY);
INSERT INTO customers SELECT generate_series(1, 10);
CREATE TABLE orders (id bigserial PRIMARY KEY, customer int REFERENCES customers NOT NULL,
  note text DEFAULT 'a; "b" $$ '' c' CHECK (note <> ';'), twice int GENERATED ALWAYS AS (customer * 2) STORED,
  "odd; name" int DEFAULT 7);
INSERT INTO orders (customer, note) SELECT 1 + g % 10, 'note ' || g FROM generate_series(1, 2000) g;
CREATE INDEX by_note ON orders (note);
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON orders USING (true);
GRANT SELECT ON orders TO PUBLIC;
CREATE UNLOGGED TABLE "Ä.b"."o""r; d" (a int);
INSERT INTO "Ä.b"."o""r; d" VALUES (1), (2);
CREATE TABLE parent (a int);
CREATE TABLE child (b int) INHERITS (parent);
INSERT INTO child VALUES (1, 2);
CREATE TYPE pair AS (x int, y int);
CREATE TABLE typed OF pair;
CREATE TABLE parted (a int) PARTITION BY RANGE (a);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
INSERT INTO parted VALUES (1), (2), (3);
"""


@pytest.fixture(name="cluster", scope="module")
def _cluster():
    with LogicalCluster() as cluster:
        cluster.source.sql(FILL, "source")
        cluster.backup()
        yield cluster


def restore(cluster, table, name, *more):
    return cluster.pgcairn_json("restore", "--type=table", f"--table={table}", f"--as={name}", *more)


def refused(cluster, table, name, *more):
    return cluster.pgcairn_error("restore", "--type=table", f"--table={table}", f"--as={name}", *more)


def test_rows_come_back_beside_the_table_that_is_there(cluster):
    cluster.source.sql("CREATE TABLE kept AS SELECT * FROM orders; UPDATE orders SET note = 'lost'",
                       "source")
    planned = restore(cluster, "orders", "orders_before", "--dry-run")
    assert planned["steps_done"] == 0
    assert cluster.source.sql("SELECT to_regclass('orders_before') IS NULL", "source") == "t"
    report = restore(cluster, "orders", "orders_before")
    assert report["tables"] == [{"schema": "public", "name": "orders_before", "rows": 2000,
                                 "bytes": report["bytes"]}]
    columns = '(SELECT id, customer, note, twice, "odd; name" FROM {}) rows'
    question = "SELECT count(*), md5(string_agg(rows::text, '' ORDER BY id)) FROM " + columns
    assert (cluster.source.sql(question.format("orders_before"), "source")
            == cluster.source.sql(question.format("kept"), "source"))
    assert cluster.source.sql("SELECT DISTINCT note FROM orders", "source") == "lost"
    # What goes along, and what does not and is named.
    assert cluster.source.sql(
        "INSERT INTO orders_before (id, customer) VALUES (0, 4) RETURNING note, twice, \"odd; name\"",
        "source") == "a; \"b\" $$ ' c|8|7"
    assert cluster.source.sql(
        "SELECT count(*) FROM pg_constraint WHERE conrelid = 'orders_before'::regclass", "source") == "1"
    assert cluster.source.sql(
        "SELECT count(*), (SELECT relacl IS NULL FROM pg_class WHERE oid = 'orders_before'::regclass) "
        "FROM pg_index WHERE indrelid = 'orders_before'::regclass", "source") == "0|t"
    for left in ("CONSTRAINT orders orders_pkey", "INDEX by_note", "POLICY orders mine", "DEFAULT orders id",
                 "FK CONSTRAINT orders orders_customer_fkey", "ACL TABLE orders", "SEQUENCE orders_id_seq"):
        assert any(line.startswith(left) for line in report["skipped"]), (left, report["skipped"])


def test_a_name_is_taken_word_for_word(cluster):
    cluster.source.sql('CREATE SCHEMA archive', "source")
    restore(cluster, 'Ä.b.o"r; d', 'archive.of "then"; x')
    assert cluster.source.sql('SELECT sum(a) FROM archive."of ""then""; x"', "source") == "3"
    assert cluster.source.sql(
        "SELECT relpersistence FROM pg_class WHERE relname = 'of \"then\"; x'", "source") == "u"
    restore(cluster, "parted_1", "archive.part")
    assert cluster.source.sql("SELECT sum(a), (SELECT sum(a) FROM parted) FROM archive.part",
                              "source") == "6|6"


def test_what_has_the_name_stays(cluster):
    for name in ("customers", "public.by_note"):
        error = refused(cluster, "orders", name)
        assert error["exit_status"] == REFUSED or "already exists" in error["message"], error
    assert cluster.source.sql("SELECT count(*) FROM customers", "source") == "10"
    error = refused(cluster, "orders", "nowhere.orders")
    assert error["exit_status"] == REFUSED and "CREATE SCHEMA" in error["hint"]
    assert refused(cluster, "none", "x")["exit_status"] == NOT_FOUND


def test_what_cannot_be_parted_from_another_is_refused(cluster):
    for table in ("child", "typed"):
        error = refused(cluster, table, "copied")
        assert error["exit_status"] == UNSUPPORTED and table in error["message"]
    assert cluster.source.sql("SELECT to_regclass('copied') IS NULL", "source") == "t"


def test_one_table_and_no_other_way(cluster):
    assert refused(cluster, "orders", "x", "--table=customers")["exit_status"] == USAGE
    assert refused(cluster, "orders", "x", "--replace")["exit_status"] == USAGE
    assert cluster.pgcairn_error("restore", "--type=full", "--as=x")["exit_status"] == USAGE
