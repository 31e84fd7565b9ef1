"""Statements for psql that bring back what a LogicalCatalog names. All are bytes: an SQL_ASCII
database has names and texts of any encoding."""

from __future__ import annotations

from typing import Iterator

from .messages import LogicalCatalog, LogicalLargeObject, LogicalSequence, LogicalTable, LogicalView

END_OF_ROWS = b"\\.\n\n"

# Rows that the extension made and no backup has, because a condition leaves them out or their
# table is no configuration, must not go or change with those that come back. ONLY: rows of tables
# that inherit from it are no part of it.
CLEAR = b"""DECLARE
  emptied pg_catalog.regclass := {};
  before pg_catalog.text := pg_catalog.current_setting('session_replication_role');
  key record;
  has_rows boolean;
BEGIN
  FOR key IN
    SELECT conname, conrelid::pg_catalog.regclass AS child,
      confdeltype IN ('c', 'n', 'd') AS changes
    FROM pg_catalog.pg_constraint
    WHERE contype = 'f' AND confrelid = emptied AND conrelid <> emptied
  LOOP
    BEGIN
      EXECUTE 'SELECT EXISTS (SELECT FROM ONLY ' || key.child || ')' INTO has_rows;
      IF has_rows THEN
        PERFORM pg_catalog.set_config('session_replication_role', 'replica', true);
      END IF;
    EXCEPTION WHEN insufficient_privilege THEN
      IF key.changes THEN
        RAISE EXCEPTION 'emptying % would change rows of %, which no backup has (foreign key %)',
          emptied, key.child, key.conname
          USING HINT = 'Load as a role that may set session_replication_role.';
      END IF;
    END;
  END LOOP;
  EXECUTE 'DELETE FROM ONLY ' || emptied;
  IF before <> pg_catalog.current_setting('session_replication_role') THEN
    PERFORM pg_catalog.set_config('session_replication_role', before, true);
  END IF;
END"""

# Such rows were left alone, also those that refer to what the database had not any more: of a key
# that cascades, they went with that there. Without the privilege the keys were watched over, and
# nothing can dangle.
SETTLE = b"""DECLARE
  filled pg_catalog.regclass := {};
  key record;
  has_rows boolean;
BEGIN
  BEGIN
    PERFORM pg_catalog.set_config('session_replication_role',
      pg_catalog.current_setting('session_replication_role'), true);
  EXCEPTION WHEN insufficient_privilege THEN
    RETURN;
  END;
  FOR key IN
    SELECT con.conname, con.conrelid::pg_catalog.regclass AS child,
      con.confdeltype = 'c' AS cascades,
      pg_catalog.format('FROM %s %s c WHERE %s AND NOT EXISTS (SELECT FROM ONLY %s p WHERE %s)',
        CASE child.relkind WHEN 'p' THEN '' ELSE 'ONLY' END, con.conrelid::pg_catalog.regclass,
        pg_catalog.string_agg(pg_catalog.format('c.%I IS NOT NULL', a.attname), ' AND '), filled,
        pg_catalog.string_agg(pg_catalog.format('p.%I OPERATOR(%I.%s) c.%I', b.attname, n.nspname,
          o.oprname, a.attname), ' AND ')) AS dangling
    FROM pg_catalog.pg_constraint con
    JOIN pg_catalog.pg_class child ON child.oid = con.conrelid
    CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(con.conkey), pg_catalog.unnest(con.confkey),
      pg_catalog.unnest(con.conpfeqop)) AS k (own, other, op)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.own
    JOIN pg_catalog.pg_attribute b ON b.attrelid = con.confrelid AND b.attnum = k.other
    JOIN pg_catalog.pg_operator o ON o.oid = k.op
    JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
    WHERE con.contype = 'f' AND con.convalidated AND con.conparentid = 0
      AND con.confrelid = filled AND con.conrelid <> filled
    GROUP BY con.oid, con.conname, con.conrelid, con.confdeltype, child.relkind
  LOOP
    IF key.cascades THEN
      EXECUTE 'DELETE ' || key.dangling;
      CONTINUE;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT ' || key.dangling || ')' INTO has_rows;
    IF has_rows THEN
      RAISE EXCEPTION 'rows of % refer to rows of % that are not there (foreign key %)',
        key.child, filled, key.conname
        USING HINT = 'They came with the extension; the database that was backed up had none.';
    END IF;
  END LOOP;
END"""


