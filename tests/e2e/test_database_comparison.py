"""The comparison of two databases finds every planted difference and names it, and nothing else."""

from types import SimpleNamespace

import pytest

from database_comparison import DatabaseState, differences, named_differences
from every_object import make_every_object, start_with_every_extension
from planted_differences import PLANTS, PLANTS_18
from scratch import Scratch

pytestmark = pytest.mark.slow


@pytest.fixture(name="planted", scope="module", params=(15, 18))
def _planted(request):
    """A connection to a database with everything in it, and what it held before any plant."""
    with Scratch() as scratch:
        server = start_with_every_extension(scratch, request.param)
        make_every_object(server, "every")
        connection = server.connect("every", autocommit=False)
        state = DatabaseState.read_over(connection)
        connection.rollback()
        yield SimpleNamespace(major=request.param, connection=connection, state=state)
        connection.close()


def _planted_state(planted, statements):
    try:
        with planted.connection.cursor() as cursor:
            cursor.execute(statements)
        return DatabaseState.read_over(planted.connection)
    finally:
        planted.connection.rollback()


def _named(planted, statements):
    found = _planted_state(planted, statements)
    return {name for name, _ in named_differences(planted.state, found)}


@pytest.mark.parametrize("planted", [15], indirect=True)
@pytest.mark.parametrize("what, statements, expected", PLANTS, ids=[plant[0] for plant in PLANTS])
def test_a_planted_difference_is_found_and_named(planted, what, statements, expected):
    assert _named(planted, statements) == expected, what


@pytest.mark.parametrize("planted", [18], indirect=True)
@pytest.mark.parametrize("what, statements, expected", PLANTS_18,
                         ids=[plant[0] for plant in PLANTS_18])
def test_a_difference_that_only_newer_servers_have_is_found(planted, what, statements, expected):
    assert _named(planted, statements) == expected, what


@pytest.mark.parametrize("planted", [15], indirect=True)
def test_a_change_undone_is_no_difference(planted):
    """Rows in another order and places, and rights written out that were not."""
    assert _named(planted, """
        UPDATE "values".texts SET id = id; UPDATE "values".arrays SET id = id WHERE id < 3;
        CREATE TABLE kept AS TABLE links.author; UPDATE links.author SET best_book = NULL;
        UPDATE links.author a SET best_book = k.best_book FROM kept k WHERE k.id = a.id;
        DROP TABLE kept; REINDEX TABLE kinds.indexed;
        GRANT SELECT ON kinds.no_rows TO postgres;
        GRANT EXECUTE ON FUNCTION programs.crlf() TO PUBLIC;
        ALTER TABLE kinds.no_rows ADD passing int; ALTER TABLE kinds.no_rows DROP passing;
        """) == set()


@pytest.mark.parametrize("planted", [15], indirect=True)
def test_rows_that_an_enum_hashes_belong_to_the_partitioned_table(planted):
    tables = [name for kind, name in planted.state.objects if kind == "rows of"]
    assert [name for name in tables if "by_mood" in name] == ["parts.by_mood"]
    assert _named(planted, "UPDATE parts.by_mood SET id = 6 WHERE id = 5 AND mood = 'sad'") == {
        "rows of parts.by_mood: content"}


@pytest.mark.parametrize("planted", [15], indirect=True)
def test_skipped_differences_are_silent_and_expected_ones_must_be_there(planted):
    found = _planted_state(planted, "ALTER TABLE kinds.generated ALTER height SET DEFAULT 4; "
                                    "COMMENT ON SCHEMA kinds IS NULL")
    assert differences(planted.state, found) == [
        "column kinds.generated.height: default: '3' became '4'",
        "comment on schema kinds: missing"]
    assert differences(planted.state, found, skipped=["comment on *", "nothing that is"]) == [
        "column kinds.generated.height: default: '3' became '4'"]
    assert differences(planted.state, found, expected=["comment on *", "column kinds.*: default",
                                                       "column kinds.*: type"]) == [
        "column kinds.*: type: expected, but equal"]


@pytest.mark.parametrize("planted", [15], indirect=True)
def test_what_a_role_cannot_read_is_never_equal(planted):
    state = _planted_state(planted, "SET ROLE every_nobody")
    found = dict(named_differences(state, state))
    assert "rows of kinds.generated: content" in found
    assert "content of large objects: content" in found
    assert not any(name.startswith("table ") for name in found)
