"""A hosted project's backup, taken and restored by the role that its user has: into a new project,
beside what the platform has there, and to a plain server."""

import contextlib
import json

import pytest

from database_comparison import DatabaseState, differences
from extended_server import programs_with_every_settings
from killed_runs import start
from logical_cluster import LogicalCluster
from scratch import Scratch, kill, wait_for
from supabase_project import (ADMINISTRATOR, PASSWORD, fill_supabase_project,
                              make_supabase_project)

pytestmark = pytest.mark.slow

MAJORS = (15, 17)
REFUSED = 12
MARKER = "pgcairn_restore"

# Of the roles that the platform makes itself.
SALTED = ("password *: verifier",)
# What no restore of the hosted role can bring back, beside its line in the report.
SECRETS = {"rows of vault.secrets: *": '"vault"."secrets"'}
# Nobody who is no superuser sees a password, or what was set for a role: the restore makes a stub.
OF_THE_STUB = {"role reporter: *": None, "password reporter: *": None,
               "settings of reporter*: missing": None, "membership *reporter*": None}
HOOKS = {"rows of supabase_functions.hooks: *": "rows of supabase_functions.hooks: their numbers",
         "value of supabase_functions.hooks_id_seq: *": "sequence supabase_functions.hooks_id_seq"}
POLICIES = {f'policy * on {table}: missing': f"POLICY {table.replace('.', ' ')} "
            for table in ("auth.users", "storage.objects", "realtime.messages")}
EVENT_TRIGGERS = {"event trigger log_ddl: missing": "EVENT TRIGGER - log_ddl"}
VIEW = {"* private.of_the_queue*: missing": "VIEW private of_the_queue: it needs a table"}

# The user has a second role, which owns a schema; and keys lead there and back.
ANOTHER_ROLE = ("CREATE ROLE shopkeeper; GRANT shopkeeper TO postgres;"
                "CREATE SCHEMA shop AUTHORIZATION shopkeeper;")
ORDERS = ("SET ROLE shopkeeper; CREATE TABLE shop.orders (id int PRIMARY KEY, review int);"
          "INSERT INTO shop.orders SELECT g, g FROM generate_series(1, 20) g; RESET ROLE;")
OF_ANOTHER_ROLE = ANOTHER_ROLE + ORDERS + (
    "SET ROLE postgres; CREATE TABLE public.reviews (id int PRIMARY KEY, of_order int);"
    "INSERT INTO public.reviews SELECT g, g FROM generate_series(1, 20) g;"
    "ALTER TABLE public.reviews ADD FOREIGN KEY (of_order) REFERENCES shop.orders;"
    "ALTER TABLE shop.orders ADD FOREIGN KEY (review) REFERENCES public.reviews; RESET ROLE;")


@pytest.fixture(name="scratch", scope="module")
def _scratch():
    with Scratch() as scratch:
        scratch.environment["PGPASSWORD"] = PASSWORD
        yield scratch


@pytest.fixture(name="source", scope="module", params=MAJORS)
def _source(scratch, request):
    project = make_supabase_project(scratch, f"source{request.param}", request.param)
    project.major = request.param
    fill_supabase_project(project)
    # One grant of the user's own on a thing of the platform, and what he changed for things to come.
    with project.connect() as connection, connection.cursor() as cursor:
        cursor.execute("GRANT SELECT ON auth.schema_migrations TO reporter;"
                       "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM anon;"
                       "REVOKE USAGE ON SCHEMA public FROM anon;"
                       "CREATE VIEW private.of_the_queue AS SELECT q FROM net.http_request_queue q;"
                       "ALTER EXTENSION citext UPDATE")
    scratch.write_config(project.server, cluster={
        "name": f"hosted{request.param}", "method": "logical",
        "connection": project.server.conninfo("postgres", "postgres"),
        "bin_dir": str(scratch.client_programs(request.param))},
        performance={"jobs": 2})
    scratch.pgcairn("init")
    with contextlib.closing(project.connect_as_administrator()) as connection:
        with connection.cursor() as cursor:
            cursor.execute(OF_ANOTHER_ROLE)
        project.of_two_roles = scratch.pgcairn_json("backup")["backup_id"]
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE public.reviews CASCADE; DROP OWNED BY shopkeeper; "
                           "DROP ROLE shopkeeper")
    project.backups = [scratch.pgcairn_json("backup")["backup_id"] for _ in range(2)]
    project.state = DatabaseState.read(project.server, "postgres", ADMINISTRATOR)
    project.objects = project.rows("SELECT min(oid) FROM pg_largeobject_metadata")
    project.server.stop()
    return project


