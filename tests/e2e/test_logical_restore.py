"""A logical backup, restored into other databases, holds what the source held."""

import json

import pytest

from scratch import CLIENT_BINDIR, Scratch

NOT_FOUND = 3
REFUSED = 12

FILL = """
CREATE SCHEMA "Ä b";
CREATE TYPE public.mood AS ENUM ('calm', 'wild');
CREATE TABLE public.orders (id bigserial PRIMARY KEY, at timestamptz DEFAULT now(), mood public.mood,
  amount numeric, raw bytea, tags text[], twice numeric GENERATED ALWAYS AS (amount * 2) STORED);
INSERT INTO public.orders (mood, amount, raw, tags)
  SELECT CASE i % 3 WHEN 0 THEN 'calm' WHEN 1 THEN 'wild' END::public.mood,
    CASE i % 100 WHEN 0 THEN 'NaN'::numeric ELSE i END, decode(md5(i::text), 'hex'), ARRAY[E'a\\t', NULL, i::text]
  FROM generate_series(1, 30000) AS i;
CREATE TABLE "Ä b".notes (id int GENERATED ALWAYS AS IDENTITY, of bigint REFERENCES public.orders, t text);
INSERT INTO "Ä b".notes (of, t) SELECT id, repeat('é', 10) FROM public.orders WHERE id % 7 = 0;
CREATE TABLE public.none ();
INSERT INTO public.none SELECT FROM generate_series(1, 5);
CREATE MATERIALIZED VIEW public.sums AS SELECT mood, count(*) FROM public.orders GROUP BY mood;
CREATE ROLE seller;
GRANT SELECT ON public.orders TO seller;
SELECT lo_from_bytea(4711, decode(repeat('00ff', 100000), 'hex'));
"""

QUESTIONS = [
    "SELECT count(*), md5(string_agg(o::text, '' ORDER BY id)) FROM public.orders o",
    "SELECT count(*), md5(string_agg(n::text, '' ORDER BY id)) FROM \"Ä b\".notes n",
    "SELECT count(*) FROM public.none",
    "SELECT * FROM public.sums ORDER BY 1",
    "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2",
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace >= 2200 ORDER BY 1",
    "SELECT relname, relkind, relacl FROM pg_class WHERE oid >= 16384 AND relkind <> 't' "
    "AND relnamespace <> 'pg_toast'::regnamespace ORDER BY 1, 2",
    "SELECT oid, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY 1",
]


@pytest.fixture(scope="module")
def place():
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb()
        server.start()
        server.sql("CREATE DATABASE source")
        server.sql(FILL, "source")
        scratch.write_config(server, cluster={"method": "logical",
                                              "connection": server.conninfo("source")},
                             performance={"jobs": 2})
        scratch.pgcairn("init")
        scratch.pgcairn("backup")
        yield scratch, server


@pytest.fixture
def target(place, request):
    """A new database."""
    _, server = place
    name = request.node.name.replace("[", "_").replace("]", "")[:60].lower()
    server.sql(f"CREATE DATABASE {name} TEMPLATE template0")
    return name


def restore(place, target, *arguments, check=True):
    scratch, server = place
    result = scratch.pgcairn("--output=json", "restore", f"--target-url={server.conninfo(target)}",
                             *arguments, check=check)
    return json.loads(result.stdout)


def test_everything_comes_back(place, target):
    _, server = place
    planned = restore(place, target, "--dry-run")
    assert planned["dry_run"] and planned["steps_done"] == 0 and planned["refusals"] == []
    assert server.sql("SELECT count(*) FROM pg_class WHERE oid >= 16384", target) == "0"
    report = restore(place, target)
    assert report["steps"] == planned["steps"] and report["steps_done"] == len(report["steps"])
    for question in QUESTIONS:
        assert server.sql(question, target) == server.sql(question, "source"), question
    again = restore(place, target, check=False)
    assert again["error"]["exit_status"] == REFUSED and "not empty" in again["error"]["message"]


def test_definitions_alone(place, target):
    _, server = place
    restore(place, target, "--type=schema")
    assert server.sql("SELECT count(*) FROM public.orders", target) == "0"
    assert server.sql(QUESTIONS[5], target) == server.sql(QUESTIONS[5], "source")


def test_one_table_into_a_database_in_use(place, target):
    _, server = place
    restore(place, target)
    server.sql("DROP TABLE \"Ä b\".notes; DELETE FROM public.orders WHERE id > 100", target)
    refused = restore(place, target, "--type=table", "--table=public.orders", check=False)
    assert refused["error"]["exit_status"] == REFUSED
    restore(place, target, "--type=table", "--table=notes", "--table=public.orders", "--replace")
    for question in QUESTIONS[:2] + QUESTIONS[4:6]:
        assert server.sql(question, target) == server.sql(question, "source"), question


def test_a_directory_is_no_place_for_it(place):
    scratch, _ = place
    result = scratch.pgcairn("restore", "--type=full", f"--target-dir={scratch.root}/never",
                             check=False)
    assert result.returncode == NOT_FOUND and "--target-url" in result.stderr


def test_the_reader_writes_what_psql_loads(place, target):
    scratch, server = place
    sql = scratch.root / f"{target}.sql"
    scratch.run(["/usr/bin/python3", scratch.reader, "--repository", scratch.root / "repository",
                 "--key-file", scratch.root / "storage/encryption/host.key",
                 "export", scratch.pgcairn_json("list")["backups"][-1]["backup_id"],
                 "--to-file", sql])
    scratch.run([CLIENT_BINDIR / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-1", "-f", sql,
                 "-d", server.conninfo(target)])
    for question in QUESTIONS:
        assert server.sql(question, target) == server.sql(question, "source"), question
