"""Statements for psql that bring back what a LogicalCatalog names. All are bytes: an SQL_ASCII
database has names and texts of any encoding."""

from __future__ import annotations

from typing import Iterator

from .messages import LogicalCatalog, LogicalLargeObject, LogicalSequence, LogicalTable, LogicalView

END_OF_ROWS = b"\\.\n\n"


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
    """CREATE EXTENSION may have put rows there that are among those of the backup. ONLY: rows of
    tables that inherit from it are no part of it."""
    return b"DELETE FROM ONLY " + qualified(table.schema, table.name) + b";\n"


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