@contextlib.contextmanager
def new_project(scratch, source, name, **options):
    project = make_supabase_project(scratch, f"{name}{source.major}", source.major, **options)
    try:
        yield project
    finally:
        project.server.stop("immediate")


def restore(scratch, server, *arguments, user="postgres", check=True):
    return scratch.pgcairn("--output=json", "restore", "--type=full",
                           f"--target-url={server.conninfo('postgres', user)}", *arguments,
                           check=check)


def report_of(result):
    return json.loads(result.stdout)


def is_named(report, words):
    return any(words in line for line in report["skipped"] + report["warnings"])


def require_equal(source, server, report, role=ADMINISTRATOR, database="postgres", skipped=SALTED,
                  **lost):
    """The target is as the source was, but for what `lost` has; each of that is in the report."""
    expected = {pattern: words for group in lost.values() for pattern, words in group.items()}
    state = DatabaseState.read(server, database, role)
    found = differences(source.state, state, skipped=skipped, expected=expected)
    assert not found, "\n".join(found)
    unnamed = [words for words in expected.values() if words and not is_named(report, words)]
    assert not unnamed, report["skipped"]


# Roles come as stubs, what an extension brings belongs to who makes it, and what a superuser grants
# the owner has granted.
OF_THE_SERVER = ("role *", "password *", "membership *", "settings of *", "database itself: *",
                 "extension *: owner", "* extensions.*: owner", "* extensions.*: privileges*",
                 "* public.*citext*: owner", "* public.*citext*: privileges*",
                 "table auth.schema_migrations: privileges and grantors")
LOST = {"stub": OF_THE_STUB, "secrets": SECRETS, "hooks": HOOKS, "policies": POLICIES,
        "event_triggers": EVENT_TRIGGERS, "view": VIEW}


def test_a_new_project_becomes_what_the_old_one_was(scratch, source):
    with new_project(scratch, source, "fresh") as project:
        refused = restore(scratch, project.server, check=False)
        assert refused.returncode == REFUSED and "lacks roles" in refused.stderr
        assert "reporter" in refused.stderr and "supabase" not in refused.stderr
        planned = report_of(restore(scratch, project.server, "--create-roles", "--dry-run"))
        assert planned["refusals"] == [] and planned["steps_done"] == 0
        assert planned["missing_roles"] == ["reporter"]
        assert project.rows("SELECT count(*) FROM pg_namespace WHERE nspname IN ('private', "
                            f"'{MARKER}')") == [(0,)]
        report = report_of(restore(scratch, project.server, "--create-roles"))
        assert report["steps_done"] == len(report["steps"])
        require_equal(source, project.server, report, **LOST)
        # What the run cannot do it has said beforehand.
        assert set(report["skipped"]) == set(planned["skipped"])
        # Nothing fired for the rows, and everything does for those to come.
        project.rows("SELECT cron.schedule('later', '@daily', 'SELECT 1')")
        connection = project.connect_as_administrator()
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO auth.users (id, email) VALUES (gen_random_uuid(), 'new@x');"
                           "SELECT count(*) FROM public.profiles")
            assert cursor.fetchone() == (31,)
        connection.close()
        again = restore(scratch, project.server, check=False)
        assert again.returncode == REFUSED and "is in use" in again.stderr
        assert "the table private.settings with rows" in again.stderr
        over = restore(scratch, project.server, user=ADMINISTRATOR, check=False)
        assert over.returncode == REFUSED and "not empty" in over.stderr


def test_a_newer_project_whose_services_let_the_role_make_policies(scratch, source):
    with new_project(scratch, source, "newer", newer=True, acts_as_services=True) as project:
        report = report_of(restore(scratch, project.server, "--create-roles"))
        state = DatabaseState.read(project.server, "postgres", ADMINISTRATOR)
        platform = [f"* {schema}.*" for schema in ("auth", "storage", "realtime")]
        found = differences(
            source.state, state, skipped=[*SALTED, *platform, "role supabase_etl_admin: *",
                                          "password supabase_etl_admin: *",
                                          "membership*", "publication supabase_realtime_*",
                                          "published table * supabase_realtime_*"],
            expected=[*OF_THE_STUB, *SECRETS, *HOOKS, *EVENT_TRIGGERS, *VIEW])
        assert not found, "\n".join(found)
        found = differences(source.state, state)
        assert not [line for line in found if line.startswith("policy ")], found
        assert not [line for line in found if line.startswith("trigger ")], found
        assert project.rows("SELECT count(*), count(*) FILTER (WHERE is_anonymous) "
                            "FROM auth.users") == [(30, 0)]
        for words in ("column is_super_admin of auth.users", "column is_anonymous of auth.users",
                      "column user_metadata of storage.objects",
                      "TABLE realtime messages_2025_01_01"):
            assert is_named(report, words), words
        # They say how the tables that are there were made.
        assert project.rows("SELECT (SELECT count(*) FROM auth.schema_migrations), "
                            "(SELECT count(*) FROM storage.migrations)") == [(47, 26)]


