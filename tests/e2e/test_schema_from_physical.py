"""The definitions of a database as they were at a moment, out of a physical backup."""

import json

import pytest

from database_comparison import DatabaseState, differences
from scratch import Scratch

REFUSED = 12

pytestmark = pytest.mark.slow

BEFORE = """
CREATE SCHEMA "Ä b";
CREATE TYPE public.mood AS ENUM ('calm', 'wild');
CREATE TABLE public.orders (id bigserial PRIMARY KEY, mood public.mood, amount numeric CHECK (amount > 0));
CREATE TABLE "Ä b".notes (id int GENERATED ALWAYS AS IDENTITY, of bigint REFERENCES public.orders);
CREATE INDEX ON public.orders (mood) WHERE amount > 5;
CREATE VIEW public.wild AS SELECT * FROM public.orders WHERE mood = 'wild';
CREATE FUNCTION public.twice(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT x * 2';
CREATE ROLE seller;
GRANT SELECT ON public.orders TO seller;
ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON public.orders USING (amount < 100);
INSERT INTO public.orders (mood, amount) SELECT 'calm', g FROM generate_series(1, 500) g;
"""

AFTER = """
DROP VIEW public.wild;
ALTER TABLE public.orders DROP COLUMN mood;
CREATE TABLE public.late (id int);
"""

# Nothing was put into it.
ROWS = ("rows of *", "value of *", "content of *")


def test_definitions_are_those_of_the_moment():
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb("--wal-segsize=1")
        trials = scratch.make_directory("trials")
        scratch.protect(server, restore={"test_directory": str(trials)})
        server.sql("CREATE DATABASE app TEMPLATE template0")
        scratch.pgcairn("backup")
        server.sql(BEFORE, "app")
        expected = DatabaseState.read(server, "app")
        position = server.sql("SELECT pg_current_wal_insert_lsn()")
        server.sql(AFTER, "app")
        server.wait_archived()
        server.sql("CREATE DATABASE target TEMPLATE template0")

        def restore(*arguments, check=True):
            result = scratch.pgcairn("--output=json", "restore", "--type=schema", "--database=app",
                                     f"--target-url={server.conninfo('target')}", *arguments,
                                     check=check)
            assert list(trials.iterdir()) == []
            return json.loads(result.stdout)

        report = restore(f"--lsn={position}")
        assert report["steps_done"] == len(report["steps"]) and report["tables"] == []
        assert report["recovered"]["target"] == f"LSN {position}"
        assert differences(expected, DatabaseState.read(server, "target"), skipped=ROWS) == []
        assert server.sql("SELECT count(*) FROM public.orders", "target") == "0"
        refused = restore(f"--lsn={position}", check=False)
        assert refused["error"]["exit_status"] == REFUSED
        assert "not empty" in refused["error"]["message"]

        # Without a moment, to the end of the log.
        server.sql("DROP DATABASE target")
        server.sql("CREATE DATABASE target TEMPLATE template0")
        restore()
        assert differences(DatabaseState.read(server, "app"), DatabaseState.read(server, "target"),
                           skipped=ROWS) == []
