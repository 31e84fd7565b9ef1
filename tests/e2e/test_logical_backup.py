"""A logical backup is one moment of its database, whatever goes on beside it; and one that cannot be
that is none."""

import contextlib
import threading

import psycopg2
import pytest

from database_comparison import DatabaseState, differences
from killed_runs import generator, random_points, run_and_kill, start
from logical_cluster import LogicalCluster
from scratch import Scratch, kill, wait_for
from small_disk import SmallDisk

ACCOUNTS = 5000
TIMEOUT, CONNECTION, NO_SPACE, USAGE = 13, 10, 8, 2


@pytest.fixture
def cluster():
    with LogicalCluster() as made:
        yield made


@contextlib.contextmanager
def running(work, threads=1):
    """Calls work(connection) again and again beside what the test does; an error of it is the
    test's."""
    stop, errors, calls = threading.Event(), [], []

    def run(connect):
        try:
            with contextlib.closing(connect()) as connection:
                while not stop.is_set():
                    work(connection)
                    calls.append(1)
        except psycopg2.Error as error:
            errors.append(error)

    def begin(connect):
        started = [threading.Thread(target=run, args=(connect,)) for _ in range(threads)]
        for thread in started:
            thread.start()
        return started

    started = []
    try:
        yield lambda connect: started.extend(begin(connect))
    finally:
        stop.set()
        for thread in started:
            thread.join()
    assert not errors and calls, errors


def make_accounts(cluster):
    cluster.source.sql(
        "CREATE TABLE left_one (id int PRIMARY KEY, amount bigint NOT NULL);"
        "CREATE TABLE right_one (id int PRIMARY KEY, amount bigint NOT NULL);"
        f"INSERT INTO left_one SELECT g, 1000 FROM generate_series(1, {ACCOUNTS}) g;"
        f"INSERT INTO right_one SELECT g, 1000 FROM generate_series(1, {ACCOUNTS}) g", "source")


def transfer(connection):
    """From one table to the other, in an order that does not deadlock."""
    with connection.cursor() as cursor:
        cursor.execute("WITH n AS (SELECT 1 + (random() * 4999)::int AS id, (random() * 50)::int AS by),"
                       "a AS (UPDATE left_one SET amount = amount - by FROM n "
                       "      WHERE left_one.id = n.id RETURNING n.id, by) "
                       "UPDATE right_one SET amount = amount + by FROM a WHERE right_one.id = a.id")


@pytest.mark.slow
@pytest.mark.parametrize("backups", [3, pytest.param(10, marks=pytest.mark.soak)])
def test_no_transfer_is_torn(cluster, backups):
    make_accounts(cluster)
    connect = lambda: cluster.source.connect("source")
    with running(transfer, threads=2) as begin:
        begin(connect)
        for number in range(backups):
            cluster.backup("--type=full" if number % 2 == 0 else "--type=incremental")
    held = set()
    for backup in cluster.backups():
        name = cluster.restored(f"--source={backup}")
        count, total, left = cluster.source.sql(
            "SELECT l.n + r.n, l.s + r.s, l.s FROM (SELECT count(*) n, sum(amount) s FROM left_one) l,"
            "(SELECT count(*) n, sum(amount) s FROM right_one) r", name).split("|")
        assert (count, total) == (str(2 * ACCOUNTS), str(2 * ACCOUNTS * 1000))
        held.add(left)
    assert len(held) == backups, "each backup is another moment"


@pytest.mark.slow
def test_tables_that_are_emptied_and_rewritten_are_found_whole(cluster):
    cluster.source.sql("CREATE TABLE busy AS SELECT g AS id FROM generate_series(1, 2000) g", "source")

    def rewrite(connection):
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE busy; INSERT INTO busy SELECT generate_series(1, 2000)")
            cursor.execute("ALTER TABLE busy ALTER id TYPE bigint, ALTER id SET NOT NULL;"
                           "ALTER TABLE busy ALTER id TYPE int")
            cursor.execute("CREATE TABLE IF NOT EXISTS passing AS SELECT 1; DROP TABLE passing")
            cursor.execute("SELECT pg_sleep(0.2)")

    with running(rewrite) as begin:
        begin(lambda: cluster.source.connect("source"))
        for _ in range(5):
            cluster.backup()
    for backup in cluster.backups():
        name = cluster.restored(f"--source={backup}")
        assert cluster.source.sql("SELECT count(*), sum(id) FROM busy", name) == "2000|2001000"


def test_a_table_that_somebody_keeps_locked_is_an_error_that_names_both(cluster):
    make_accounts(cluster)
    cluster.configure_backups(cluster={"lock_timeout": 1})
    with contextlib.closing(cluster.source.connect("source", autocommit=False)) as locking:
        with locking.cursor() as cursor:
            cursor.execute("LOCK TABLE left_one IN ACCESS EXCLUSIVE MODE")
        failed = cluster.pgcairn("backup", check=False)
        assert failed.returncode == TIMEOUT
        assert "left_one" in failed.stderr
        assert f"process {locking.info.backend_pid}" in failed.stderr
    assert cluster.backups() == []
    cluster.backup()


