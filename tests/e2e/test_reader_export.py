"""The Python reader makes SQL of a logical backup (mini_chunks.py), and refuses what is not one."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any, Callable, List

import pytest
from logical_example import (
    AFTER_ROWS,
    BACKUP,
    BEFORE_ROWS,
    LAST,
    NOISE,
    PAGE,
    PLAIN,
    ROLES,
    SCHEMA,
    LogicalExample,
    page,
)
from mini_chunks import ChunkStream
from mini_maps import File
from reader_example import Example, run_reader

from pgcairn_format import sql
from pgcairn_format.definitions import split
from pgcairn_format.errors import ReaderError
from pgcairn_format.rows import Seen, checked

pytestmark = pytest.mark.reader_alone

SETTINGS = b"""SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SET extra_float_digits = 3;
SET TimeZone = 'UTC';
SET xmloption = content;
SET row_security = off;
SET search_path = '';
SET statement_timeout = 0;
SET lock_timeout = 0;

"""
CLEARED = b"""-- emptied "public"."of_extension"
SELECT pg_catalog.lo_create(16500);
SELECT pg_catalog.lo_create(16501);
SELECT pg_catalog.lo_create(16502);
SELECT pg_catalog.lo_create(16503);
"""
FINISHED = b"""-- filled "public"."of_extension"
SELECT pg_catalog.setval('"public"."plain_id_seq"'::regclass, 899, true);
SELECT pg_catalog.setval('"we""ird"."it''s"'::regclass, 1, false);
SELECT pg_catalog.setval('"public"."down"'::regclass, '-9223372036854775808', true);
ALTER LARGE OBJECT 16500 OWNER TO "ro""le";
GRANT SELECT ON LARGE OBJECT 16500 TO "x";
REVOKE ALL;
COMMENT ON LARGE OBJECT 16500 IS 'it''s';
ALTER LARGE OBJECT 16501 OWNER TO "app";
ALTER LARGE OBJECT 16502 OWNER TO "app";
SELECT pg_catalog.lo_put(16503, 4095, '\\x00'::bytea);
ALTER LARGE OBJECT 16503 OWNER TO "app";

"""
PUBLIC = b"""REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""
REFRESHED = b'REFRESH MATERIALIZED VIEW "public"."vi""ew";\n'


# What is done for a table of an extension, which test_extension_rows.py looks at.
BLOCK = re.compile(
    rb"^DO 'DECLARE\n  (\w+) pg_catalog\.regclass := ''(.*?)'';\n.*?^END';$", re.DOTALL | re.MULTILINE
)


def without_blocks(script: bytes) -> bytes:
    return BLOCK.sub(rb"-- \1 \2", script)


def expected() -> bytes:
    """Parts that follow each other share a COPY."""
    plain = b'COPY "public"."plain" ("id", "text") FROM stdin;\n' + b"".join(PLAIN)
    weird = b'COPY "we""ird"."it\'s \\ \xc3\xbc" ("a""b", "user") FROM stdin;\n'
    return b"".join([
        b"-- Backup 20240101_020000-00ff of pgcairn, for psql and an empty database.\n\n",
        BEFORE_ROWS, b"\n", SETTINGS, CLEARED,
        plain, b"\\.\n\n",
        weird, b"\\\\.\tx\n\\\\.\t\\\\.\n", b"\\.\n\n",
        b"SELECT pg_catalog.lo_put(16502, 4096, '\\xff'::bytea);\n",
        b"SELECT pg_catalog.lo_put(16500, 2048, '\\x656e64'::bytea);\n",
        b'COPY "public"."no_columns" FROM stdin;\n\n\n', b"\\.\n\n",
        b'COPY "public"."of_extension" ("x") FROM stdin;\n1\n', b"\\.\n\n",
        b'COPY "public"."of_extension_too" ("x") FROM stdin;\n2\n3\n', b"\\.\n\n",
        b'COPY "public"."whole" ("x") FROM stdin;\n', b"\\.\n\n",
        b"SELECT pg_catalog.lo_put(16500, 0, '\\x" + NOISE[:PAGE].hex().encode() + b"'::bytea);\n",
        b"SELECT pg_catalog.lo_put(16502, 0, '\\x73686f7274'::bytea);\n",
        FINISHED, AFTER_ROWS, PUBLIC, REFRESHED, b"\n", LAST,
    ])  # fmt: skip


