"""Rows of extensions' tables that refer to each other: CREATE EXTENSION makes their keys, so that
they are watched over while the rows go in."""

import contextlib

import pytest

from extended_server import programs_with_every_settings
from killed_runs import start
from logical_cluster import LogicalCluster
from scratch import CLIENT_BINDIR, kill, wait_for

REFUSED = 12
LINKED = """
SELECT string_agg(g::text, ' ' ORDER BY name) FROM z_group g
UNION ALL SELECT string_agg(s::text, ' ' ORDER BY name) FROM m_setting s
UNION ALL SELECT string_agg(v::text, ' ' ORDER BY id) FROM a_value v
UNION ALL SELECT last_value::text FROM a_value_id_seq"""
OURS = """
DELETE FROM a_value; DELETE FROM m_setting; DELETE FROM z_group;
INSERT INTO z_group VALUES ('ours'); INSERT INTO m_setting VALUES ('colour', 'ours');
INSERT INTO a_value (setting) VALUES ('colour'), ('colour');
UPDATE a_value SET instead = id + 1 WHERE id % 2 = 0"""
CIRCULAR = "SELECT count(*), string_agg(name || laid_by, ' ' ORDER BY name) FROM egg JOIN hen USING (name)"
CASCADING = """
SELECT string_agg(t::text, ' ' ORDER BY name) FROM topic t
UNION ALL SELECT string_agg(a::text, ' ' ORDER BY id) FROM answer a
UNION ALL SELECT last_value::text FROM answer_id_seq"""

PLATFORM = """
CREATE SCHEMA auth;
CREATE TABLE auth.users (id int PRIMARY KEY);
CREATE SCHEMA extensions;
CREATE EXTENSION every_settings SCHEMA extensions;
GRANT USAGE ON SCHEMA auth, extensions TO maker;
GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA auth, extensions TO maker;
GRANT ALL ON ALL SEQUENCES IN SCHEMA extensions TO maker"""
OF_THE_MAKER = """
INSERT INTO auth.users SELECT generate_series(1, 10);
INSERT INTO extensions.setting VALUES ('colour', 'red', false), ('font', 'narrow', false);
INSERT INTO extensions.setting_note (setting, note)
  SELECT 'colour', 'n' || g FROM generate_series(1, 20) g UNION ALL VALUES ('size', 'of the shipped one');
SELECT nextval('extensions.setting_counter'), nextval('extensions.setting_counter');
CREATE TABLE public.orders AS SELECT g AS id FROM generate_series(1, 30) g"""
EVERYTHING = """
SELECT string_agg(s::text, ' ' ORDER BY name) FROM extensions.setting s
UNION ALL SELECT string_agg(n::text, ' ' ORDER BY id) FROM extensions.setting_note n
UNION ALL SELECT string_agg(f::text, ' ' ORDER BY n) FROM extensions.setting_fixed f
UNION ALL SELECT last_value::text FROM extensions.setting_note_id_seq
UNION ALL SELECT last_value::text FROM extensions.setting_counter
UNION ALL SELECT string_agg(u::text, ' ' ORDER BY id) FROM auth.users u
UNION ALL SELECT string_agg(o::text, ' ' ORDER BY id) FROM public.orders o"""


class MakersCluster(LogicalCluster):
    """Of a role that is no superuser."""

    def __init__(self):
        super().__init__()
        self.source.sql("CREATE ROLE maker LOGIN CREATEDB")
        self.source.sql("DROP DATABASE source")
        self.source.sql("CREATE DATABASE source OWNER maker TEMPLATE template0")

    def server(self, name="data", bindir=None):
        return super().server(name, programs_with_every_settings(self, 15))

    def as_maker(self, database, statements):
        self.run([CLIENT_BINDIR / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-c", statements,
                  "-d", self.source.conninfo(database, "maker")])

    def new_database(self):
        name = f"loaded_{next(self._numbers)}"
        self.source.sql(f"CREATE DATABASE {name} OWNER maker TEMPLATE template0")
        return name


class ExtendedCluster(MakersCluster):
    def __init__(self, extension, rows):
        super().__init__()
        self.as_maker("source", f"CREATE EXTENSION {extension} SCHEMA public; {rows}")
        self.backup()

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
    with ExtendedCluster("linked_settings", OURS) as cluster:
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


@pytest.mark.parametrize("user", ["maker", "postgres"])
def test_rows_that_go_with_others_come_back_with_them(user):
    with ExtendedCluster("cascading_settings VERSION '1.0'", """
            DELETE FROM topic WHERE name = 'sports'; UPDATE topic SET title = 'of ours';
            INSERT INTO topic VALUES ('food', 'of ours');
            INSERT INTO answer (topic, said) VALUES ('food', 'too hot'), ('weather', 'too cold')
            """) as cluster:
        name = cluster.new_database()
        cluster.pgcairn("restore", f"--target-url={cluster.source.conninfo(name, user)}")
        assert cluster.source.sql(CASCADING, name) == cluster.source.sql(CASCADING, "source")