def kill_when_rows_are_in(scratch, project, source, *tables):
    """A restore that waits for a platform's table is killed when it has rows of these."""
    with contextlib.closing(project.connect_as_administrator()) as holder, \
            contextlib.closing(project.connect_as_administrator()) as watcher:
        with holder.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE auth.users IN ACCESS EXCLUSIVE MODE")
        process = start(scratch, "restore", "--type=full", "--create-roles", source,
                        f"--target-url={project.server.conninfo('postgres', 'postgres')}")
        waiting = ("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                   "AND query LIKE 'DELETE FROM ONLY%users%'")
        wait_for(lambda: _one(watcher, waiting) == 1
                 and all(_one(watcher, f"SELECT count(*) FROM {table}") > 0 for table in tables),
                 "the restore to have some rows and to wait for those of a table")
        kill(process)


def test_a_restore_that_was_killed_is_gone_on_with(scratch, source):
    with new_project(scratch, source, "killed") as project:
        first = f"--source={source.backups[0]}"
        kill_when_rows_are_in(scratch, project, first, "public.listings")
        assert project.rows("SELECT count(*) FROM public.listings") != [(0,)]
        refused = restore(scratch, project.server, check=False)
        assert refused.returncode == REFUSED and f"--source={source.backups[0]}" in refused.stderr
        planned = report_of(restore(scratch, project.server, first, "--dry-run"))
        assert any(step.startswith("empty ") for step in planned["steps"]), planned["steps"]
        report = report_of(restore(scratch, project.server, first))
        require_equal(source, project.server, report, **LOST)


def test_a_killed_restore_of_things_of_a_second_role_is_gone_on_with(scratch, source):
    with new_project(scratch, source, "killedtwo") as project:
        first = f"--source={source.of_two_roles}"
        # One table of the project is there, and a key of another, which the backup does not know.
        with contextlib.closing(project.connect_as_administrator()) as connection:
            with connection.cursor() as cursor:
                cursor.execute(ANOTHER_ROLE +
                               "SET ROLE postgres; CREATE TABLE public.chat (id bigserial PRIMARY "
                               "KEY, said_by uuid, body text);"
                               "CREATE TABLE public.visits_of_chat (chat bigint REFERENCES public.chat)")
        kill_when_rows_are_in(scratch, project, first, "public.chat", "shop.orders",
                              "public.reviews")
        planned = report_of(restore(scratch, project.server, first, "--dry-run"))
        report = report_of(restore(scratch, project.server, first))
        assert not is_named(planned, "shop") and not is_named(report, "shop"), report["skipped"]
        # Under their owners, and with their keys.
        assert project.rows(
            "SELECT (SELECT count(*) FROM public.chat), (SELECT count(*) FROM shop.orders), "
            "(SELECT count(*) FROM public.reviews), (SELECT count(*) FROM pg_constraint "
            "WHERE conrelid IN ('shop.orders'::regclass, 'public.reviews'::regclass)), "
            "(SELECT tableowner FROM pg_tables WHERE tablename = 'orders')"
        ) == [(60, 20, 20, 4, "shopkeeper")]


def _one(connection, question):
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def test_a_plain_server_gets_all_but_what_was_hidden(scratch, source):
    server = scratch.server(f"plain{source.major}", scratch.server_programs(source.major))
    server.initdb()
    server.start("wal_level=logical")
    try:
        server.sql("CREATE DATABASE project TEMPLATE template0")
        result = scratch.pgcairn("--output=json", "restore", "--create-roles",
                                 f"--target-url={server.conninfo('project')}")
        assert server.sql("SELECT count(*) FROM pg_roles WHERE rolcanlogin") == "1"
        report = report_of(result)
        owners = {"event trigger *: owner": "of EVENT TRIGGER - log_ddl"}
        hidden = {"* vault.secrets*: missing": '"vault"."secrets"',
                  "* vault.decrypted_secrets*: missing": "VIEW vault decrypted_secrets",
                  "* net.http_request_queue*: missing": '"net"."http_request_queue"',
                  "value of cron.jobid_seq: *": "sequence cron.jobid_seq",
                  "value of supabase_functions.hooks_id_seq: *": "supabase_functions.hooks_id_seq"}
        require_equal(source, server, report, role="postgres", database="project", hidden=hidden,
                      skipped=OF_THE_SERVER, owners=owners, view=VIEW)
    finally:
        server.stop("immediate")


def test_a_project_in_use_keeps_its_rows_whoever_owns_them(scratch, source):
    with new_project(scratch, source, "used") as project:
        with project.connect_as_administrator() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE ROLE another; GRANT another TO postgres;"
                           "GRANT CREATE ON SCHEMA public TO another; SET ROLE another;"
                           "CREATE TABLE public.listings (id bigint, mine text);"
                           "INSERT INTO public.listings VALUES (1, 'written since');"
                           "GRANT ALL ON public.listings TO postgres")
        refused = restore(scratch, project.server, "--create-roles", check=False)
        assert refused.returncode == REFUSED and "public.listings" in refused.stderr
        assert "is in use" in refused.stderr
        assert project.rows("SELECT mine FROM public.listings") == [("written since",)]
        # A superuser made it all, or let him make it in a schema of its own.
        with project.connect_as_administrator() as connection, connection.cursor() as cursor:
            cursor.execute("DROP TABLE public.listings; CREATE ROLE shopkeeper; CREATE SCHEMA shop;"
                           "CREATE TABLE shop.orders (id int, review int);"
                           "INSERT INTO shop.orders VALUES (4711);"
                           "GRANT ALL ON SCHEMA shop TO postgres, another;"
                           "GRANT ALL ON shop.orders TO postgres")
        for owner in ("supabase_admin", "another"):
            with project.connect_as_administrator() as connection, connection.cursor() as cursor:
                cursor.execute(f"ALTER TABLE shop.orders OWNER TO {owner}")
            refused = restore(scratch, project.server, "--create-roles",
                              f"--source={source.of_two_roles}", check=False)
            assert refused.returncode == REFUSED and "shop.orders has rows" in refused.stderr
            assert project.rows("SELECT id FROM shop.orders") == [(4711,)]


