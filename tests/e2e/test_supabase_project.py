"""The Supabase-like project is what the facts say: what its role postgres is, may and may not."""

import subprocess
from types import SimpleNamespace

import psycopg2
import pytest

from database_comparison import DatabaseState, differences, named_differences
from scratch import CLIENT_BINDIR, Scratch, as_server_user
from supabase_project import (ADMINISTRATOR, PASSWORD, fill_supabase_project,
                              make_supabase_project)

pytestmark = pytest.mark.slow

MAJORS = (15, 16, 17)
# Of two projects filled alike: passwords are salted, and a secret's id is drawn.
DRAWN = ("password *: verifier", "rows of vault.secrets: content")


@pytest.fixture(name="filled", scope="module", params=MAJORS)
def _filled(request):
    with Scratch() as scratch:
        project = make_supabase_project(scratch, "project", request.param)
        fill_supabase_project(project)
        yield SimpleNamespace(scratch=scratch, project=project, major=request.param)


def _refusal(project, statement, role="postgres"):
    """The message of the error that it must be. What it would do is undone where it is none."""
    connection = project.connect(role)
    connection.autocommit = False
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        raise AssertionError(f"allowed: {statement}")
    except psycopg2.errors.InsufficientPrivilege as error:
        return str(error)
    finally:
        connection.close()


def _allowed(project, statement):
    connection = project.connect()
    connection.autocommit = False
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def _psql(filled, conninfo, command):
    return subprocess.run(
        as_server_user([CLIENT_BINDIR / "psql", "-XAtqw", "-d", conninfo, "-c", command]),
        env=filled.scratch.environment, cwd=filled.scratch.root, capture_output=True, text=True,
        check=False)


def test_the_roles_have_the_attributes_of_the_facts(filled):
    rows = filled.project.rows(
        "SELECT rolname, concat_ws(' ', CASE WHEN rolsuper THEN 'superuser' END, "
        "CASE WHEN rolcreatedb THEN 'createdb' END, CASE WHEN rolcreaterole THEN 'createrole' END, "
        "CASE WHEN rolcanlogin THEN 'login' END, CASE WHEN rolreplication THEN 'replication' END, "
        "CASE WHEN rolbypassrls THEN 'bypassrls' END, CASE WHEN rolinherit THEN 'inherit' END) "
        "FROM pg_roles")
    attributes = dict(rows)
    assert attributes["postgres"] == "createdb createrole login replication bypassrls inherit"
    assert attributes[ADMINISTRATOR].startswith("superuser ")
    assert attributes["anon"] == attributes["authenticated"] == ""
    assert attributes["service_role"] == "bypassrls"
    assert attributes["authenticator"] == "login"
    assert [name for name, text in attributes.items() if "superuser" in text] == [ADMINISTRATOR]
    groups = {name for name, in filled.project.rows(
        "SELECT pg_get_userbyid(roleid) FROM pg_auth_members WHERE member = 'postgres'::regrole")}
    assert {"pg_monitor", "pg_signal_backend", "anon", "service_role"} <= groups
    assert "pg_read_all_data" not in groups


def test_the_url_is_enough_and_only_with_its_password(filled):
    project = filled.project
    assert _psql(filled, project.url, "SELECT current_user, current_database()").stdout == \
        "postgres|postgres\n"
    without = _psql(filled, project.server.conninfo(), "SELECT 1")
    assert without.returncode != 0 and "no password supplied" in without.stderr
    wrong = _psql(filled, f"{project.server.conninfo()} password=guessed", "SELECT 1")
    assert 'password authentication failed for user "postgres"' in wrong.stderr
    assert PASSWORD not in project.url


def test_nobody_copies_the_cluster_but_changes_can_be_decoded(filled):
    url = filled.project.url
    refused = _psql(filled, f"{url}&replication=true", "IDENTIFY_SYSTEM")
    assert "no pg_hba.conf entry for replication connection" in refused.stderr
    decoded = _psql(filled, f"{url}&replication=database",
                    "CREATE_REPLICATION_SLOT passing TEMPORARY LOGICAL pgoutput")
    assert decoded.returncode == 0 and decoded.stdout.startswith("passing|"), decoded.stderr


def test_the_settings_lose_digits_and_end_long_statements(filled):
    rows = filled.project.rows(
        "SELECT current_setting('statement_timeout'), current_setting('extra_float_digits'), "
        "current_setting('max_connections'), (0.1::float8 + 0.2)::text")
    assert rows == [("2min", "0", "20", "0.3")]


