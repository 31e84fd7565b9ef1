"""What `export` writes is loaded by psql and pg_restore of 15, 17 and 18 into servers of these versions,
and is then the database that was backed up."""

import contextlib

import pytest

from database_comparison import DatabaseState, differences
from logical_cluster import LogicalCluster
from test_logical_versions import OF_THE_OTHER_SERVER, SMALL

pytestmark = pytest.mark.slow

SERVERS = (15, 17, 18)
# A pg_restore of 17 sets transaction_timeout, which servers before do not know.
NOT_KNOWN = 'unrecognized configuration parameter "transaction_timeout"'


class Exported:
    """A database of 15 as a file and as a folder, and servers to load them into."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.cluster.source.sql("SET check_function_bodies = off;" + SMALL, "source")
        cluster.backup()
        self.script, self.folder = cluster.root / "exported.sql", cluster.root / "exported.dump"
        cluster.pgcairn("export", f"--target-file={self.script}")
        cluster.pgcairn("export", "--format=directory", f"--target-dir={self.folder}")
        self.state = DatabaseState.read(cluster.source, "source")
        self.servers = {15: cluster.source}

    def server(self, major):
        if major not in self.servers:
            server = self.cluster.server(f"server-{major}", self.cluster.server_programs(major))
            server.initdb()
            server.start()
            self.servers[major] = server
        return self.servers[major]

    def load(self, program, major, *arguments, into, **options):
        server, name = self.server(into), f"loaded_{next(self.cluster._numbers)}"
        server.sql(f"CREATE DATABASE {name} TEMPLATE template0")
        done = self.cluster.run([self.cluster.client_programs(major) / program, *arguments,
                                 "-d", server.conninfo(name)], **options)
        return server, name, done

    def require_same(self, server, name):
        assert differences(self.state, DatabaseState.read(server, name),
                           skipped=OF_THE_OTHER_SERVER) == []


@pytest.fixture(name="exported", scope="module")
def _exported():
    with LogicalCluster() as cluster:
        yield Exported(cluster)


@pytest.mark.parametrize("into", SERVERS)
@pytest.mark.parametrize("major", SERVERS)
def test_psql_loads_the_script_in_one_transaction(exported, major, into):
    server, name, _ = exported.load("psql", major, "-Xq", "--single-transaction", "-v",
                                    "ON_ERROR_STOP=1", "-f", exported.script, into=into)
    exported.require_same(server, name)


@pytest.mark.parametrize("into", SERVERS)
@pytest.mark.parametrize("major", SERVERS)
def test_pg_restore_loads_the_folder(exported, major, into):
    knows_all = major < 17 or into >= 17
    strict = ("--exit-on-error",) if knows_all else ()
    server, name, done = exported.load("pg_restore", major, *strict, "-j2", exported.folder,
                                       into=into, check=knows_all)
    exported.require_same(server, name)
    if knows_all:
        assert done.stderr == ""
    else:
        # Of each of its sessions, and nothing else.
        errors = [line for line in done.stderr.splitlines() if "ERROR:" in line]
        assert errors and all(NOT_KNOWN in line for line in errors)


@pytest.mark.parametrize("major", (17, 18))
def test_for_an_older_server_pg_restore_writes_a_script(exported, major):
    """Where no error is to be overlooked. What the body of a function says stays."""
    script = exported.cluster.root / f"by_{major}.sql"
    exported.cluster.run([exported.cluster.client_programs(major) / "pg_restore", "-f", script,
                          exported.folder])
    text = script.read_text()
    assert text.count("SET transaction_timeout = 0;\n") == 2
    script.write_text(text.replace("SET transaction_timeout = 0;\n", "", 1))
    server, name, _ = exported.load("psql", 15, "-Xq1", "-v", "ON_ERROR_STOP=1", "-f", script, into=15)
    exported.require_same(server, name)


@pytest.mark.parametrize("major", SERVERS)
def test_single_parts_are_listed_and_loaded(exported, major):
    listed = exported.cluster.run([exported.cluster.client_programs(major) / "pg_restore", "--list",
                                   exported.folder]).stdout
    assert "TABLE DATA shop orders_1 postgres" in listed
    server, name, _ = exported.load("pg_restore", major, "--exit-on-error", "--schema-only",
                                    exported.folder, into=max(SERVERS))
    exported.cluster.run([exported.cluster.client_programs(major) / "pg_restore", "--exit-on-error",
                          "--data-only", "--table=customers", exported.folder,
                          "-d", server.conninfo(name)])
    assert server.sql("SELECT (SELECT count(*) FROM shop.customers), (SELECT count(*) FROM shop.orders)",
                      name) == "500|0"


PUBLIC = {
    "untouched": "",
    "closed": "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "nobody": "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "guests": "REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT CREATE ON SCHEMA public TO guest;"
            "GRANT USAGE ON SCHEMA public TO guest WITH GRANT OPTION;"
            "SET ROLE guest; GRANT USAGE ON SCHEMA public TO other",
    "owned": "REVOKE CREATE ON SCHEMA public FROM PUBLIC; ALTER SCHEMA public OWNER TO guest",
}
ROLES = "CREATE ROLE guest; CREATE ROLE other"
PRIVILEGES = """
SELECT CASE a.grantee WHEN n.nspowner THEN 'the owner' WHEN 0 THEN 'everybody' ELSE a.grantee::regrole::text END,
  CASE a.grantor WHEN n.nspowner THEN 'the owner' ELSE a.grantor::regrole::text END, a.privilege_type, a.is_grantable
FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
WHERE n.nspname = 'public' ORDER BY 1, 2, 3"""


def privileges(server, database):
    return server.sql(PRIVILEGES, database).splitlines()


@contextlib.contextmanager
def source_of(major):
    with LogicalCluster(major) as cluster:
        cluster.source.sql(ROLES)
        yield cluster


@pytest.mark.parametrize("major, others", [(13, (15,)), (14, (17,)), (15, (14,))])
def test_everybody_may_do_in_the_schema_public_what_he_might(major, others):
    with source_of(major) as cluster:
        servers = [cluster.source]
        for other in others:
            server = cluster.server(f"other-{other}", cluster.server_programs(other))
            server.initdb()
            server.start()
            server.sql(ROLES)
            servers.append(server)
        for name, statements in PUBLIC.items():
            cluster.source.sql(f"CREATE DATABASE {name} TEMPLATE template0")
            cluster.source.sql(f"CREATE TABLE any_table (a int); {statements}", name)
            cluster.configure_backups(cluster={"connection": cluster.source.conninfo(name)})
            cluster.backup()
            script, folder = cluster.root / f"{name}.sql", cluster.root / f"{name}.dump"
            cluster.pgcairn("export", f"--target-file={script}")
            cluster.pgcairn("export", "--format=directory", f"--target-dir={folder}")
            programs = cluster.client_programs(major)
            ways = {"sql": [programs / "psql", "-Xq1", "-v", "ON_ERROR_STOP=1", "-f", script],
                    "directory": [programs / "pg_restore", "--exit-on-error", folder]}
            for server in servers:
                for way, command in ways.items():
                    loaded = f"{name}_by_{way}"
                    server.sql(f"CREATE DATABASE {loaded} TEMPLATE template0")
                    cluster.run([*command, "-d", server.conninfo(loaded)])
                    assert privileges(server, loaded) == privileges(cluster.source, name), (
                        loaded, server.data)