def test_rows_that_no_backup_has_do_not_go_with_others():
    with ExtendedCluster("cascading_settings", """
            CREATE TABLE of_ours (); UPDATE topic SET title = 'of ours'; INSERT INTO topic VALUES ('food', 'of ours');
            INSERT INTO answer (topic, said) VALUES ('food', 'too hot'), ('weather', 'too cold')
            """) as cluster:
        name = cluster.new_database()
        refused = cluster.pgcairn(
            "restore", f"--target-url={cluster.source.conninfo(name, 'maker')}", check=False)
        assert refused.returncode == REFUSED and "answer_topic_fkey" in refused.stderr
        # With the extension there already, it is known before anything is made.
        name = cluster.new_database()
        cluster.as_maker(name, "CREATE EXTENSION cascading_settings SCHEMA public")
        refused = cluster.pgcairn(
            "restore", f"--target-url={cluster.source.conninfo(name, 'maker')}", check=False)
        assert refused.returncode == REFUSED and "answer_topic_fkey" in refused.stderr
        assert cluster.source.sql("SELECT to_regclass('public.of_ours')", name) == ""
        name = cluster.new_database()
        cluster.pgcairn("restore", f"--target-url={cluster.source.conninfo(name)}")
        assert cluster.source.sql(CASCADING, name) == cluster.source.sql(CASCADING, "source")


MORE_ANSWERS = """
UPDATE topic SET title = 'of ours'; INSERT INTO topic VALUES ('food', 'of ours');
INSERT INTO answer (topic, said) VALUES ('food', 'too hot'), ('weather', 'too cold')"""

# Nobody knows what has become of the rows.
OTHER_KEY = """
ALTER TABLE answer DROP CONSTRAINT answer_topic_fkey;
ALTER TABLE answer ADD FOREIGN KEY (topic) REFERENCES topic ON DELETE SET NULL"""


@pytest.mark.parametrize("form", ["sql", "directory"])
def test_an_export_does_not_take_away_rows_that_only_the_extension_has(form):
    with ExtendedCluster("cascading_settings", MORE_ANSWERS) as cluster:
        _, command = cluster.export(form)
        name, _ = cluster.load(command, "postgres")
        assert cluster.source.sql(CASCADING, name) == cluster.source.sql(CASCADING, "source")
        _, failed = cluster.load(command, "maker", check=False)
        assert failed.returncode != 0 and "answer_topic_fkey" in failed.stderr


@pytest.mark.parametrize("form", ["sql", "directory"])
def test_rows_that_only_the_extension_has_go_where_what_they_refer_to_has_gone(form):
    """At the source they went with the topic, which the extension makes anew."""
    with ExtendedCluster("cascading_settings", "DELETE FROM topic WHERE name = 'sports'") as cluster:
        _, command = cluster.export(form)
        name, _ = cluster.load(command, "postgres")
        assert cluster.source.sql(CASCADING, name) == cluster.source.sql(CASCADING, "source")
        _, failed = cluster.load(command, "maker", check=False)
        assert failed.returncode != 0 and "answer_topic_fkey" in failed.stderr
        name = cluster.new_database()
        cluster.as_maker(name, f"CREATE EXTENSION cascading_settings SCHEMA public; {OTHER_KEY}")
        failed = cluster.run([*command, "-d", cluster.source.conninfo(name)], check=False)
        assert failed.returncode != 0 and "answer_topic_fkey" in failed.stderr


@pytest.mark.parametrize("form, more", [("sql", ()), ("directory", ()), ("directory", ("-j3",))])
@pytest.mark.parametrize("user", ["maker", "postgres"])
def test_rows_that_go_with_others_are_loaded_with_them(form, more, user):
    with ExtendedCluster("cascading_settings VERSION '1.0'",
                         f"DELETE FROM topic WHERE name = 'sports'; {MORE_ANSWERS}") as cluster:
        _, command = cluster.export(form)
        name = cluster.new_database()
        cluster.as_maker(name, "CREATE EXTENSION cascading_settings SCHEMA public VERSION '1.0'")
        cluster.run([*command, *more, "-d", cluster.source.conninfo(name, user)])
        assert cluster.source.sql(CASCADING, name) == cluster.source.sql(CASCADING, "source")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["sql", "directory"])
def test_programs_of_every_version_load_it(form):
    with ExtendedCluster("cascading_settings", MORE_ANSWERS) as cluster:
        _, (program, *arguments) = cluster.export(form)
        server = LogicalCluster.server(cluster, "newer", programs_with_every_settings(cluster, 18))
        server.initdb()
        server.start()
        server.sql("CREATE ROLE maker LOGIN")
        for major in (15, 17, 18):
            name = f"by_{major}"
            server.sql(f"CREATE DATABASE {name} TEMPLATE template0")
            cluster.run([cluster.client_programs(major) / program.name, *arguments,
                         "-d", server.conninfo(name)])
            assert server.sql(CASCADING, name) == cluster.source.sql(CASCADING, "source")


