"""What a cluster holds: made so that every kind of object is there, and read so that two clusters
can be compared."""

import hashlib
import subprocess
import threading

import psycopg2

from scratch import CLIENT_BINDIR, Failed, as_server_user

STRANGE_DATABASE = 'Größe "42" %p'

APP_SQL = """
CREATE SCHEMA "Lager für Öl";
CREATE TABLE "Lager für Öl"."Fässer" ("Größe" int PRIMARY KEY, "Inhalt" text) TABLESPACE fast;
INSERT INTO "Lager für Öl"."Fässer" SELECT g, repeat('öl', g % 50) FROM generate_series(1, 3000) g;

CREATE TABLE indexed (id int PRIMARY KEY, word text, doc jsonb, place point, span int4range,
                      made timestamptz);
INSERT INTO indexed SELECT g, md5(g::text), jsonb_build_object('n', g % 100, 'even', g % 2 = 0),
    point(g % 100, g / 100), int4range(g, g + 10), timestamptz '2024-01-01' + g * interval '1 min'
    FROM generate_series(1, 10000) g;
CREATE INDEX by_hash ON indexed USING hash (word);
CREATE INDEX by_gin ON indexed USING gin (doc) TABLESPACE fast;
CREATE INDEX by_gist ON indexed USING gist (place);
CREATE INDEX by_spgist ON indexed USING spgist (word);
CREATE INDEX by_range ON indexed USING gist (span);
CREATE INDEX by_brin ON indexed USING brin (made) WITH (pages_per_range = 4);
CREATE INDEX by_expression ON indexed (lower(word)) WHERE id % 3 = 0;
CREATE UNIQUE INDEX covering ON indexed (id) INCLUDE (word);

CREATE TABLE parted (id int, region text) PARTITION BY LIST (region);
CREATE TABLE parted_north PARTITION OF parted FOR VALUES IN ('north') TABLESPACE fast;
CREATE TABLE parted_rest PARTITION OF parted DEFAULT PARTITION BY HASH (id);
CREATE TABLE parted_rest_0 PARTITION OF parted_rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_rest_1 PARTITION OF parted_rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX ON parted (id);
INSERT INTO parted SELECT g, (ARRAY['north', 'south', 'west'])[1 + g % 3]
    FROM generate_series(1, 6000) g;

CREATE TABLE wide (id int, body text);
ALTER TABLE wide ALTER body SET STORAGE EXTERNAL;
INSERT INTO wide SELECT g, repeat(md5(g::text), 3000) FROM generate_series(1, 40) g;
CREATE MATERIALIZED VIEW summary AS SELECT region, count(*) FROM parted GROUP BY region;
CREATE UNLOGGED TABLE fleeting (id serial PRIMARY KEY, note text) TABLESPACE fast;
INSERT INTO fleeting (note) SELECT 'gone after a crash' FROM generate_series(1, 2000);
CREATE SEQUENCE counting INCREMENT 5 MINVALUE -100 START -100;
SELECT nextval('counting') FROM generate_series(1, 40);
SELECT lo_from_bytea(0, convert_to(repeat('large object ' || g, 2000), 'UTF8'))
    FROM generate_series(1, 12) g;
"""

# Each is answered by the index it is named after, when sequential scans are off.
INDEX_QUESTIONS = {
    "by_hash": "SELECT count(*) FROM indexed WHERE word = md5('77')",
    "by_gin": """SELECT count(*) FROM indexed WHERE doc @> '{"n": 7}'""",
    "by_gist": "SELECT count(*) FROM indexed WHERE place <@ box '(10,10),(20,20)'",
    "by_spgist": "SELECT count(*) FROM indexed WHERE word ^@ 'ab'",
    "by_range": "SELECT count(*) FROM indexed WHERE span && int4range(500, 600)",
    "by_brin": "SELECT count(*) FROM indexed WHERE made < timestamptz '2024-01-02'",
    "by_expression": "SELECT count(*) FROM indexed WHERE lower(word) < 'b' AND id % 3 = 0",
}