@pytest.mark.parametrize("statement, denied", [
    ("SELECT FROM vault.secrets", "table secrets"),
    ("COPY vault.secrets TO STDOUT", "table secrets"),
    ("SELECT FROM vault.decrypted_secrets", "view decrypted_secrets"),
    ("INSERT INTO vault.secrets (secret) VALUES ('x')", "table secrets"),
    ("SELECT FROM pg_authid", "table pg_authid"),
    ("SELECT FROM net.http_request_queue", "table http_request_queue"),
    ("LOCK TABLE vault.secrets IN ACCESS SHARE MODE", "table secrets"),
    ("COPY cron.job FROM STDIN", "table job"),
    ("UPDATE cron.job SET active = false", "table job"),
    ("INSERT INTO auth.schema_migrations VALUES ('1')", "table schema_migrations"),
    ("ALTER TABLE auth.users ADD COLUMN more int", "must be owner of table users"),
    ("ALTER TABLE auth.users DISABLE TRIGGER USER", "must be owner of table users"),
    ("ALTER TABLE storage.objects DISABLE ROW LEVEL SECURITY", "must be owner of table objects"),
    ("ALTER TABLE public.listings OWNER TO supabase_admin", "supabase_admin"),
    ("CREATE TABLE auth.more ()", "schema auth"),
    ("CREATE TABLE storage.more ()", "schema storage"),
    ("CREATE FUNCTION extensions.more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
     "schema extensions"),
    ("DROP EVENT TRIGGER pgrst_ddl_watch", "event trigger pgrst_ddl_watch"),
    ("ALTER EXTENSION pgcrypto UPDATE", "must be owner of extension pgcrypto"),
    ("SELECT pgbouncer.get_auth('postgres')", "schema pgbouncer"),
    ("CREATE PUBLICATION everything FOR ALL TABLES", "must be superuser"),
    ("SET ROLE supabase_admin", 'permission denied to set role "supabase_admin"'),
    ("SET ROLE supabase_auth_admin", 'permission denied to set role "supabase_auth_admin"'),
    # The platform itself lets postgres do these three, by supautils.
    ("CREATE POLICY more ON auth.users USING (true)", "must be owner of table users"),
    ("CREATE POLICY more ON storage.objects USING (true)", "must be owner of"),
    ("CREATE EVENT TRIGGER more ON sql_drop EXECUTE FUNCTION private.on_ddl()",
     "event trigger \"more\""),
])
def test_the_hosted_role_may_not(filled, statement, denied):
    said = _refusal(filled.project, statement)
    assert denied in said, said


@pytest.mark.parametrize("statement", [
    "SELECT FROM cron.job",
    "DELETE FROM auth.sessions",
    "CREATE TRIGGER more AFTER DELETE ON auth.users FOR EACH ROW "
    "EXECUTE FUNCTION public.handle_new_user()",
    "CREATE TABLE public.more (id uuid REFERENCES auth.users)",
    "INSERT INTO storage.buckets (id, name) VALUES ('more', 'more')",
    "ALTER PUBLICATION supabase_realtime ADD TABLE public.favorites",
    "CREATE PUBLICATION more FOR TABLE public.listings",
    "CREATE EXTENSION hstore WITH SCHEMA public",
    "CREATE ROLE more LOGIN PASSWORD 'x'",
    "GRANT authenticated TO reporter",
    "SET session_replication_role = replica",
    "CREATE SCHEMA more",
])
def test_the_hosted_role_may(filled, statement):
    _allowed(filled.project, statement)


def test_all_else_is_readable_with_the_rows_that_row_security_hides_from_others(filled):
    project = filled.project
    tables = [name for name, in project.rows(
        "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind IN ('r', 'p', 'm') "
        "AND c.oid >= 16384 AND NOT has_table_privilege(c.oid, 'SELECT')")]
    assert sorted(tables) == ["net.http_request_queue", "vault.secrets"]
    assert project.rows("SELECT count(*) FROM auth.users") == [(30,)]
    assert project.rows("SELECT count(*) FROM public.payments") == [(50,)]
    connection = project.connect()
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE anon; SELECT count(*) FROM public.listings")
        assert cursor.fetchone() == (125,)
    connection.close()
    assert "payments" in _refusal(project, "SET ROLE anon; SELECT FROM public.payments")


def test_cron_jobs_are_seen_whole_and_written_by_functions_alone(filled):
    project = filled.project
    jobs = "SELECT jobname, username, active FROM cron.job ORDER BY jobid"
    made = [("of the platform", ADMINISTRATOR, True), ("clean up", "postgres", True),
            ("count", "postgres", False), (None, "postgres", True)]
    assert project.rows(jobs) == made
    (again,), = project.rows("SELECT cron.schedule('clean up', '@hourly', 'SELECT 2')")
    assert project.rows(f"SELECT schedule, command FROM cron.job WHERE jobid = {again}") == [
        ("@hourly", "SELECT 2")]
    (more,), = project.rows("SELECT cron.schedule('more', '@daily', 'SELECT 3')")
    assert project.rows(f"SELECT cron.unschedule({more})") == [(True,)]
    # Another's job is not there to be ended.
    assert project.rows("SELECT cron.unschedule('of the platform')") == [(None,)]
    project.rows("SELECT cron.schedule('clean up', '15 3 * * *', "
                 "$$DELETE FROM public.chat WHERE id < 0 -- it's old$$)")
    assert project.rows(jobs) == made