def test_a_restore_says_which_rows_of_an_extension_lead_nowhere():
    with ExtendedCluster("cascading_settings", "DELETE FROM topic WHERE name = 'sports'") as cluster:
        target = cluster.source.conninfo(cluster.new_database())
        report = cluster.pgcairn_json("restore", f"--target-url={target}")
        assert ["answer_topic_fkey" in line for line in report["warnings"]] == [True]


@pytest.fixture(name="platform", scope="module")
def _platform():
    """The role may keep triggers and keys from what it does, as on a hosted project."""
    with MakersCluster() as cluster:
        cluster.source.sql("GRANT SET ON PARAMETER session_replication_role TO maker")
        cluster.source.sql(PLATFORM, "source")
        cluster.source.sql(OF_THE_MAKER, "source")
        cluster.source.sql("ALTER TABLE public.orders OWNER TO maker", "source")
        cluster.as_maker("source", f"CREATE EXTENSION linked_settings SCHEMA public; {OURS}")
        cluster.backup()
        yield cluster


def kill_when_rows_are_in(cluster, target, *tables):
    """A restore as the role waits for the platform's users, and is killed when these have rows."""
    sql = cluster.source.sql
    sessions = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{target}' AND usename = 'maker'"
    with contextlib.closing(cluster.source.connect(target)) as holder:
        with holder.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE auth.users IN ACCESS EXCLUSIVE MODE")
        process = start(cluster, "restore", f"--target-url={cluster.source.conninfo(target, 'maker')}")
        try:
            wait_for(lambda: sql(f"{sessions} AND wait_event_type = 'Lock' AND "
                                 "query LIKE 'DELETE FROM ONLY%users%'") == "1", "the restore to wait")
            for table in tables:
                wait_for(lambda table=table: sql(f"SELECT count(*) > 0 FROM {table}", target) == "t",
                         f"rows of {table}")
        finally:
            kill(process)
    wait_for(lambda: sql(sessions) == "0", "its sessions to end")


def test_a_killed_restore_beside_an_extension_s_rows_is_gone_on_with(platform):
    target = platform.new_database()
    platform.source.sql(PLATFORM, target)
    kill_when_rows_are_in(platform, target, "extensions.setting WHERE NOT builtin",
                          "extensions.setting_note", "public.orders")
    platform.pgcairn("restore", f"--target-url={platform.source.conninfo(target, 'maker')}")
    assert platform.source.sql(EVERYTHING, target) == platform.source.sql(EVERYTHING, "source")


def test_a_killed_restore_that_has_made_the_extension_is_gone_on_with(platform):
    target = platform.new_database()
    platform.source.sql(PLATFORM, target)
    kill_when_rows_are_in(platform, target, "public.orders")
    assert platform.source.sql("SELECT count(*) FROM z_group", target) == "1"
    platform.pgcairn("restore", f"--target-url={platform.source.conninfo(target, 'maker')}")
    assert platform.source.sql(LINKED, target) == platform.source.sql(LINKED, "source")


def test_an_undisturbed_restore_brings_what_a_killed_one_does(platform):
    target = platform.new_database()
    platform.source.sql(PLATFORM, target)
    platform.pgcairn("restore", f"--target-url={platform.source.conninfo(target, 'maker')}")
    assert platform.source.sql(LINKED, target) == platform.source.sql(LINKED, "source")


def test_rows_that_the_role_may_not_write_where_it_makes_the_extension_stay_and_are_named():
    """A trusted extension is made as a superuser, whose its tables are."""
    with MakersCluster() as cluster:
        (control,) = cluster.root.glob("extended-15/share/**/linked_settings.control")
        control.write_text(control.read_text().replace("superuser = false", "trusted = true"))
        cluster.source.sql("GRANT SET ON PARAMETER session_replication_role TO maker")
        cluster.source.sql(PLATFORM, "source")
        cluster.source.sql(f"CREATE EXTENSION linked_settings SCHEMA public; {OURS}", "source")
        cluster.backup()
        target = cluster.new_database()
        cluster.source.sql(PLATFORM, target)
        report = cluster.pgcairn_json(
            "restore", f"--target-url={cluster.source.conninfo(target, 'maker')}")
        named = ("1 rows of public.z_group", "1 rows of public.m_setting", "2 rows of public.a_value",
                 "the value of the sequence public.a_value_id_seq")
        for what in named:
            assert any(what in line for line in report["skipped"]), report["skipped"]
        assert cluster.source.sql("SELECT name FROM z_group", target) == "shipped"
