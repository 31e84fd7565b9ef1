"""PostgreSQL's own regression database, built from the SQL that scripts/install-regression fetched:
what fifteen thousand lines leave behind whose author had no backup in mind."""

import shutil
import subprocess

from scratch import BINDIR, CHECKOUT, CLIENT_BINDIR

TESTS = CHECKOUT / "build/regression"
# As pg_regress sets them; some tests say what they mean only so.
ENVIRONMENT = {"PGTZ": "PST8PDT", "PGDATESTYLE": "Postgres, MDY",
               "PGOPTIONS": "-c intervalstyle=postgres_verbose", "PG_DLSUFFIX": ".so"}
LEFT_BY_POSTGRESQL = """
DELETE FROM pg_description WHERE classoid = 'pg_subscription'::regclass
   AND NOT EXISTS (SELECT FROM pg_subscription s WHERE s.oid = objoid)
"""
FILLED_VIEWS = """
SELECT 'REFRESH MATERIALIZED VIEW ' || c.oid::regclass FROM pg_class c
 WHERE c.relkind = 'm' AND c.relispopulated
"""


def make_regression_database(server, database):
    """All files in the order of the schedule, one after the other; statements that fail are most
    often meant to."""
    scratch = server.scratch
    assert TESTS.exists(), f"scripts/install-regression has not installed {TESTS}"
    place = scratch.root / "regression"
    shutil.copytree(TESTS, place)
    for library in ("refint.so", "autoinc.so"):
        shutil.copy(BINDIR.parent / "lib" / library, place)
    (place / "results").mkdir()
    subprocess.run(["chown", "-R", f"--reference={server.data}", place], check=True)
    server.sql(f"CREATE DATABASE {database} TEMPLATE template0")
    places = {name: str(place) for name in ("PG_ABS_SRCDIR", "PG_ABS_BUILDDIR", "PG_LIBDIR")}
    for name in _schedule(place):
        scratch.run([CLIENT_BINDIR / "psql", "-Xaq", "-d", server.conninfo(database),
                     "-v", "HIDE_TABLEAM=on", "-v", "HIDE_TOAST_COMPRESSION=on",
                     "-f", place / "sql" / f"{name}.sql"],
                    env={**ENVIRONMENT, **places}, cwd=place)
    # DROP SUBSCRIPTION leaves its comment, which is then one on nothing.
    server.sql(LEFT_BY_POSTGRESQL, database)
    # A restore fills views with what their queries say now.
    for statement in server.sql(FILLED_VIEWS, database).splitlines():
        server.sql(statement, database)


def _schedule(place):
    for line in (place / "parallel_schedule").read_text().splitlines():
        if line.startswith("test:"):
            yield from line.split()[1:]
