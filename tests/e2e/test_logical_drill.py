"""`restore --test` of a logical backup proves that it can be restored, and leaves nothing behind."""

import json
import os
import signal

import pytest

from killed_runs import start
from logical_cluster import LogicalCluster
from scratch import kill, wait_for

FAILED, USAGE, REFUSED = 1, 2, 12
FILL = """
CREATE ROLE owner_of_it NOLOGIN;
CREATE TABLE orders (id serial PRIMARY KEY, note text);
ALTER TABLE orders OWNER TO owner_of_it;
INSERT INTO orders (note) SELECT 'n' || g FROM generate_series(1, 1000) g;
CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
CREATE TABLE painted (c colour, n int) PARTITION BY HASH (c);
CREATE TABLE painted_0 PARTITION OF painted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE painted_1 PARTITION OF painted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO painted SELECT (ARRAY['red', 'green', 'blue'])[1 + g % 3]::colour, g FROM generate_series(1, 300) g;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM orders;
"""


@pytest.fixture(name="cluster", scope="module")
def _cluster():
    with LogicalCluster() as cluster:
        cluster.source.sql(FILL, "source")
        cluster.backup()
        yield cluster


def trials(cluster):
    return sorted((cluster.root / "trials").iterdir())


def configure(cluster, **restore):
    if not (cluster.root / "trials").exists():
        cluster.make_directory("trials")
    cluster.configure_backups(restore={"test_directory": str(cluster.root / "trials"), **restore})


def databases(server):
    return server.sql("SELECT datname FROM pg_database ORDER BY 1").split()


@pytest.mark.slow
def test_a_trial_restores_into_a_server_of_its_own(cluster):
    configure(cluster)
    before = databases(cluster.source)
    report = cluster.pgcairn_json("restore", "--test")
    assert report["test"] is True and report["own_server"] is True and report["server_major"] == 15
    assert report["backup_id"] == cluster.backups()[-1]
    assert report["rows"] == 1300 and report["tables_counted"] == len(report["tables"]) == 3
    assert report["missing_roles"] == ["owner_of_it"]
    assert report["steps_done"] == len(report["steps"])
    for key in ("start_seconds", "restore_seconds", "query_seconds", "stop_seconds"):
        assert report[key] >= 0
    assert "can be restored" in cluster.pgcairn("restore", "--test").stdout
    assert trials(cluster) == [] and databases(cluster.source) == before
    assert cluster.source.sql("SELECT count(*) FROM orders", "source") == "1000"


@pytest.mark.slow
def test_a_trial_makes_a_database_of_its_own_where_it_is_told(cluster):
    other = cluster.server("other")
    other.initdb()
    other.start()
    other.sql("CREATE DATABASE pgcairn_test_of_somebody")
    configure(cluster, test_url=other.conninfo("postgres"))
    before = databases(other)
    refused = cluster.pgcairn("restore", "--test", check=False)
    assert refused.returncode == REFUSED and "owner_of_it" in refused.stderr
    assert databases(other) == before and trials(cluster) == []
    report = cluster.pgcairn_json("restore", "--test", "--create-roles")
    assert report["own_server"] is False and report["tables_counted"] == 3
    assert report["database"].startswith("pgcairn_test_")
    assert databases(other) == before and trials(cluster) == []


def whole_and_endless(cluster):
    """Two backups; with the second a trial takes for ever, in filling a view."""
    whole = cluster.backup()["backup_id"]
    cluster.source.sql("CREATE MATERIALIZED VIEW endless AS SELECT CASE WHEN current_database() "
                       "LIKE 'pgcairn_test%' THEN pg_sleep(3600) IS NULL END", "source")
    endless = cluster.backup()["backup_id"]
    cluster.source.sql("DROP MATERIALIZED VIEW endless", "source")
    return whole, endless


INSIDE = "FROM pg_stat_activity WHERE query LIKE 'REFRESH%endless%' AND datname LIKE 'pgcairn_test%'"
CLAIMS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


def leave_nothing_but_the_claim(run, server, database):
    run.send_signal(signal.SIGSTOP)
    of_it = f"FROM pg_stat_activity WHERE datname = '{database}'"
    server.sql(f"SELECT pg_terminate_backend(pid) {of_it}")
    wait_for(lambda: server.sql(f"SELECT count(*) {of_it}") == "0", "its sessions to end")


@pytest.mark.slow
def test_a_killed_trials_database_is_dropped_by_the_next(cluster):
    other = cluster.server("others")
    other.initdb()
    other.start()
    whole, endless = whole_and_endless(cluster)
    configure(cluster, test_url=other.conninfo("postgres"))
    # Somebody's own, one of them with a name like a trial's and one with a trial's comment.
    other.sql("CREATE ROLE owner_of_it")
    other.sql("CREATE DATABASE pgcairn_test_0123456789abcdef01234567")
    other.sql("CREATE DATABASE pgcairn_test_copied")
    before = databases(other)

    def next_trial():
        return cluster.pgcairn_json("restore", "--test", f"--source={whole}")["removed_databases"]

    run = start(cluster, "restore", "--test", f"--source={endless}")
    try:
        wait_for(lambda: other.sql(f"SELECT count(*) {INSIDE}") == "1", "the trial to take for ever")
        [left] = set(databases(other)) - set(before)
        comment = other.sql("SELECT shobj_description(oid, 'pg_database') FROM pg_database "
                            f"WHERE datname = '{left}'")
        other.sql(f"COMMENT ON DATABASE pgcairn_test_copied IS '{comment}'")
        other.sql(f"COMMENT ON DATABASE pgcairn_test_0123456789abcdef01234567 IS '{comment}'")
        assert next_trial() == [] and left in databases(other), "it goes on"
        # The claim alone, too: a trial is not always in its database.
        leave_nothing_but_the_claim(run, other, left)
        assert next_trial() == [] and left in databases(other), "it is claimed"
    finally:
        kill(run)
    wait_for(lambda: other.sql(CLAIMS) == "0", "the claim to end")
    assert next_trial() == [left] and databases(other) == before
    assert next_trial() == [] and databases(other) == before


