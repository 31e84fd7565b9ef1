"""Logical backups of every version of PostgreSQL, and restores from one into another. The client
programs are Debian's of 15 and those that scripts/install-clients has: 17, for servers of 16, too,
and 18."""

import contextlib
import json

import pytest

from database_comparison import DatabaseState, differences
from every_object import MAJORS, make_every_object
from logical_cluster import DEBIANS, LogicalCluster
from scratch import CLIENT_BINDIR

NOT_FOUND, FAILED = 3, 1  # exit statuses
# A restore goes into a database that somebody made; what is said of the database as a whole is his.
OF_THE_DATABASE = ("database itself: *", "settings of * in this database: missing")
# What initdb of another version makes, and which version of an extension is its default.
OF_THE_OTHER_SERVER = ("database itself: *", "schema public: *", "role *", "extension *: version")

SMALL = """
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('calm', 'wild');
CREATE DOMAIN shop.price AS numeric(10, 2) CHECK (VALUE >= 0);
CREATE FUNCTION shop.shout(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
SET transaction_timeout = 0;
RETURN upper(t); END $$;
CREATE TABLE shop.customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,
  mood shop.mood, raw bytea, floats float8[], shouted text GENERATED ALWAYS AS (lower(name)) STORED);
INSERT INTO shop.customers (name, mood, raw, floats) SELECT E'Mrs\\t' || g, 'wild', sha256(g::text::bytea),
  ARRAY['NaN', '-Infinity', g / 3.0::float8] FROM generate_series(1, 500) g;
CREATE TABLE shop.orders (id bigserial, of int REFERENCES shop.customers, price shop.price, at timestamptz,
  PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE shop.orders_1 PARTITION OF shop.orders FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE shop.orders_2 PARTITION OF shop.orders DEFAULT;
INSERT INTO shop.orders (of, price, at) SELECT g, g, timestamptz '2020-12-20 00:00+00' + g * interval '1 hour'
  FROM generate_series(1, 500) g;
CREATE INDEX ON shop.orders (of);
CREATE VIEW shop.sums AS SELECT c.name, sum(o.price) FROM shop.customers c JOIN shop.orders o ON o.of = c.id
  GROUP BY c.id;
CREATE MATERIALIZED VIEW shop.kept AS SELECT * FROM shop.sums;
CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER noted AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.note();
ALTER TABLE shop.customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON shop.customers FOR SELECT USING (name = current_user);
GRANT SELECT ON shop.customers TO PUBLIC;
CREATE PUBLICATION changes FOR TABLE shop.customers;
CREATE EXTENSION citext;
COMMENT ON TABLE shop.orders IS 'it''s one';
SELECT lo_from_bytea(4711, '\\x00ff');
"""

EVERY_TYPE_OF_TEXT = """
CREATE TABLE public.moved (id int PRIMARY KEY, f float8, n numeric, b bytea, t text, a text[], at timestamptz,
  i interval, j jsonb, twice int GENERATED ALWAYS AS (id * 2) STORED);
"""
ROWS_TO_MOVE = """
INSERT INTO public.moved SELECT g, CASE g % 3 WHEN 0 THEN 'NaN' ELSE g / 7.0 END, g / 3.0, sha256(g::text::bytea),
  E'a\\tb\\\\' || g, ARRAY[NULL, 'é', g::text], timestamptz '1999-12-31 12:00+00' + g * interval '1 h',
  g * interval '1 min', jsonb_build_object('g', g) FROM generate_series(1, 5000) g
"""
MOVED = "SELECT count(*), md5(string_agg(m::text, '' ORDER BY id)) FROM public.moved m"

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def small_database(major, **options):
    with LogicalCluster(major, **options) as cluster:
        cluster.source.sql("SET check_function_bodies = off;" + SMALL, "source")
        cluster.backup()
        yield cluster


def other_server(cluster, major):
    server = cluster.server("target", cluster.server_programs(major))
    server.initdb()
    server.start()
    return server


@pytest.mark.parametrize("major, clients", [(13, 15), (14, 15), (15, 15), (14, 18), (16, 17),
                                            (17, 17), (18, 18)])
def test_every_kind_of_object_comes_back(major, clients):
    with LogicalCluster(major, clients) as cluster:
        make_every_object(cluster.source, "every")
        cluster.configure_backups(cluster={"connection": cluster.source.conninfo("every")})
        if clients >= 16 > major:
            # Of an older server such a pg_dump says run_as_owner, which only a server of 16 knows.
            # The comment would stay.
            cluster.source.sql("COMMENT ON SUBSCRIPTION asleep IS NULL", "every")
            cluster.source.sql("DROP SUBSCRIPTION asleep", "every")
        before = DatabaseState.read(cluster.source, "every")
        cluster.backup()
        name = cluster.restored()
        assert differences(before, DatabaseState.read(cluster.source, name),
                           expected=OF_THE_DATABASE) == []
        assert differences(before, DatabaseState.read(cluster.source, "every")) == []