def identifier(name: bytes) -> bytes:
    return b'"' + name.replace(b'"', b'""') + b'"'


def qualified(schema: bytes, name: bytes) -> bytes:
    return identifier(schema) + b"." + identifier(name)


def literal(text: bytes) -> bytes:
    """Right under standard_conforming_strings = on only."""
    return b"'" + text.replace(b"'", b"''") + b"'"


def settings(catalog: LogicalCatalog) -> Iterator[bytes]:
    """What the rows were written under (section 17), and what lets them in."""
    encoding = b"SQL_ASCII" if catalog.encoding == "SQL_ASCII" else b"UTF8"
    yield b"SET client_encoding = '" + encoding + b"';\n"
    yield b"SET standard_conforming_strings = on;\n"
    yield b"SET datestyle = 'ISO';\n"
    yield b"SET intervalstyle = 'postgres';\n"
    yield b"SET extra_float_digits = 3;\n"
    yield b"SET TimeZone = 'UTC';\n"
    # An XML value need not be a whole document.
    yield b"SET xmloption = content;\n"
    yield b"SET row_security = off;\n"
    # An expression of an index, run for a row, must find no other function than in the dump.
    yield b"SET search_path = '';\n"
    # A role or database may bring limits of its own.
    yield b"SET statement_timeout = 0;\n"
    yield b"SET lock_timeout = 0;\n\n"


def clear_extension_table(table: LogicalTable) -> bytes:
    """CREATE EXTENSION may have put rows there that are among those of the backup."""
    return _block(CLEAR, table)


def settle_extension_table(table: LogicalTable) -> bytes:
    """Behind its rows: what was left in other tables leads somewhere afterwards, or is an error."""
    return _block(SETTLE, table)


def _block(body: bytes, table: LogicalTable) -> bytes:
    name = literal(qualified(table.schema, table.name))
    return b"DO " + literal(body.replace(b"{}", name)) + b";\n"


def copy(table: LogicalTable) -> bytes:
    columns = b", ".join(identifier(column) for column in table.columns)
    listed = b" (" + columns + b")" if columns else b""
    into = (table.load_schema, table.load_name) if table.load_name else (table.schema, table.name)
    return b"COPY " + qualified(*into) + listed + b" FROM stdin;\n"


def public_schema(catalog: LogicalCatalog) -> Iterator[bytes]:
    """The privileges of everybody on the schema public: PostgreSQL 15 gives others by itself than
    those before it, and pg_dump writes how they differ from one of the two. Of roles with a name it
    says all."""
    if catalog.public_grants:
        yield b"REVOKE ALL ON SCHEMA public FROM PUBLIC;\n"
    for grant in catalog.public_grants:
        if grant.endswith(b" TO PUBLIC"):
            yield grant + b";\n"


def refresh_view(view: LogicalView) -> bytes:
    return b"REFRESH MATERIALIZED VIEW " + qualified(view.schema, view.name) + b";\n"


def set_sequence(sequence: LogicalSequence) -> bytes:
    name = literal(qualified(sequence.schema, sequence.name))
    value = b"%d" % sequence.last_value
    if sequence.last_value < 0:
        # Unquoted, the lowest bigint is a minus and a number that is no bigint.
        value = literal(value)
    called = b"true" if sequence.is_called else b"false"
    return b"SELECT pg_catalog.setval(%b::regclass, %b, %b);\n" % (name, value, called)


def create_large_object(oid: int) -> bytes:
    return b"SELECT pg_catalog.lo_create(%d);\n" % oid


def put_large_object(oid: int, offset: int, hexadecimal: bytes) -> bytes:
    return b"SELECT pg_catalog.lo_put(%d, %d, '\\x%b'::bytea);\n" % (oid, offset, hexadecimal)


def describe_large_object(found: LogicalLargeObject) -> Iterator[bytes]:
    """Owner, grants and comment."""
    if found.owner:
        yield b"ALTER LARGE OBJECT %d OWNER TO %b;\n" % (found.oid, identifier(found.owner))
    for grant in found.grants:
        yield grant.rstrip(b"; \n") + b";\n"
    if found.comment is not None:
        yield b"COMMENT ON LARGE OBJECT %d IS %b;\n" % (found.oid, literal(found.comment))