def fill(server, tablespace):
    """Databases app, one in a tablespace of its own, and one with a name that needs quoting."""
    server.sql(f"CREATE TABLESPACE fast LOCATION '{tablespace}'")
    server.sql("CREATE DATABASE app")
    server.sql("CREATE DATABASE elsewhere TABLESPACE fast")
    server.sql('CREATE DATABASE "{}"'.format(STRANGE_DATABASE.replace('"', '""')))
    for database, statements in {
        "app": APP_SQL,
        "elsewhere": "CREATE TABLE t AS SELECT g FROM generate_series(1, 5000) g",
        STRANGE_DATABASE: 'CREATE TABLE "日本語" AS SELECT 1 AS "☃"',
    }.items():
        connection = psycopg2.connect(
            dbname=database, host=str(server.socket), port=5432, user="postgres")
        with connection, connection.cursor() as cursor:
            cursor.execute(statements)
        connection.close()


class Load:
    """pgbench, a session with temporary tables, and databases that come and go, until stopped."""

    def __init__(self, server):
        self._server = server
        self._bench = None
        self._session = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._make_and_drop_databases)
        self._error = None
        self.database_lsns = []

    def __enter__(self):
        command = [CLIENT_BINDIR / "pgbench", "-i", "-q", "-s", "2", self._server.conninfo("app")]
        self._server.scratch.run(command)
        self._bench = subprocess.Popen(
            as_server_user([CLIENT_BINDIR / "pgbench", "-n", "-c", "2", "-T", "600", "--rate=300",
                            self._server.conninfo("app")]),
            env=self._server.scratch.environment, cwd=self._server.scratch.root,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._session = self._server.connect("app")
        with self._session.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE passing AS "
                           "SELECT g, md5(g::text) FROM generate_series(1, 20000) g")
            cursor.execute("CREATE INDEX ON passing (g)")
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        self._session.close()
        self._bench.kill()
        self._bench.wait()
        if self._error is not None:
            raise self._error

    def _make_and_drop_databases(self):
        try:
            connection = self._server.connect()
            with connection.cursor() as cursor:
                number = 0
                while not self._stopping.is_set() or number < 2:
                    strategy = (" STRATEGY wal_log", " STRATEGY file_copy")[number % 2]
                    if connection.server_version < 150000:
                        strategy = ""
                    cursor.execute(f"CREATE DATABASE born_{number}{strategy}")
                    if number > 0:
                        cursor.execute(f"DROP DATABASE born_{number - 1}")
                    cursor.execute("SELECT pg_current_wal_lsn()")
                    self.database_lsns.append(lsn(cursor.fetchone()[0]))
                    number += 1
            connection.close()
        except psycopg2.Error as error:
            self._error = Failed(f"making and dropping databases: {error}")


def lsn(text):
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


class _Digest:
    def __init__(self):
        self._hash = hashlib.sha256()

    def write(self, data):
        self._hash.update(data.encode() if isinstance(data, str) else data)

    def hexdigest(self):
        return self._hash.hexdigest()


RELATIONS = """
SELECT quote_ident(nspname) || '.' || quote_ident(relname), relkind::text, relpersistence::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE relkind IN ('r', 'm', 't', 'S') AND relpersistence <> 't' ORDER BY 1
"""


def contents(server):
    """{(database, relation): what it holds}, catalogs and TOAST tables included.

    A table's value is a hash over its rows with their places and transactions: replay is physical,
    so these are equal too. An unlogged table's value is its number of rows, a sequence's its last
    value.
    """
    found = {}
    for database in databases(server):
        with psycopg2.connect(dbname=database, host=str(server.socket), port=5432,
                              user="postgres") as connection:
            found.update(_contents_of(connection, database))
        connection.close()
    return found


def databases(server):
    return server.sql("SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1").split("\n")


