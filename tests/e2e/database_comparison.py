"""Compares two databases, on one server or two, by catalog and by content, without pg_dump.

What the catalog says comes from database_catalog.py. The content of a table is the number of its
rows and a sum of their hashes, so that their order does not matter; each partition counts for
itself.
"""

import fnmatch
from dataclasses import dataclass

import psycopg2

from database_catalog import FIRST_USER_OID, KINDS
from told_by_version import told_alike

# A value is compared as the text the server makes of it, so no setting of the database, its roles
# or the server may change that text.
PINNED = """
SET search_path = '';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SET timezone = 'UTC';
SET extra_float_digits = 3;
SET bytea_output = 'hex';
SET lc_monetary = 'C';
SET xmloption = 'content';
SET quote_all_identifiers = off;
SET client_encoding = 'UTF8';
SET row_security = off;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
"""

# A value of an enum is hashed by its OID, so an equal database has these rows in other partitions:
# they belong to the partitioned table as a whole.
STORED = f"""
WITH RECURSIVE rootward AS (
    SELECT c.oid AS stored, c.oid AS above FROM pg_catalog.pg_class c
     WHERE c.oid >= {FIRST_USER_OID} AND c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
    UNION
    SELECT r.stored, h.inhparent
      FROM rootward r JOIN pg_catalog.pg_inherits h ON h.inhrelid = r.above
     WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = r.above AND c.relispartition)),
hashed AS (
    SELECT p.partrelid FROM pg_catalog.pg_partitioned_table p
     WHERE p.partstrat = 'h' AND EXISTS (
        SELECT FROM unnest(p.partattrs::int2[]) k JOIN pg_catalog.pg_attribute a
            ON a.attrelid = p.partrelid AND a.attnum = k
          JOIN pg_catalog.pg_type t ON t.oid = a.atttypid WHERE t.typtype = 'e'))
SELECT c.oid::regclass::text, c.relkind = 'p',
    -- bytea and text by a hash of their own: the text of a row may not be longer than 1 GB, and a
    -- field of 255 MB is written with two digits for each byte.
    ARRAY(SELECT CASE WHEN a.atttypid IN ('text'::regtype, 'bytea'::regtype)
                      THEN format('md5(the_row.%I)', a.attname)
                      ELSE format('the_row.%I', a.attname) END
          FROM pg_catalog.pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
FROM (SELECT DISTINCT coalesce(
          (SELECT max(r.above) FROM rootward r JOIN hashed ON hashed.partrelid = r.above
            WHERE r.stored = s.stored), s.stored) AS oid FROM rootward s) found
JOIN pg_catalog.pg_class c ON c.oid = found.oid WHERE c.relispopulated
"""

HASHES = """
SELECT count(*), coalesce(sum(('x' || left(h, 16))::bit(64)::bigint::numeric), 0)::text || ' '
                 || coalesce(sum(('x' || right(h, 16))::bit(64)::bigint::numeric), 0)::text
FROM (SELECT md5(ROW({columns})::text) AS h FROM {only} {table} the_row) hashes
"""

SEQUENCES = f"""
SELECT c.oid::regclass::text FROM pg_catalog.pg_class c
WHERE c.oid >= {FIRST_USER_OID} AND c.relkind = 'S' AND c.relpersistence <> 't'
"""

LARGE_OBJECTS = """
SELECT m.oid, length(lo_get(m.oid)), md5(lo_get(m.oid)) FROM pg_catalog.pg_largeobject_metadata m
"""

UNREADABLE = "not readable"


@dataclass(frozen=True)
class DatabaseState:
    """`objects`: {(kind, name): {property: value}}."""

    major: int
    objects: dict

    @classmethod
    def read(cls, server, database, role="postgres"):
        connection = server.connect(database, role)
        try:
            return cls.read_over(connection)
        finally:
            connection.close()

    @classmethod
    def read_over(cls, connection):
        """What this connection sees, changes of its open transaction included."""
        major = connection.server_version // 10000
        with connection.cursor() as cursor:
            cursor.execute(PINNED)
            cursor.execute("SELECT current_setting('is_superuser') = 'on'")
            superuser = cursor.fetchone()[0]
            objects = {}
            for kind in KINDS:
                if major >= kind.first_major and (superuser or not kind.superuser_only):
                    cursor.execute(kind.query(major))
                    _add(objects, cursor.fetchall())
            _add(objects, _rows(cursor))
            _add(objects, _sequence_values(cursor))
            _add(objects, _large_objects(cursor))
        return cls(major, objects)


def _add(objects, found):
    for kind, name, properties in found:
        assert name is not None, (kind, properties)
        assert (kind, name) not in objects, (kind, name)
        objects[kind, name] = properties


def _try(cursor, query):
    """The rows, or None where the role lacks the right to see them."""
    if not cursor.connection.autocommit:
        cursor.execute("SAVEPOINT before_reading")
    try:
        cursor.execute(query)
        return cursor.fetchall()
    except psycopg2.errors.InsufficientPrivilege:
        if not cursor.connection.autocommit:
            cursor.execute("ROLLBACK TO before_reading")
        return None


def _rows(cursor):
    cursor.execute(STORED)
    for table, partitioned, columns in cursor.fetchall():
        found = _try(cursor, HASHES.format(columns=", ".join(columns), table=table,
                                           only="" if partitioned else "ONLY"))
        count, hashes = found[0] if found else (UNREADABLE, UNREADABLE)
        yield "rows of", table, {"count": count, "content": hashes}


def _sequence_values(cursor):
    cursor.execute(SEQUENCES)
    for (sequence,) in cursor.fetchall():
        found = _try(cursor, f"SELECT last_value, is_called FROM {sequence}")
        value, called = found[0] if found else (UNREADABLE, UNREADABLE)
        yield "value of", sequence, {"last": value, "called": called}


def _large_objects(cursor):
    found = _try(cursor, LARGE_OBJECTS)
    if found is None:
        yield "content of", "large objects", {"content": UNREADABLE}
        return
    for oid, length, content in found:
        yield "content of", f"large object {oid}", {"bytes": length, "content": content}


def differences(first, second, skipped=(), expected=()):
    """One line for each difference: "KIND NAME: PROPERTY: 'was' became 'is'", "KIND NAME: missing"
    or "KIND NAME: new".

    `skipped` and `expected` are patterns as fnmatch knows them, for a line without its values. No
    line that one of them matches is given; but an expected one that matches none is a difference.
    """
    lines = list(named_differences(first, second))
    left = [text for name, text in lines if not _matches(name, (*skipped, *expected))]
    left += [f"{pattern}: expected, but equal" for pattern in expected
             if not any(_matches(name, [pattern]) for name, _ in lines)]
    return left


def _matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def named_differences(first, second):
    """All of them, each as a pair: the line without its values, the line."""
    before, after = told_alike(first, second)
    for key in sorted({*before, *after}):
        name = f"{key[0]} {key[1]}"
        if key not in after:
            yield f"{name}: missing", f"{name}: missing"
        elif key not in before:
            yield f"{name}: new", f"{name}: new"
        else:
            was, now = before[key], after[key]
            assert first.major != second.major or was.keys() == now.keys(), (key, was, now)
            # Only a newer server has the others.
            for title in sorted({*was} & {*now}):
                if not _equal(was[title], now[title]):
                    what = f"{name}: {title}"
                    yield what, f"{what}: {was[title]!r} became {now[title]!r}"


def _equal(one, other):
    return one == other and UNREADABLE not in (one, other)