def test_a_project_in_use_keeps_large_objects_whoever_owns_them(scratch, source):
    [(taken,)] = source.objects
    with new_project(scratch, source, "objects") as project:
        with project.connect_as_administrator() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE ROLE another; GRANT another TO postgres;"
                           f"SELECT lo_create({taken}); ALTER LARGE OBJECT {taken} OWNER TO another")
        for owner, said in (("another", f"has the large object {taken} in it"),
                            ("supabase_admin", f"has a large object {taken}, as the backup has")):
            with project.connect_as_administrator() as connection, connection.cursor() as cursor:
                cursor.execute(f"ALTER LARGE OBJECT {taken} OWNER TO {owner}")
            refused = restore(scratch, project.server, "--create-roles", check=False)
            assert refused.returncode == REFUSED and said in refused.stderr
            assert project.rows(f"SELECT lomowner::regrole::text FROM pg_largeobject_metadata "
                                f"WHERE oid = {taken}") == [(owner,)]


@pytest.mark.parametrize("member", [True, False])
def test_a_project_in_use_keeps_the_rows_of_a_second_role(scratch, source, member):
    with new_project(scratch, source, f"used_by_{'a_member' if member else 'another'}") as project:
        with project.connect_as_administrator() as connection, connection.cursor() as cursor:
            cursor.execute(ANOTHER_ROLE + "SET ROLE shopkeeper;"
                           "CREATE TABLE shop.orders (id int, review int);"
                           "INSERT INTO shop.orders VALUES (4711);"
                           "GRANT USAGE ON SCHEMA shop TO postgres;"
                           "GRANT ALL ON shop.orders TO postgres; RESET ROLE;"
                           + ("" if member else "REVOKE shopkeeper FROM postgres"))
        refused = restore(scratch, project.server, "--create-roles",
                          f"--source={source.of_two_roles}", check=False)
        assert refused.returncode == REFUSED and "shop.orders" in refused.stderr
        assert "is in use" in refused.stderr
        assert project.rows("SELECT id FROM shop.orders") == [(4711,)]
        if member:
            # Rows that no backup knows, too, say that the project is in use.
            refused = restore(scratch, project.server, "--create-roles", check=False)
            assert refused.returncode == REFUSED and "the table shop.orders with rows" in refused.stderr


