"""PostgreSQL's own regression database comes back, but for what pg_dump does not bring back."""

import pytest

from database_comparison import DatabaseState, differences, named_differences
from logical_cluster import LogicalCluster
from regression_database import make_regression_database

# Two minutes to build it.
pytestmark = pytest.mark.soak

# What there must be at least, so that it is not empty unnoticed.
FLOOR = {"table": 500, "partitioned table": 70, "column": 2500, "index": 200, "constraint": 150,
         "function": 250, "view": 40, "trigger": 50, "rule": 80, "aggregate": 40, "operator": 10,
         "domain": 15, "policy": 5, "large object": 3}

EXPECTED = (
    # A child that got columns after its parent did: pg_dump has the parent's columns first.
    *(f"column public.{table}.*: place" for table in (
        "[b-f]_star", "gtestxx_4", "renamecolumnanother", "renamecolumnchild",
        "test_type_diff2_c[12]", "test_type_diff_c")),
    # Rows are compared in the order of the columns; below, in that of the names of these.
    *(f"rows of public.{table}: content" for table in (
        "[b-f]_star", "test_type_diff2_c[12]", "test_type_diff_c")),
    # A partition's foreign key, once its own and then its parent's, is made with the parent's.
    "constraint fk_partitioned_fk_4_a_b_fkey on public.fk_partitioned_fk_4*: missing",
    "constraint fk_partitioned_fk_a_b_fkey on public.fk_partitioned_fk_4*: new",
    # Named as another's negator and never made.
    "operator public.!==(boolean,boolean): missing",
    # Of PostgreSQL's own objects pg_dump keeps privileges alone, not what was added to them.
    "operator family pg_catalog.integer_ops USING btree: missing",
)

BY_NAME = """
SELECT format('SELECT count(*), md5(string_agg(r, '''' ORDER BY r)) FROM '
              '(SELECT concat_ws(''|'', %s) AS r FROM ONLY %s) x',
              string_agg(format('coalesce(%I::text, ''NULL'')', attname), ', ' ORDER BY attname),
              attrelid::regclass)
  FROM pg_attribute WHERE attrelid = to_regclass('{}') AND attnum > 0 AND NOT attisdropped
 GROUP BY attrelid
"""


def test_the_regression_database_comes_back():
    with LogicalCluster() as cluster:
        server = cluster.source
        make_regression_database(server, "regression")
        cluster.configure_backups(cluster={"connection": server.conninfo("regression")})
        before = DatabaseState.read(server, "regression")
        kinds = [kind for kind, _ in before.objects]
        assert {kind: kinds.count(kind) for kind, least in FLOOR.items()
                if kinds.count(kind) < least} == {}
        report = cluster.backup()
        assert report["left_out"] == [] and report["rows"] > 300_000
        assert report["packs"] < 50
        name = cluster.restored()
        after = DatabaseState.read(server, name)
        assert differences(before, after, expected=EXPECTED) == []
        reordered = {line.split()[2].rstrip(":") for line, _ in named_differences(before, after)
                     if line.startswith("rows of ")}
        assert len(reordered) == 8
        for table in reordered:
            question = server.sql(BY_NAME.format(table), "regression")
            assert server.sql(question, "regression") == server.sql(question, name), table
        cluster.require_valid()