def _contents_of(connection, database):
    with connection.cursor() as cursor:
        cursor.execute("SET synchronize_seqscans = off")
        cursor.execute("SET enable_indexscan = off; SET enable_bitmapscan = off;"
                       "SET max_parallel_workers_per_gather = 0")
        cursor.execute(RELATIONS)
        for relation, kind, persistence in cursor.fetchall():
            key = (database, relation)
            if kind == "S":
                cursor.execute(f"SELECT last_value FROM {relation}")
                what = "unlogged sequence" if persistence == "u" else "sequence"
                yield key, (what, cursor.fetchone()[0])
            elif persistence == "u":
                cursor.execute(f"SELECT count(*) FROM {relation}")
                yield key, ("unlogged", cursor.fetchone()[0])
            else:
                digest = _Digest()
                cursor.copy_expert(
                    f"COPY (SELECT ctid, xmin, t.* FROM {relation} t) TO STDOUT", digest)
                yield key, ("rows", digest.hexdigest())


# A sequence writes the value that many calls ahead into the WAL (SEQ_LOG_VALS in sequence.c).
SEQUENCE_AHEAD = 33


def require_equal(original, restored):
    """The restored cluster holds what the original held; unlogged tables are empty."""
    assert original.keys() == restored.keys()
    wrong = []
    for key, (kind, value) in original.items():
        other = restored[key][1]
        if kind == "rows":
            right = other == value
        elif kind == "unlogged":
            right = other == 0
        elif kind == "unlogged sequence":
            right = other == 1
        else:
            right = value <= other <= value + 5 * SEQUENCE_AHEAD
        if not right:
            wrong.append((key, kind, value, other))
    assert not wrong


def ask_indexes(server):
    """Every index answers as the table itself does."""
    with server.connect("app") as connection, connection.cursor() as cursor:
        for index, question in INDEX_QUESTIONS.items():
            cursor.execute("SET enable_seqscan = on; SET enable_bitmapscan = off;"
                           "SET enable_indexscan = off; SET enable_indexonlyscan = off")
            cursor.execute(question)
            wanted = cursor.fetchone()[0]
            assert wanted > 0, index
            cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = on;"
                           "SET enable_indexscan = on; SET enable_indexonlyscan = on")
            cursor.execute("EXPLAIN " + question)
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert index in plan, plan
            cursor.execute(question)
            assert cursor.fetchone()[0] == wanted, index
    connection.close()


def amcheck(server):
    """Every table and every B-tree of every database is sound."""
    checked = server.scratch.run(
        [CLIENT_BINDIR / "pg_amcheck", "--all", "--install-missing", "--heapallindexed",
         "--parent-check", "-h", server.socket, "-p", "5432", "-U", "postgres"])
    assert checked.stdout == ""


# Each calls one function of amcheck on everything that it is made for.
AMCHECK = """
CREATE EXTENSION amcheck;
SELECT bt_index_parent_check(c.oid, true, true) FROM pg_class c JOIN pg_am a ON a.oid = c.relam
 WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p';
"""
AMCHECK_HEAP = """
SELECT c.oid::regclass, found.* FROM pg_class c, verify_heapam(c.oid) found
 WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence = 'p';
"""
AMCHECK_GIN = """
SELECT gin_index_check(c.oid) FROM pg_class c JOIN pg_am a ON a.oid = c.relam
 WHERE a.amname = 'gin' AND c.relkind = 'i' AND c.relpersistence = 'p';
"""


def check_by_sql(server, major):
    """As amcheck(), without the program pg_amcheck: it must be of the server's version."""
    for database in databases(server):
        connection = psycopg2.connect(dbname=database, host=str(server.socket), port=5432,
                                      user="postgres")
        with connection, connection.cursor() as cursor:
            cursor.execute(AMCHECK)
            if major >= 14:
                cursor.execute(AMCHECK_HEAP)
                assert cursor.fetchall() == []
            if major >= 18:
                cursor.execute(AMCHECK_GIN)
        connection.close()