def sessions(cluster, what):
    return cluster.source.sql(
        "SELECT pid FROM pg_stat_activity WHERE datname = 'source' AND application_name = 'pgcairn' "
        f"AND {what}").split()


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["the snapshot's", "a worker's"])
def test_a_session_that_is_ended_makes_no_backup(cluster, whose):
    make_accounts(cluster)
    cluster.backup()
    cluster.source.sql("CREATE TABLE slow AS SELECT g AS id, repeat('x', 500) AS body "
                       "FROM generate_series(1, 600000) g", "source")
    run = start(cluster, "backup")
    try:
        which = ("query LIKE 'COPY %slow%'" if whose == "a worker's"
                 else "state = 'idle in transaction' AND query NOT LIKE 'SET LOCAL%'"
                      " AND query NOT LIKE 'COPY%'")
        wait_for(lambda: sessions(cluster, "query LIKE 'COPY %slow%'") and sessions(cluster, which),
                 "the copy", timeout=30)
        cluster.source.sql(f"SELECT pg_terminate_backend({sessions(cluster, which)[0]})")
        assert run.wait(timeout=60) == CONNECTION
    finally:
        kill(run) if run.poll() is None else None
    assert len(cluster.backups()) == 1
    cluster.require_valid()
    cluster.backup()
    cluster.require_valid()


@pytest.mark.slow
@pytest.mark.parametrize("kills", [4, pytest.param(30, marks=pytest.mark.soak)])
def test_killed_backups_leave_what_is_valid(cluster, seed, kills):
    make_accounts(cluster)
    cluster.source.sql("CREATE TABLE more AS SELECT g AS id, md5(g::text) AS body "
                       "FROM generate_series(1, 200000) g", "source")
    cluster.backup()
    killed = 0
    for delay in random_points(generator(seed, "kills"), kills, 1.0):
        cluster.source.sql("UPDATE more SET body = md5(body) WHERE id % 50 = 0", "source")
        kind = "--type=incremental" if killed % 2 else "--type=full"
        killed += run_and_kill(lambda: start(cluster, "backup", kind), delay)
        cluster.require_valid()
    assert killed > 0
    cluster.backup("--type=incremental")
    name = cluster.restored()
    question = "SELECT count(*), md5(string_agg(body, '' ORDER BY id)) FROM more"
    assert cluster.source.sql(question, name) == cluster.source.sql(question, "source")


def test_time_limits_of_the_role_do_not_count(cluster):
    make_accounts(cluster)
    cluster.source.sql("ALTER ROLE postgres SET statement_timeout = '5ms';"
                       "ALTER ROLE postgres SET idle_in_transaction_session_timeout = '5ms';"
                       "ALTER ROLE postgres SET extra_float_digits = 0")
    cluster.source.sql("SET statement_timeout = 0; CREATE TABLE floats AS SELECT 1 / g::float8 AS f "
                       "FROM generate_series(1, 50000) g", "source")
    cluster.backup()
    cluster.source.sql("ALTER ROLE postgres RESET ALL")
    name = cluster.restored()
    question = "SELECT md5(string_agg(float8send(f)::text, '' ORDER BY f)) FROM floats"
    assert cluster.source.sql(question, name) == cluster.source.sql(question, "source")


@pytest.mark.slow
def test_an_incremental_backup_stores_what_changed(cluster):
    cluster.configure_backups(prune={"grace": 0})
    cluster.source.sql("CREATE TABLE many AS SELECT g AS id, md5(g::text) || sha256(g::text::bytea) "
                       "AS body FROM generate_series(1, 100000) g", "source")
    full = cluster.backup()
    again = cluster.backup("--type=incremental")
    assert (again["type"], again["base_backup_id"]) == ("incremental", full["backup_id"])
    assert again["bytes_stored"] < 16 * 1024
    cluster.source.sql("INSERT INTO many SELECT g, md5(g::text) || sha256(g::text::bytea) "
                       "FROM generate_series(100001, 101000) g", "source")
    appended = cluster.backup("--type=incremental")
    assert 0 < appended["data_bytes_stored"] < full["data_bytes_stored"] / 50
    # Each is whole by itself.
    cluster.pgcairn("prune", f"--backup={full['backup_id']}")
    name = cluster.restored(f"--source={appended['backup_id']}")
    question = "SELECT count(*), md5(string_agg(body, '' ORDER BY id)) FROM many"
    assert cluster.source.sql(question, name) == cluster.source.sql(question, "source")
    cluster.require_valid()


