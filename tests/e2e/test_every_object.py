"""The database with every kind of object is made on every version, and always the same: whatever
the OIDs, the order in which roles were made, and what servers of other versions say differently."""

import pytest

from database_comparison import DatabaseState, differences, named_differences
from every_object import (MAJORS, fill_many_blocks, insert_large_field, make_every_object,
                          start_with_every_extension)
from scratch import CLIENT_BINDIR

pytestmark = pytest.mark.slow

# The database itself is made by whoever restores into it, not by what is restored.
OF_THE_DATABASE = ("database itself: *", "settings of * in this database: missing")


@pytest.mark.parametrize("major", MAJORS)
def test_a_database_made_twice_is_equal_on_every_version(scratch, major):
    server = start_with_every_extension(scratch, major)
    make_every_object(server, 'the "first"')
    make_every_object(server, "the second")
    first = DatabaseState.read(server, 'the "first"')
    assert differences(first, DatabaseState.read(server, "the second")) == []
    kinds = {kind for kind, _ in first.objects}
    assert {"extension", "policy", "user mapping", "transform", "subscription"} <= kinds
    assert len(first.objects) > 1200
    with server.connect("the second") as connection:
        insert_large_field(connection, 1)
        fill_many_blocks(connection, 50)
    connection.close()
    second = DatabaseState.read(server, "the second")
    assert {name for name, _ in named_differences(first, second)} == {
        f'{what}: {title}'
        for what, title in (('rows of "values".large_fields', "count"),
                            ('rows of "values".large_fields', "content"),
                            ('rows of "values".many_blocks', "count"),
                            ('rows of "values".many_blocks', "content"),
                            ('value of "values".large_fields_id_seq', "last"))}
    assert server.sql("""SELECT pg_relation_size('"values".many_blocks') / 8192""",
                      "the second") == "50"


def test_databases_of_two_servers_are_equal_whatever_their_oids(scratch):
    states = []
    for number in (1, 2):
        server = start_with_every_extension(scratch, 15, f"server {number}")
        if number == 2:
            # OIDs that come in another order than the names, and the roles' in the opposite one.
            server.sql("""CREATE ROLE every_nobody; CREATE ROLE every_group;
                          CREATE ROLE every_reader; CREATE ROLE every_owner""")
            server.sql("SELECT lo_unlink(lo_create(0)) FROM generate_series(1, 12345)")
        make_every_object(server, "every")
        states.append(DatabaseState.read(server, "every"))
    assert differences(*states) == []


@pytest.mark.soak
def test_a_field_of_255_mib_is_made_and_compared(scratch):
    server = start_with_every_extension(scratch, 15)
    make_every_object(server, "every")
    connection = server.connect("every")
    insert_large_field(connection, 255)
    state = DatabaseState.read(server, "every")
    with connection.cursor() as cursor:
        cursor.execute("""UPDATE "values".large_fields SET body = set_byte(body, 200000000, 1)
                          WHERE length(body) > 200000000""")
    connection.close()
    assert {name for name, _ in named_differences(state, DatabaseState.read(server, "every"))} == {
        'rows of "values".large_fields: content'}


def test_what_pg_dump_brings_back_is_equal_but_for_what_it_leaves_out(scratch):
    server = start_with_every_extension(scratch, 15)
    make_every_object(server, "every")
    dumped = scratch.root / "every.sql"
    scratch.run([CLIENT_BINDIR / "pg_dump", "-f", dumped, "-d", server.conninfo("every")])
    server.sql("CREATE DATABASE again TEMPLATE template0")
    scratch.run([CLIENT_BINDIR / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d",
                 server.conninfo("again"), "-f", dumped])
    assert differences(
        DatabaseState.read(server, "every"), DatabaseState.read(server, "again"),
        # It names no version, and of another version an extension has other members.
        expected=[*OF_THE_DATABASE, "extension pg_trgm: version"],
        skipped=['function "Ext.".gtrgm_*', 'operator "Ext.".*%*', 'operator family "Ext.".*trgm*'],
    ) == []


@pytest.mark.parametrize("older, newer", [(13, 15), (15, 17), (17, 18)])
def test_what_versions_say_differently_is_no_difference(scratch, older, newer):
    states = []
    for major in (older, newer):
        server = start_with_every_extension(scratch, major, f"server {major}")
        make_every_object(server, "every", as_of=older)
        states.append(DatabaseState.read(server, "every"))
        server.stop()
    # They are: initdb gives the schema to another role, a subscription streams by itself.
    assert differences(*states, skipped=["extension *: version", "schema public: *",
                                         "subscription asleep: streaming"]) == []
