"""Rows of extensions' tables that refer to each other: CREATE EXTENSION makes their keys, so that
they are watched over while the rows go in."""

import pytest

from extended_server import programs_with_every_settings
from logical_cluster import LogicalCluster
from scratch import CLIENT_BINDIR

REFUSED = 12
LINKED = """
SELECT string_agg(g::text, ' ' ORDER BY name) FROM z_group g
UNION ALL SELECT string_agg(s::text, ' ' ORDER BY name) FROM m_setting s
UNION ALL SELECT string_agg(v::text, ' ' ORDER BY id) FROM a_value v
UNION ALL SELECT last_value::text FROM a_value_id_seq"""
CIRCULAR = "SELECT count(*), string_agg(name || laid_by, ' ' ORDER BY name) FROM egg JOIN hen USING (name)"


class ExtendedCluster(LogicalCluster):
    """Of a role that is no superuser."""

    def __init__(self, extension, rows):
        super().__init__()
        self.source.sql("CREATE ROLE maker LOGIN CREATEDB")
        self.source.sql("DROP DATABASE source")
        self.source.sql("CREATE DATABASE source OWNER maker TEMPLATE template0")
        self.as_maker("source", f"CREATE EXTENSION {extension} SCHEMA public; {rows}")
        self.backup()

    def server(self, name="data", bindir=None):
        return super().server(name, programs_with_every_settings(self, 15))

    def as_maker(self, database, statements):
        self.run([CLIENT_BINDIR / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-c", statements,
                  "-d", self.source.conninfo(database, "maker")])

    def new_database(self):
        name = f"loaded_{next(self._numbers)}"
        self.source.sql(f"CREATE DATABASE {name} OWNER maker TEMPLATE template0")
        return name

    def export(self, form):
        """The report, and the command that loads what was written, but for the database."""
        target = self.root / f"exported_{next(self._numbers)}"
        way = {"sql": "--target-file", "directory": "--target-dir"}[form]
        report = self.pgcairn_json("export", f"--format={form}", f"{way}={target}")
        if form == "sql":
            return report, [CLIENT_BINDIR / "psql", "-Xq1", "-v", "ON_ERROR_STOP=1", "-f", target]
        return report, [CLIENT_BINDIR / "pg_restore", "--exit-on-error", target]

    def load(self, command, user, **options):
        name = self.new_database()
        done = self.run([*command, "-d", self.source.conninfo(name, user)], **options)
        return name, done


@pytest.fixture(name="linked", scope="module")
def _linked():
    with ExtendedCluster("linked_settings", """
            DELETE FROM a_value; DELETE FROM m_setting; DELETE FROM z_group;
            INSERT INTO z_group VALUES ('ours'); INSERT INTO m_setting VALUES ('colour', 'ours');
            INSERT INTO a_value (setting) VALUES ('colour'), ('colour');
            UPDATE a_value SET instead = id + 1 WHERE id % 2 = 0""") as cluster:
        yield cluster


@pytest.fixture(name="circular", scope="module")
def _circular():
    with ExtendedCluster("circular_settings", """
            BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO hen VALUES ('a', 'b'), ('b', 'a');
            INSERT INTO egg VALUES ('a', 'a'), ('b', 'b'); COMMIT""") as cluster:
        yield cluster


@pytest.mark.parametrize("user", ["maker", "postgres"])
@pytest.mark.parametrize("form, more", [("sql", ()), ("directory", ()), ("directory", ("-j3",))])
def test_rows_are_loaded_behind_those_that_they_refer_to(linked, form, more, user):
    report, command = linked.export(form)
    assert report["warnings"] == []
    name, _ = linked.load([*command, *more], user)
    assert linked.source.sql(LINKED, name) == linked.source.sql(LINKED, "source")


def test_the_reader_writes_the_same(linked):
    report, command = linked.export("sql")
    by_reader = linked.root / "reader.sql"
    linked.run([linked.reader, "--repository", linked.root / "repository", "--key-file",
                linked.root / "storage/encryption/host.key", "export", report["backup_id"],
                "--to-file", by_reader])
    assert by_reader.read_bytes() == command[-1].read_bytes()


def test_one_of_the_tables_can_be_loaded_into_the_directory_s_definitions(linked):
    _, command = linked.export("directory")
    name = linked.new_database()
    linked.run([*command, "--schema-only", "-d", linked.source.conninfo(name)])
    linked.source.sql("DELETE FROM a_value; DELETE FROM m_setting", name)
    linked.run([*command, "--data-only", "--table=z_group", "-d", linked.source.conninfo(name)])
    assert linked.source.sql("SELECT name FROM z_group", name) == "ours"


@pytest.mark.parametrize("user", ["maker", "postgres"])
def test_a_restore_loads_them_too(linked, user):
    name = linked.new_database()
    linked.pgcairn("restore", f"--target-url={linked.source.conninfo(name, user)}")
    assert linked.source.sql(LINKED, name) == linked.source.sql(LINKED, "source")


@pytest.mark.parametrize("form", ["sql", "directory"])
def test_of_a_circle_the_export_says_who_can_load_it(circular, form):
    report, command = circular.export(form)
    assert [line.split(":")[0] for line in report["warnings"]] == [
        "public.egg refers to public.hen and back"]
    options = "PGOPTIONS='-c session_replication_role=replica' "
    assert [line.startswith(options) for line in report["next_commands"]] == [False, True, False]
    _, failed = circular.load(command, "maker", check=False)
    assert failed.returncode != 0 and "violates foreign key" in failed.stderr
    name, _ = circular.load(command, "postgres",
                            env={"PGOPTIONS": "-c session_replication_role=replica"})
    assert circular.source.sql(CIRCULAR, name) == circular.source.sql(CIRCULAR, "source")


def test_a_restore_of_a_circle_is_refused_before_it_begins_or_works(circular):
    name = circular.new_database()
    refused = circular.pgcairn(
        "restore", f"--target-url={circular.source.conninfo(name, 'maker')}", check=False)
    assert refused.returncode == REFUSED
    assert "public.egg refers to public.hen and back" in refused.stderr
    circular.pgcairn("restore", f"--target-url={circular.source.conninfo(name)}")
    assert circular.source.sql(CIRCULAR, name) == circular.source.sql(CIRCULAR, "source")