@pytest.mark.slow
def test_a_role_that_is_no_superuser_drops_databases_of_its_own_killed_trials_alone(cluster):
    other = cluster.server("of_testers")
    other.initdb()
    other.start()
    other.sql("CREATE ROLE owner_of_it; CREATE ROLE tester LOGIN CREATEDB; "
              "CREATE ROLE colleague LOGIN CREATEDB")
    whole, endless = whole_and_endless(cluster)
    before = databases(other)

    def removed_by_next():
        result = cluster.pgcairn("--output=json", "restore", "--test", f"--source={whole}")
        assert "which a killed trial left behind" not in result.stderr
        return json.loads(result.stdout)["removed_databases"]

    def killed_trial_of(user):
        configure(cluster, test_url=other.conninfo("postgres", user))
        there = databases(other)
        run = start(cluster, "restore", "--test", f"--source={endless}")
        try:
            wait_for(lambda: other.sql(f"SELECT count(*) {INSIDE}") == "1", "the trial to take for ever")
            [left] = set(databases(other)) - set(there)
            assert removed_by_next() == [] and left in databases(other), "it goes on"
            leave_nothing_but_the_claim(run, other, left)
            assert removed_by_next() == [] and left in databases(other), "it is claimed"
        finally:
            kill(run)
        wait_for(lambda: other.sql(CLAIMS) == "0", "the claim to end")
        return left

    of_colleague = killed_trial_of("colleague")
    of_tester = killed_trial_of("tester")
    assert removed_by_next() == [of_tester]
    assert databases(other) == sorted([*before, of_colleague])
    other.sql("GRANT colleague TO tester")
    assert removed_by_next() == [of_colleague] and databases(other) == before


def test_a_restored_table_with_other_rows_fails_the_trial(cluster):
    """COPY counts what it took; the trial, what is there in the end. Here filling a view loses a row."""
    configure(cluster)
    cluster.source.sql(
        "CREATE TABLE leaky (a int);"
        "CREATE FUNCTION lose() RETURNS int LANGUAGE sql AS 'DELETE FROM public.leaky WHERE a = 2; SELECT 1';"
        "CREATE MATERIALIZED VIEW losing AS SELECT lose();"
        "INSERT INTO leaky VALUES (1), (2)", "source")
    cluster.backup()
    error = cluster.pgcairn_error("restore", "--test")
    cluster.source.sql("DROP MATERIALIZED VIEW losing; DROP TABLE leaky", "source")
    cluster.backup()
    assert error["exit_status"] == FAILED
    assert '"public"."leaky" has 1 rows, and the backup has 2' in error["message"]
    assert trials(cluster) == []


@pytest.mark.parametrize("arguments", [
    ("--type=table", "--table=orders"), ("--type=schema",), ("--target-url=x",), ("--dry-run",)])
def test_a_trial_goes_with_nothing_else(cluster, arguments):
    assert cluster.pgcairn("restore", "--test", *arguments, check=False).returncode == USAGE


@pytest.mark.slow
def test_a_killed_trial_is_cleared_away_by_the_next(cluster):
    configure(cluster)
    cluster.source.sql("CREATE TABLE much AS SELECT g, repeat('x', 300) FROM generate_series(1, 300000) g",
                       "source")
    cluster.backup()
    run = start(cluster, "restore", "--test")
    try:
        wait_for(lambda: any((path / "server.log").exists() for path in trials(cluster)), "the server")
        [pid_file] = [path / "data/postmaster.pid" for path in trials(cluster) if (path / "data").exists()]
        wait_for(lambda: pid_file.exists() and "\n" in pid_file.read_text(), "the server's process")
        pid = int(pid_file.read_text().split("\n", 1)[0])
    finally:
        kill(run)
    cluster.pgcairn("restore", "--test")
    assert trials(cluster) == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    cluster.source.sql("DROP TABLE much", "source")


@pytest.mark.slow
def test_a_version_that_this_host_does_not_have_is_an_error_with_the_way_on():
    with LogicalCluster(14) as cluster:
        cluster.source.sql("CREATE TABLE t AS SELECT generate_series(1, 10) AS a", "source")
        cluster.backup()
        # No server of 14 is where Debian puts it; one of 15 is.
        report = cluster.pgcairn_json("restore", "--test")
        assert report["server_major"] == 15 and report["rows"] == 10
        cluster.configure_backups(cluster={"bin_dir": str(cluster.root / "nowhere")})
        failed = cluster.pgcairn("restore", "--test", check=False)
        assert failed.returncode == USAGE and "restore.test_url" in failed.stderr
