"""Nobody may do more with what was restored than he might with what was backed up."""

import pytest

from logical_cluster import LogicalCluster


@pytest.fixture(name="cluster", scope="module")
def _cluster():
    with LogicalCluster() as made:
        made.source.sql("CREATE ROLE anon; CREATE ROLE giver; CREATE ROLE taker")
        made.source.sql(
            "CREATE TABLE secret (id serial PRIMARY KEY, what text);"
            "INSERT INTO secret (what) VALUES ('nobody knows');"
            "CREATE TABLE given (id int); GRANT SELECT ON given TO giver WITH GRANT OPTION;"
            "SET ROLE giver; GRANT SELECT ON given TO taker", "source")
        made.backup()
        made.source.sql("DROP OWNED BY giver, taker", "source")
        made.source.sql("DROP ROLE giver, taker")
        yield made


def open_by_default(cluster, name):
    cluster.source.sql(f"CREATE DATABASE {name} TEMPLATE template0")
    cluster.source.sql("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO anon;"
                       "ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO anon", name)
    return f"--target-url={cluster.source.conninfo(name)}"


def privileges(cluster, name, table):
    return cluster.source.sql(
        f"SELECT has_table_privilege('anon', '{table}', 'SELECT'), "
        "(SELECT bool_or(has_sequence_privilege('anon', oid, 'USAGE')) FROM pg_class "
        "WHERE relkind = 'S')", name)


def test_a_table_is_not_opened_by_what_the_target_grants_by_default(cluster):
    target = open_by_default(cluster, "one_table")
    cluster.pgcairn("restore", "--type=table", "--table=secret", target)
    assert privileges(cluster, "one_table", "secret") == "f|f"
    assert cluster.source.sql("SELECT what FROM secret", "one_table") == "nobody knows"


def test_nor_is_a_copy_under_another_name(cluster):
    target = open_by_default(cluster, "copied")
    cluster.pgcairn("restore", "--type=table", "--table=secret", "--as=before", target)
    assert privileges(cluster, "copied", "before") == "f|"


def test_grants_of_roles_that_the_restore_makes_come_back(cluster):
    name = cluster.restored("--create-roles")
    assert cluster.source.sql("SELECT has_table_privilege('taker', 'given', 'SELECT')", name) == "t"