def test_a_database_without_anything_comes_back(cluster):
    cluster.backup()
    name = cluster.restored()
    assert differences(DatabaseState.read(cluster.source, "source"),
                       DatabaseState.read(cluster.source, name)) == []


@pytest.fixture(name="of_13", scope="module")
def _of_13():
    with LogicalCluster(13, performance={"jobs": 2, "one_scan_gib": 0}) as cluster:
        yield cluster


@pytest.mark.slow
def test_an_index_that_misses_rows_makes_no_backup_without_them(of_13):
    server = of_13.source
    server.sql("CREATE TABLE thin (id int PRIMARY KEY, body text) WITH (fillfactor = 10);"
               "INSERT INTO thin SELECT g, repeat('x', 800) FROM generate_series(1, 16500) g;"
               "ANALYZE thin", "source")
    server.sql("CHECKPOINT")
    index = server.data / server.sql("SELECT pg_relation_filepath('thin_pkey')", "source")
    before = index.read_bytes()
    server.sql("INSERT INTO thin SELECT g, repeat('x', 800) FROM generate_series(16501, 17000) g",
               "source")
    server.stop()
    index.write_bytes(before)
    server.start()
    backups = of_13.backups()
    error = of_13.pgcairn_error("backup")
    for words in ('"public"."thin"', '"public"."thin_pkey"', "16500", "17000"):
        assert words in error["message"], error
    assert "REINDEX" in error["hint"] and of_13.backups() == backups
    server.sql("REINDEX TABLE thin", "source")
    report = of_13.backup()
    server.sql("DROP TABLE thin", "source")
    assert report["rows"] == 17000


@pytest.mark.slow
def test_a_large_table_is_read_in_parts_by_its_key_where_blocks_cannot_be_chosen(of_13):
    of_13.source.sql(
        "CREATE TABLE large (id bigint PRIMARY KEY, body text);"
        "INSERT INTO large SELECT g - 1000, repeat(chr(64 + g % 60), 1000) "
        "FROM generate_series(1, 200000) g; ANALYZE large;"
        "CREATE TABLE by_chance AS SELECT g::bigint * 2654435761 % 4294967296 AS id, body FROM "
        "(SELECT g, repeat('y', 1000) AS body FROM generate_series(1, 200000) g) rows;"
        "ALTER TABLE by_chance ADD PRIMARY KEY (id); ANALYZE by_chance", "source")
    before = of_13.source.sql("SELECT count(*), sum(hashtext(l::text)) FROM large l", "source")
    of_13.source.sql("ALTER SYSTEM SET log_statement = 'all'")
    of_13.source.sql("SELECT pg_reload_conf()")
    of_13.backup()
    copies = [line for line in of_13.source.log_text().splitlines() if "COPY (SELECT" in line]
    assert any('"id" < ' in line and '"large"' in line for line in copies), copies
    assert not any('"by_chance"' in line for line in copies), copies
    of_13.source.sql("ALTER SYSTEM RESET log_statement")
    of_13.source.sql("SELECT pg_reload_conf()")
    name = of_13.restored()
    assert of_13.source.sql("SELECT count(*), sum(hashtext(l::text)) FROM large l", name) == before


def test_a_trial_keeps_nothing(cluster):
    make_accounts(cluster)
    report = cluster.backup("--test")
    assert report["test"] and report["rows"] == 2 * ACCOUNTS
    assert cluster.backups() == []


def test_what_is_for_files_is_refused(cluster):
    for option in ("--spread-checkpoint", "--verify-unchanged"):
        refused = cluster.pgcairn("backup", "--type=incremental", option, check=False)
        assert refused.returncode == USAGE and "logical" in refused.stderr


def test_without_files_and_without_being_told_nothing_becomes_logical():
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb()
        server.start()
        server.sql("CREATE ROLE hosted LOGIN")
        scratch.write_config(server, cluster={"connection": server.conninfo(user="hosted")})
        refused = scratch.pgcairn("init", check=False)
        assert refused.returncode != 0
        assert 'cluster.method to "logical"' in refused.stderr


@pytest.mark.slow
def test_a_disk_that_fills_up_leaves_the_backup_before(cluster):
    make_accounts(cluster)
    with SmallDisk(cluster.root / "small", "8m") as disk:
        cluster.configure_backups(storage={"local_path": str(disk.path / "repository")})
        cluster.pgcairn("init")
        first = cluster.backup()["backup_id"]
        cluster.source.sql("CREATE TABLE much AS SELECT sha512(g::text::bytea) AS body "
                           "FROM generate_series(1, 400000) g", "source")
        failed = cluster.pgcairn("backup", check=False)
        assert failed.returncode == NO_SPACE and "HINT" in failed.stderr, failed.stderr
        assert cluster.backups() == [first]
        cluster.require_valid()
        cluster.source.sql("DROP TABLE much", "source")
        cluster.backup()
        cluster.require_valid()