# Whole exports.


@pytest.mark.parametrize("blob_raw, leaf_chunks", [(400, 1), (3000, 5), (65536, 4096)])
def test_an_export_is_the_schema_and_the_rows(
    tmp_path: Path, blob_raw: int, leaf_chunks: int
) -> None:
    example = LogicalExample(tmp_path, blob_raw=blob_raw, leaf_chunks=leaf_chunks)
    example.export(roles="roles.sql")
    assert without_blocks((tmp_path / "out.sql").read_bytes()) == expected()
    assert (tmp_path / "roles.sql").read_bytes() == ROLES
    assert sorted(os.listdir(tmp_path)) == ["host.key", "out.sql", "repo", "roles.sql"]
    for name in ("out.sql", "roles.sql"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_the_command_exports_and_says_what_is_in_the_file(tmp_path: Path) -> None:
    example = LogicalExample(tmp_path)
    out = tmp_path / "out.sql"
    done = run_reader(example, "export", BACKUP, "--to-file", str(out))
    assert done.returncode == 0, done.stderr
    assert without_blocks(out.read_bytes()) == expected()
    assert "wrote 6 tables with 906 rows, 3 sequences, 4 large objects" in done.stdout
    assert "roles are not in the file; --roles-to-file" in done.stdout
    assert "not in the backup: rows of pg_temp.x: of a session" in done.stdout
    assert "public.of_extension refers to public.of_extension_too and back: " in done.stdout
    assert "definitions that need" not in done.stdout
    again = [str(tmp_path / name) for name in ("again.sql", "roles.sql")]
    done = run_reader(example, "export", BACKUP, "--to-file", again[0], "--roles-to-file", again[1])
    assert done.returncode == 0 and "are not in the file" not in done.stdout
    assert f"the roles are in {again[1]}" in done.stdout


def test_rows_for_a_table_that_cannot_be_made_are_left_out(tmp_path: Path) -> None:
    def change(catalog: Any) -> None:
        for oid in (16390, 16392):
            catalog.needing_hidden.add(catalog=1259, oid=oid)
        catalog.needing_hidden.add(catalog=1255, oid=16385)

    example = LogicalExample(tmp_path, change)
    done = run_reader(example, "export", BACKUP, "--to-file", str(tmp_path / "out.sql"))
    assert "fail: load it without -1 and ON_ERROR_STOP" in done.stdout, done.stderr
    written = (tmp_path / "out.sql").read_bytes()
    assert b'COPY "we""ird"' not in written and b'"of_extension" ' not in written
    assert b"of_extension\"'" not in written
    assert b'COPY "public"."plain"' in written


def test_text_of_a_database_without_an_encoding_stays_as_it_is(tmp_path: Path) -> None:
    def change(catalog: Any) -> None:
        catalog.encoding = "SQL_ASCII"
        catalog.tables[0].name = b"\xff"

    LogicalExample(tmp_path, change_catalog=change).export()
    written = (tmp_path / "out.sql").read_bytes()
    assert b"SET client_encoding = 'SQL_ASCII';" in written and b'COPY "public"."\xff"' in written


def test_a_database_with_nothing_in_it_is_exported(tmp_path: Path) -> None:
    def empty(catalog: Any) -> None:
        catalog.Clear()
        catalog.database, catalog.encoding = b"app", "UTF8"

    def cut(streams: List[ChunkStream]) -> None:
        del streams[4:]

    example = LogicalExample(tmp_path, change_catalog=empty, change=cut)
    example.export()
    end = BEFORE_ROWS + b"\n" + SETTINGS + b"\n" + AFTER_ROWS + b"\n" + LAST
    assert (tmp_path / "out.sql").read_bytes().endswith(end)


def test_list_show_and_check_hashes_know_logical_backups(tmp_path: Path) -> None:
    example = LogicalExample(tmp_path)
    example.mini.add_backup("20240102_020000-0100", [File("global", None, 0o700)])
    listed = run_reader(example, "list")
    assert listed.returncode == 0, listed.stderr
    logical, physical = listed.stdout.splitlines()[1:]
    assert "logical" in logical and "0/0" not in logical and "  -  " in logical
    assert "physical" in physical and "0/2000028" in physical
    for arguments in (["list", "--json"], ["show", BACKUP], ["show", BACKUP, "--json"]):
        done = run_reader(example, *arguments)
        assert done.returncode == 0 and "logical" in done.stdout, done.stderr
    assert "start_lsn: None" in run_reader(example, "show", BACKUP).stdout
    done = run_reader(example, "check-hashes", key=False)
    assert done.returncode == 0 and "0 errors" in done.stdout, done.stderr


def test_names_that_psql_could_take_for_something_else_are_quoted() -> None:
    assert sql.identifier(b'a"b') == b'"a""b"'
    assert sql.qualified(b"S", b"select") == b'"S"."select"'
    assert sql.literal(b"it's \\") == b"'it''s \\'"


def test_rows_belong_before_what_they_need_not_satisfy() -> None:
    assert split(SCHEMA) == (BEFORE_ROWS, AFTER_ROWS, LAST)
    end = b"--\n-- PostgreSQL database dump complete\n--\n\n"
    assert split(BEFORE_ROWS + end) == (BEFORE_ROWS, b"", end)
    assert split(b"") == (b"", b"", b"")
    for quoted in (b"AS $$%b$$", b"AS $_$'$$'%b$_$", b"'a''%b'", b"E'a\\'%b'", b'"a""%b"',
                   b"a$b$c d$b$ $1 $2 %.0b", b"-- it's\n%.0b", b"'back\\'%.0b", b"nameE'x\\'%.0b",
                   b"E'\\\\'%.0b"):  # fmt: skip
        before = BEFORE_ROWS + quoted % (b"\n" + AFTER_ROWS) + b";\n"
        assert split(before + AFTER_ROWS + LAST) == (before, AFTER_ROWS, LAST), quoted
    named = b"--\n-- Name: a; Type: INDEX; Schema: b; Type: TABLE; Schema: public; Owner: app\n--\n"
    assert split(named + AFTER_ROWS) == (named, AFTER_ROWS, b"")


# What is in the way.


def test_nothing_that_exists_is_overwritten(tmp_path: Path) -> None:
    example = LogicalExample(tmp_path)
    (tmp_path / "out.sql").write_text("precious")
    (tmp_path / "link.sql").symlink_to("nowhere")
    for name, roles in (("out.sql", "new.sql"), ("link.sql", None), ("new.sql", "out.sql")):
        with pytest.raises(ReaderError, match="exists already"):
            example.export(name, roles)
    assert (tmp_path / "out.sql").read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["host.key", "link.sql", "out.sql", "repo"]


def test_what_appears_while_rows_are_written_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = LogicalExample(tmp_path)

    def settings(catalog: Any) -> List[bytes]:
        (tmp_path / "out.sql").write_text("precious")
        return []

    monkeypatch.setattr(sql, "settings", settings)
    with pytest.raises(ReaderError, match="exists already"):
        example.export()
    assert (tmp_path / "out.sql").read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["host.key", "out.sql", "repo"]


def test_files_that_cannot_be_are_refused(tmp_path: Path) -> None:
    example = LogicalExample(tmp_path)
    with pytest.raises(ReaderError, match="cannot hold the roles too"):
        example.export("a.sql", "repo/../a.sql")
    with pytest.raises(ReaderError, match="lies inside the repository"):
        example.export("repo/out.sql")
    with pytest.raises(ReaderError, match="lies inside the repository"):
        example.export("out.sql", "repo/roles.sql")
    done = run_reader(example, "export", BACKUP, "--to-file", str(tmp_path / "none/out.sql"))
    assert done.returncode == 1 and "No such file or directory" in done.stderr
    assert run_reader(example, "export", BACKUP).returncode == 2


def test_each_method_has_its_own_command(tmp_path: Path) -> None:
    (tmp_path / "physical").mkdir()
    physical, logical = Example(tmp_path / "physical"), LogicalExample(tmp_path)
    out = str(tmp_path / "out")
    done = run_reader(physical, "export", BACKUP, "--to-file", out)
    assert done.returncode == 1 and "is a backup of files" in done.stderr
    assert "hint: the command restore" in done.stderr
    done = run_reader(logical, "restore", BACKUP, out, "--tablespace-map", "/a=/b")
    assert done.returncode == 1 and "is not a backup of files" in done.stderr
    assert "hint: the command export" in done.stderr
    assert not os.path.exists(out)


def test_streams_of_the_other_method_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    logical = {"method": 2}
    physical = {"method": 1, "backup_label": b"x", "control_file": b"x", "data_directory_mode": 448}

    def edit(fields: Any) -> Callable[[str, Any], Any]:
        def change(what: str, value: Any) -> Any:
            if what == "manifest":
                for name, stated in fields.items():
                    setattr(value, name, stated)
            return value

        return change

    files = Example(tmp_path / "a", edit=edit(logical))
    done = run_reader(files, "export", BACKUP, "--to-file", str(tmp_path / "out"))
    assert done.returncode == 1 and "is a file in a backup of one database" in done.stderr
    rows = LogicalExample(tmp_path / "b", edit=edit(physical))
    done = run_reader(rows, "restore", BACKUP, str(tmp_path / "out"), "--no-wal-check")
    assert done.returncode == 1 and "catalog: is a stream of rows" in done.stderr
    assert not (tmp_path / "out").exists() or not os.listdir(tmp_path / "out")


# What cannot be.


def table(number: int, **fields: Any) -> Callable[[Any], None]:
    def change(catalog: Any) -> None:
        for name, value in fields.items():
            setattr(catalog.tables[number], name, value)

    return change


def large_object(number: int, **fields: Any) -> Callable[[Any], None]:
    def change(catalog: Any) -> None:
        for name, value in fields.items():
            setattr(catalog.large_objects[number], name, value)

    return change


def fields(**values: Any) -> Callable[[Any], None]:
    def change(catalog: Any) -> None:
        for name, value in values.items():
            setattr(catalog, name, value)

    return change


WRONG_CATALOGS = {
    "a table that comes twice": (table(1, oid=16385), "has table 16385 twice"),
    "a table of no parts": (table(0, parts=0), "twice or in no parts"),
    "a part that is missing": (table(0, parts=4), "3 parts with 899 rows"),
    "a part too many": (table(0, parts=2), "rows/16385/2: is none of the 2 parts"),
    "another number of rows": (table(0, rows=5), "rows/16385: 3 parts with 899 rows"),
    "another number of bytes": (table(0, bytes=5), "; the catalog says 3, 899, 5"),
    "a table whose rows are not stored": (table(5, oid=7), "rows/4294967295/0: is a stream of no"),
    "pages of nothing": (fields(large_object_page_bytes=0), "with pages of 0 bytes"),
    "pages that are too large": (fields(large_object_page_bytes=1048577), "with pages of 1048577 bytes"),
    "smaller pages": (fields(large_object_page_bytes=2047), "16500 that goes past its end"),
    "a part of large objects too many": (fields(large_object_parts=1), "none of the 1 parts"),
    "a part of large objects that is missing": (fields(large_object_parts=3), "fewer parts than"),
    "a large object that comes twice": (large_object(1, oid=16500), "has large object 16500 twice"),
    "a large object that is shorter": (large_object(0, size=2050), "16500 that goes past its end"),
    "a large object that is longer": (large_object(0, size=9999), "9999 bytes; its pages end at 2051"),
    "a large object without its pages": (large_object(1, size=1), "1 bytes; its pages end at 0"),
    "an unknown large object": (large_object(0, oid=7), "object 16500, not in the catalog"),
}


@pytest.mark.parametrize("what", WRONG_CATALOGS)
def test_a_catalog_that_does_not_fit_the_rows_is_refused(tmp_path: Path, what: str) -> None:
    change, said = WRONG_CATALOGS[what]
    require_refused(LogicalExample(tmp_path, change_catalog=change), said)


def require_refused(example: LogicalExample, said: str) -> None:
    with pytest.raises(ReaderError, match=said):
        example.export(roles="roles.sql")
    assert sorted(os.listdir(example.folder)) == ["host.key", "repo"]


def renamed(old: str, new: str) -> Callable[[List[ChunkStream]], None]:
    def change(streams: List[ChunkStream]) -> None:
        next(stream for stream in streams if stream.path == old).path = new

    return change


def holding(path: str, data: bytes) -> Callable[[List[ChunkStream]], None]:
    def change(streams: List[ChunkStream]) -> None:
        next(stream for stream in streams if stream.path == path).data = data

    return change


WRONG_STREAMS = {
    "no catalog": (lambda streams: streams.pop(0), "no stream catalog before its rows"),
    "no archive of definitions": (lambda streams: streams.pop(1), "no stream schema.dump before"),
    "no definitions": (lambda streams: streams.pop(2), "no stream schema.sql before"),
    "no roles": (lambda streams: streams.pop(3), "no stream roles.sql before its rows"),
    "definitions behind rows": (
        lambda streams: streams.append(ChunkStream("schema.sql", b"")),
        "schema.sql: is stored twice",
    ),
    "definitions that come twice": (
        lambda streams: streams.insert(3, ChunkStream("schema.sql", b"")),
        "schema.sql: is stored twice",
    ),
    "a part that comes twice": (renamed("rows/16385/1", "rows/16385/0"), "5/0: is stored twice"),
    "pages that come twice": (renamed("large_objects/1", "large_objects/0"), "0: is stored twice"),
    "a table that nobody knows": (renamed("rows/16390/0", "rows/5/0"), "nothing in the catalog"),
    "a number with a zero": (renamed("rows/16390/0", "rows/16390/00"), "nothing in the catalog"),
    "a path that nobody knows": (renamed("rows/16390/0", "rows/16390"), "nothing in the catalog"),
    "a catalog that is none": (holding("catalog", b"\xff"), "catalog: a message ends"),
    "an end of a COPY in front": (holding("rows/16385/0", b"\\.\n"), "would end its COPY"),
    "an end of a COPY within": (holding("rows/16385/0", b"1\n\\.\n"), "would end its COPY"),
    "rows that end early": (holding("rows/16385/0", b"1\n2"), "rows/16385/0: ends inside a row"),
    "pages that end early": (holding("large_objects/0", b"1\t0\t"), "0: ends inside a row"),
    "a page without a number": (holding("large_objects/0", b"16500\t\t\\\\x00\n"), "not a page"),
    "half a byte": (holding("large_objects/0", b"16500\t0\t\\\\x0\n"), "is not a page"),
    "one backslash": (holding("large_objects/0", b"16500\t0\t\\x00\n"), "is not a page"),
    "SQL in a page": (holding("large_objects/0", b"16500\t0\t\\\\x00'); --\n"), "is not a page"),
    "a page too long": (
        holding("large_objects/0", page(16500, 0, bytes(PAGE + 1))),
        "16500 that goes past its end",
    ),
    "a page far too long": (holding("large_objects/0", b"1" * 40_000), "is not a page"),
}


@pytest.mark.parametrize("what", WRONG_STREAMS)
def test_streams_that_do_not_fit_the_catalog_are_refused(tmp_path: Path, what: str) -> None:
    change, said = WRONG_STREAMS[what]
    require_refused(LogicalExample(tmp_path, change=change), said)


def test_definitions_behind_the_first_rows_are_refused(tmp_path: Path) -> None:
    def change(streams: List[ChunkStream]) -> None:
        streams.append(streams.pop(3))

    require_refused(LogicalExample(tmp_path, change=change), "no stream roles.sql before its rows")


def test_a_row_that_ends_its_copy_is_seen_wherever_chunks_part_it() -> None:
    rows = b"1\n22\n\\.\n3\n"
    for size in range(1, len(rows) + 1):
        pieces = [rows[at : at + size] for at in range(0, len(rows), size)]
        with pytest.raises(ReaderError, match="would end its COPY"):
            list(checked(pieces, Seen(), "rows"))
        good = [piece.replace(b".", b"N") for piece in pieces]
        seen = Seen()
        assert b"".join(checked(good, seen, "rows")) == b"1\n22\n\\N\n3\n"
        assert (seen.rows, seen.bytes) == (4, len(rows))
