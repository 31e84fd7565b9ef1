"""A database with an object of every kind and a value of every type: what a logical backup of it
must bring back. Its SQL lies in databases/every_object."""

import pathlib

from extended_server import programs_with_every_settings
from scratch import CLIENT_BINDIR

SQL = pathlib.Path(__file__).parent / "databases/every_object"
# In this order: each needs what those before it made. What fires comes last.
PARTS = ("roles", "extensions", "types", "values", "tables", "partitions", "constraints", "indexes",
         "programs", "views", "security", "names", "foreign", "large_objects", "triggers",
         "replication")
MAJORS = (13, 14, 15, 16, 17, 18)
DEFAULT_LARGE_FIELD_MIB = 3


def start_with_every_extension(scratch, major, name="data"):
    """A server that has every_settings; on another one, make_every_object() leaves that out."""
    server = scratch.server(name, programs_with_every_settings(scratch, major))
    server.initdb()
    # A publication is made with a warning otherwise.
    server.start("wal_level=logical")
    return server


def make_every_object(server, database, as_of=None):
    """Makes the database and all that is in it, as far as this server has it. With `as_of`: what
    every server from that version on has, however it was built."""
    server.sql('CREATE DATABASE "{}" TEMPLATE template0'.format(database.replace('"', '""')))
    variables = _abilities(server, database, as_of)
    for part in PARTS:
        # From the standard input: the checkout may lie where the server's user cannot look.
        server.scratch.run(
            [CLIENT_BINDIR / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1",
             *(f"--variable={name}={value}" for name, value in variables.items()),
             "-d", server.conninfo(database), "-f", "-"],
            input="SET client_min_messages = error;\n"
                  + (SQL / part).with_suffix(".sql").read_text(encoding="utf-8"))
    connection = server.connect(database)
    insert_large_field(connection, DEFAULT_LARGE_FIELD_MIB)
    connection.close()


def _abilities(server, database, as_of):
    """psql's variables: what the conditions in the SQL ask."""
    connection = server.connect(database)
    with connection.cursor() as cursor:
        major = min(connection.server_version // 10000, as_of or MAJORS[-1])
        cursor.execute("SELECT count(*) > 0 FROM pg_available_extensions "
                       "WHERE name = 'every_settings'")
        extended = cursor.fetchone()[0]
        cursor.execute("SELECT coalesce((SELECT 'lz4' = ANY (enumvals) FROM pg_settings "
                       "WHERE name = 'default_toast_compression'), false)")
        lz4 = as_of is None and cursor.fetchone()[0]
    connection.close()
    return {**{f"at_least_{first}": major >= first for first in MAJORS},
            "has_lz4": lz4, "has_settings_extension": extended}


def insert_large_field(connection, mib):
    """One row more, with a field of that many MiB that does not compress, and a text as long that
    does."""
    with connection.cursor() as cursor:
        cursor.execute("""
            INSERT INTO "values".large_fields (body, letters)
            SELECT (SELECT string_agg(sha512(int8send(g)), '') FROM generate_series(1, %s) g),
                   repeat(E'0123456\\n', %s)""", ((mib << 20) // 64, (mib << 20) // 8))


def fill_many_blocks(connection, blocks):
    """values.many_blocks gets that many blocks, with a row in each but every hundredth."""
    with connection.cursor() as cursor:
        cursor.execute("""INSERT INTO "values".many_blocks
            SELECT g, rpad(g::text || ' ', 5000, '.') FROM generate_series(1, %s) g""", (blocks,))
        cursor.execute('DELETE FROM "values".many_blocks WHERE id % 100 = 0')
