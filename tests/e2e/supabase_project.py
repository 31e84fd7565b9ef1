"""A server that is to a hosted role what a Supabase project is: own SQL, made of facts about the
platform. The role postgres is no superuser and logs in with a password; supabase_admin is the
superuser, and only the tests themselves are that."""

import pathlib
from urllib.parse import quote

import psycopg2

from scratch import CLIENT_BINDIR, PORT, give_to_server_user

SQL = pathlib.Path(__file__).parent / "databases"
# Not one letter of it may be left unquoted in a URL.
PASSWORD = "p@ss:w/r?d#% &='\\"
ADMINISTRATOR = "supabase_admin"

# No line is for the keyword "replication", so nobody can copy the cluster; "all" is every database,
# so that replication of a database's changes is possible.
HBA = f"""
local all {ADMINISTRATOR} trust
local all all scram-sha-256
"""

CONFIGURATION = (
    "max_connections = 20", "wal_level = logical", "max_wal_senders = 5",
    "max_replication_slots = 5", "max_slot_wal_keep_size = '512MB'", "extra_float_digits = 0",
    "password_encryption = 'scram-sha-256'", "autovacuum = off")


class SupabaseProject:
    def __init__(self, server):
        self.server = server

    @property
    def url(self):
        """As the platform shows it: with the password, of the role postgres."""
        return (f"postgresql://postgres:{quote(PASSWORD, safe='')}@/postgres"
                f"?host={quote(str(self.server.socket), safe='')}&port={PORT}")

    def connect(self, role="postgres", **options):
        """As one of the roles that have a password."""
        connection = psycopg2.connect(host=str(self.server.socket), port=PORT, dbname="postgres",
                                      user=role, password=PASSWORD, **options)
        connection.autocommit = True
        return connection

    def connect_as_administrator(self):
        return self.server.connect("postgres", ADMINISTRATOR)

    def rows(self, statement, role="postgres"):
        connection = self.connect(role)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()
        finally:
            connection.close()

    def run_file(self, name, role, **variables):
        # From the standard input: the checkout may lie where the server's user cannot look.
        self.server.scratch.run(
            [CLIENT_BINDIR / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1",
             *(f"--variable={name}={value}" for name, value in variables.items()),
             "-d", self.server.conninfo("postgres", role), "-f", "-"],
            env={"PGPASSWORD": PASSWORD},
            input=f"SET client_min_messages = error;\n{(SQL / name).read_text(encoding='utf-8')}")

    def abilities(self):
        """psql's variables: what the conditions in the SQL ask of the server."""
        connection = self.connect_as_administrator()
        major = connection.server_version // 10000
        connection.close()
        return {"at_least_15": major >= 15}


def make_supabase_project(scratch, name, major=15, newer=False, reads_all_data=False,
                          acts_as_services=False):
    """A project as it is before its user has done anything.

    `newer`: of a later image, whose auth.users has one column more and one less.
    `reads_all_data`: postgres is a member of pg_read_all_data. Then no table is hidden from it, not
    even the secrets; older projects lack that.
    `acts_as_services`: postgres is a member of the services' roles, as in older projects. On newer
    ones supautils lets it make policies on their tables, which plain PostgreSQL allows no other
    way; but here it may then change those tables, too.
    """
    server = scratch.server(name, scratch.server_programs(major))
    server.initdb("-U", ADMINISTRATOR)
    (server.data / "pg_hba.conf").write_text(HBA)
    give_to_server_user(server.data / "pg_hba.conf")
    server.configure(*CONFIGURATION)
    server.start()
    project = SupabaseProject(server)
    project.run_file("supabase_like.sql", ADMINISTRATOR, newer=newer, password=PASSWORD,
                     reads_all_data=reads_all_data, acts_as_services=acts_as_services,
                     **project.abilities())
    return project


def fill_supabase_project(project):
    """What a user of the platform makes: definitions and rows by the role postgres, and what the
    platform's services write for the user's own users."""
    project.run_file("supabase_user_schema.sql", "postgres", **project.abilities())
    project.run_file("supabase_services.sql", ADMINISTRATOR)
    project.run_file("supabase_user_rows.sql", "postgres")