@pytest.mark.parametrize("source, target", [(13, 15), (15, 17), (16, 17), (17, 18)])
def test_a_newer_server_takes_all(source, target):
    with small_database(source) as cluster:
        server = other_server(cluster, target)
        name = cluster.restored(server=server)
        assert differences(DatabaseState.read(cluster.source, "source"),
                           DatabaseState.read(server, name), skipped=OF_THE_OTHER_SERVER) == []


@pytest.mark.parametrize("source, target", [(17, 15), (18, 16)])
def test_an_older_server_takes_what_it_knows_with_a_warning(source, target):
    with small_database(source) as cluster:
        server = other_server(cluster, target)
        server.sql("CREATE DATABASE small TEMPLATE template0")
        report = cluster.pgcairn_json("restore", f"--target-url={server.conninfo('small')}")
        assert any(f"of PostgreSQL {source}, and the target is {target}" in warning
                   for warning in report["warnings"])
        assert differences(DatabaseState.read(cluster.source, "source"),
                           DatabaseState.read(server, "small"), skipped=OF_THE_OTHER_SERVER) == []


def test_what_an_older_server_does_not_know_is_an_error_that_says_so():
    with LogicalCluster(17) as cluster:
        cluster.source.sql("CREATE TABLE known (t text)", "source")
        cluster.source.sql("CREATE TABLE later (t text COLLATE pg_c_utf8)", "source")
        cluster.backup()
        server = other_server(cluster, 15)
        server.sql("CREATE DATABASE target TEMPLATE template0")
        failed = cluster.pgcairn("restore", f"--target-url={server.conninfo('target')}",
                                 check=False)
        assert failed.returncode == FAILED
        for said in ("the backup is of PostgreSQL 17, and the target is 15", "pg_c_utf8",
                     "nothing but roles was changed"):
            assert said in failed.stderr, failed.stderr
        assert server.sql("SELECT count(*) FROM pg_class WHERE oid >= 16384", "target") == "0"


def test_a_table_is_made_where_pg_restore_is_newer_than_the_server():
    with small_database(16) as cluster:
        cluster.source.sql("CREATE DATABASE target TEMPLATE template0")
        cluster.source.sql("CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('calm', 'wild')", "target")
        cluster.pgcairn("restore", "--type=table", "--table=shop.customers",
                        f"--target-url={cluster.source.conninfo('target')}")
        # The constraint needs no other table, and comes after the rows.
        for question in ("SELECT count(*), md5(string_agg(c::text, '' ORDER BY id)) FROM shop.customers c",
                         "SELECT conname FROM pg_constraint WHERE conrelid = 'shop.customers'::regclass "
                         "AND contype = 'p'",
                         "SELECT polname FROM pg_policy"):
            told = cluster.source.sql(question, "target")
            assert told and told == cluster.source.sql(question, "source"), question


@pytest.fixture(name="rows", scope="module")
def _rows():
    """A backup of 15, by a program that has the clients of 15 alone."""
    with LogicalCluster(15, clients=DEBIANS) as cluster:
        cluster.source.sql(EVERY_TYPE_OF_TEXT + ROWS_TO_MOVE, "source")
        cluster.backup()
        yield cluster


@pytest.mark.parametrize("major", MAJORS)
def test_rows_go_into_a_table_of_every_version_without_its_client(rows, major):
    server = rows.server(f"target-{major}", rows.server_programs(major))
    server.initdb()
    server.start()
    server.sql(EVERY_TYPE_OF_TEXT + "INSERT INTO public.moved (id, t) VALUES (0, 'of before')")
    rows.pgcairn("restore", "--type=table", "--table=moved", "--replace",
                 f"--target-url={server.conninfo()}")
    assert server.sql(MOVED) == rows.source.sql(MOVED, "source")
    server.stop()


@pytest.mark.parametrize("major", (16, 17, 18))
def test_without_its_client_a_backup_is_an_error_that_names_the_package(major):
    with LogicalCluster(major, clients=DEBIANS) as cluster:
        failed = cluster.pgcairn("backup", check=False)
        assert failed.returncode == NOT_FOUND
        assert f"postgresql-client-{major}" in failed.stderr
        assert "cluster.bin_dir" in failed.stderr
        checked = json.loads(cluster.pgcairn("--output=json", "check", check=False).stdout)
        assert [f"postgresql-client-{major}" in found["remedy"] for found in checked["findings"]
                if found["subject"] == "programs"] == [True, True]
        # As where somebody says that those of 15 do.
        cluster.configure_backups(cluster={"bin_dir": str(CLIENT_BINDIR)})
        told = cluster.pgcairn("backup", check=False).stderr
        assert "is of 15, which refuses newer servers" in told
        assert cluster.backups() == []