def test_triggers_fired_once_for_each_row_when_the_project_was_filled(filled):
    """A restore that fires them has more rows than these."""
    assert filled.project.rows(
        "SELECT (SELECT count(*) FROM public.profiles), "
        "(SELECT count(*) FROM supabase_functions.hooks), "
        "(SELECT count(*) FROM private.settings), (SELECT count(*) FROM private.ddl_log)"
    ) == [(30, 500, 43, 0)]


def test_what_the_user_made_on_the_platform_is_there(filled):
    rows = filled.project.rows
    assert set(rows("SELECT polrelid::regclass::text, polname FROM pg_policy "
                    "WHERE polrelid::regclass::text ~ '^(auth|storage|realtime)'")) == {
        ("auth.users", "One's own account"), ("storage.objects", "Public pictures"),
        ("storage.objects", "One's own folder"), ("realtime.messages", "Members listen")}
    assert set(rows("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal "
                    "AND tgfoid::regproc::text ~ '^(handle_new_user|private)'")) == {
        ("auth.users", "on_auth_user_created"), ("storage.objects", "on_upload")}
    assert set(rows("SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' "
                    "AND confrelid = 'auth.users'::regclass AND conrelid::regclass::text !~ '^auth'"
                    )) == {("profiles",), ("listings",)}
    assert {owner for owner, in rows("SELECT evtowner::regrole::text FROM pg_event_trigger")} == {
        ADMINISTRATOR}
    assert set(rows("SELECT tablename FROM pg_publication_tables "
                    "WHERE pubname = 'supabase_realtime'")) == {("chat",), ("listings",)}
    assert rows("SELECT extnamespace::regnamespace::text, extowner::regrole::text "
                "FROM pg_extension WHERE extname = 'citext'") == [("public", "postgres")]


def test_what_is_new_in_public_is_open_to_the_interface(filled):
    connection = filled.project.connect()
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE public.more (); "
                       "SELECT has_table_privilege('anon', 'public.more', 'DELETE'), "
                       "has_table_privilege('anon', 'public.payments', 'SELECT')")
        assert cursor.fetchone() == (True, False)
    connection.close()


def test_the_comparison_read_as_the_hosted_role_says_what_it_cannot_see(filled):
    connection = filled.project.connect()
    state = DatabaseState.read_over(connection)
    connection.close()
    assert {name for name, _ in named_differences(state, state)} == {
        f"{what}: {title}" for what, titles in {
            "rows of vault.secrets": ("content", "count"),
            "rows of net.http_request_queue": ("content", "count"),
            "value of net.http_request_queue_id_seq": ("called", "last"),
            "value of cron.jobid_seq": ("called", "last"),
            "value of supabase_functions.hooks_id_seq": ("called", "last"),
        }.items() for title in titles}


def test_two_projects_filled_alike_are_equal(scratch):
    states = []
    for name in ("one", "another"):
        project = make_supabase_project(scratch, name)
        fill_supabase_project(project)
        states.append(DatabaseState.read(project.server, "postgres", ADMINISTRATOR))
        project.server.stop()
    assert differences(*states, skipped=DRAWN) == []


def test_a_newer_project_has_a_column_more_and_one_less_and_other_rows(scratch):
    states = [DatabaseState.read(make_supabase_project(scratch, name, newer=newer).server,
                                 "postgres", ADMINISTRATOR)
              for name, newer in (("older", False), ("newer", True))]
    found = {name for name, _ in named_differences(*states)}
    assert {name for name in found if name.startswith("column auth.users.")
            and not name.endswith(": place")} == {"column auth.users.is_super_admin: missing",
                                                  "column auth.users.is_anonymous: new"}
    assert {"column storage.objects.user_metadata: new", "rows of auth.instances: content",
            "rows of auth.schema_migrations: count", "rows of storage.migrations: count",
            "table realtime.messages_2025_01_01: missing",
            "table realtime.messages_2026_02_02: new", "role supabase_etl_admin: new"} <= found


def test_who_acts_as_the_services_makes_policies_on_their_tables(scratch):
    project = make_supabase_project(scratch, "project", acts_as_services=True)
    for table in ("auth.users", "storage.objects", "realtime.messages"):
        _allowed(project, f"CREATE POLICY more ON {table} USING (true)")
    assert "event trigger" in _refusal(
        project, "CREATE EVENT TRIGGER more ON sql_drop "
                 "EXECUTE FUNCTION extensions.pgrst_ddl_watch()")


def test_who_reads_all_data_reads_the_secrets(scratch):
    project = make_supabase_project(scratch, "project", reads_all_data=True)
    assert project.rows("SELECT count(*) FROM vault.secrets") == [(0,)]
    assert "secrets" in _refusal(project, "COPY vault.secrets FROM STDIN")
    (oid,), = project.rows("SELECT lo_create(0)")
    connection = project.connect_as_administrator()
    with connection.cursor() as cursor:
        cursor.execute("ALTER LARGE OBJECT %s OWNER TO supabase_admin", (oid,))
    connection.close()
    assert "large object" in _refusal(project, f"SELECT lo_get({oid})")