def test_a_second_restore_beside_the_first_is_refused(scratch, source):
    with new_project(scratch, source, "twice") as project:
        with contextlib.closing(project.connect()) as first:
            with first.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(8097868219914745455)")
            refused = restore(scratch, project.server, "--create-roles", check=False)
            assert refused.returncode == REFUSED and "is running" in refused.stderr
        assert project.rows("SELECT count(*) FROM pg_namespace WHERE nspname = 'private'") == [(0,)]


def test_an_export_leaves_out_what_cannot_be_made_and_the_rest_is_loaded(scratch, source):
    script, roles = (scratch.root / f"{what}{source.major}.sql" for what in ("export", "roles"))
    report = scratch.pgcairn_json("export", "--format=sql", f"--target-file={script}",
                                  f"--roles-file={roles}")
    assert any(line.startswith("VIEW private of_the_queue: it needs ") for line in report["left_out"])
    load = next(command for command in report["next_commands"] if str(script) in command)
    assert "-1 -v ON_ERROR_STOP=1" in load
    server = scratch.server(f"exported{source.major}", scratch.server_programs(source.major))
    server.initdb()
    server.start("wal_level=logical")
    try:
        psql = [scratch.client_programs(source.major) / "psql", "-Xq", "-d"]
        # The roles make postgres what it is there, which is no superuser.
        server.sql("CREATE ROLE loader SUPERUSER LOGIN")
        scratch.run([*psql, server.conninfo("postgres"), "-f", roles])
        server.sql("CREATE DATABASE project TEMPLATE template0")
        loaded = scratch.run([*psql, server.conninfo("project", "loader"), "-f", script])
        # docs/logical-backup.md says what to do about it.
        errors = [line for line in loaded.stderr.splitlines() if "ERROR" in line]
        assert all("owner of event trigger" in line for line in errors), errors
        rows = {f"{table['schema']}.{table['name']}": table["rows"]
                for table in scratch.pgcairn_json("show", "latest")["tables"]}
        for table in ("auth.users", "storage.objects", "public.listings"):
            assert server.sql(f"SELECT count(*) FROM {table}", "project") == str(rows[table])
        assert server.sql("SELECT to_regclass('private.of_the_queue')", "project") == ""
    finally:
        server.stop("immediate")


def test_an_extension_that_the_target_lacks_is_left_out_on_request():
    with LogicalCluster() as cluster:
        extended = cluster.server("extended", programs_with_every_settings(cluster, 15))
        extended.initdb()
        extended.start()
        extended.sql("CREATE DATABASE source TEMPLATE template0")
        extended.sql("CREATE EXTENSION every_settings VERSION '1.0'; CREATE TABLE own (id int);"
                     "CREATE VIEW of_it AS SELECT * FROM setting; INSERT INTO own VALUES (1);"
                     "INSERT INTO setting VALUES ('mine', 'x', false);"
                     "CREATE VIEW of_that AS SELECT name FROM of_it", "source")
        cluster.write_config(extended, cluster={"method": "logical",
                                                "connection": extended.conninfo("source")},
                             storage={"local_path": str(cluster.root / "another")})
        cluster.pgcairn("init")
        cluster.pgcairn("backup")
        target = cluster.source
        target.sql("CREATE DATABASE new TEMPLATE template0")
        url = f"--target-url={target.conninfo('new')}"
        refused = cluster.pgcairn("restore", url, check=False)
        assert refused.returncode == REFUSED and "every_settings" in refused.stderr
        assert "--skip-extensions" in refused.stderr
        planned = cluster.pgcairn_json("restore", url, "--skip-extensions", "--dry-run")
        report = cluster.pgcairn_json("restore", url, "--skip-extensions")
        for words in ("EXTENSION - every_settings: the target server does not offer it",
                      "VIEW public of_it: it needs EXTENSION - every_settings",
                      "VIEW public of_that: it needs VIEW public of_it"):
            assert is_named(planned, words) and is_named(report, words), words
        assert is_named(report, "rows of public.setting: the extension that it is of was left out")
        assert target.sql("SELECT * FROM own", "new") == "1"
        # Where it is offered, it comes in the version that it had, and not in the default one.
        extended.sql("CREATE DATABASE new TEMPLATE template0")
        cluster.pgcairn("restore", f"--target-url={extended.conninfo('new')}")
        assert extended.sql("SELECT extversion, (SELECT count(*) FROM of_that) FROM pg_extension "
                            "WHERE extname = 'every_settings'", "new") == "1.0|3"
