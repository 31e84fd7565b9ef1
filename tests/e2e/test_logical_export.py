"""What `export` writes of a logical backup is loaded by plain psql and pg_restore, and is then the
database that was backed up."""

import shutil
import stat
import subprocess

import pytest

from database_comparison import DatabaseState, differences
from every_object import make_every_object
from logical_cluster import LogicalCluster
from scratch import CLIENT_BINDIR, as_server_user

# What belongs to the database as a whole is not in it, and pg_dump names no version of extensions.
OF_THE_DATABASE = ("database itself: *", "settings of * in this database: missing",
                   "extension pg_trgm: version")
# The table hidden is not readable for the role looker: nor is what needs it in the file.
HIDDEN = """
CREATE SCHEMA shop;
CREATE TABLE shop.seen (id int PRIMARY KEY, t text);
INSERT INTO shop.seen VALUES (1, 'a');
CREATE TABLE shop.hidden (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
CREATE TABLE shop.heir (more serial) INHERITS (shop.hidden);
INSERT INTO shop.heir (id, more) VALUES (9, 5);
CREATE INDEX ON shop.heir (more);
ALTER TABLE shop.seen ADD FOREIGN KEY (id) REFERENCES shop.hidden NOT VALID;
CREATE VIEW shop.over AS SELECT s.t, '; '';' AS x FROM shop.seen s JOIN shop.hidden h USING (id);
COMMENT ON VIEW shop.over IS 'it''s hidden';
CREATE MATERIALIZED VIEW shop.above AS SELECT 1 AS n FROM shop.over;
CREATE FUNCTION shop.of_hidden() RETURNS SETOF shop.hidden LANGUAGE sql
  AS 'SELECT * FROM shop.hidden';
CREATE FUNCTION shop.next_id() RETURNS int LANGUAGE sql
  BEGIN ATOMIC SELECT max(id) + 1 FROM shop.hidden; END;
CREATE TABLE shop.by_default (a text, n int DEFAULT shop.next_id());
CREATE FUNCTION shop.allowed(n int) RETURNS bool LANGUAGE sql
  BEGIN ATOMIC SELECT n IN (SELECT id FROM shop.hidden) OR n > 0; END;
CREATE TABLE shop.by_check (a text, n int CHECK (shop.allowed(n)));
CREATE DOMAIN shop.small AS int CHECK (shop.allowed(VALUE));
CREATE TABLE shop.by_domain (a text, n shop.small);
INSERT INTO shop.by_default VALUES ('x; CREATE TABLE shop.injected (a int);--', 1);
INSERT INTO shop.by_check SELECT * FROM shop.by_default;
INSERT INTO shop.by_domain SELECT * FROM shop.by_default;
CREATE TABLE shop.zuletzt (a int);
CREATE VIEW shop.fine AS SELECT t FROM shop.seen;
CREATE MATERIALIZED VIEW shop.filled AS SELECT t FROM shop.seen;
CREATE ROLE looker LOGIN;
GRANT USAGE ON SCHEMA shop TO looker;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO looker;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA shop TO looker;
REVOKE SELECT ON shop.hidden FROM looker;
"""
NEED_IT = ["TABLE shop heir", "FK CONSTRAINT shop seen seen_id_fkey", "VIEW shop over",
           "MATERIALIZED VIEW shop above", "FUNCTION shop of_hidden()", "FUNCTION shop next_id()",
           "TABLE shop by_default", "FUNCTION shop allowed(integer)", "TABLE shop by_check",
           "DOMAIN shop small", "TABLE shop by_domain"]
USAGE, NOT_FOUND, EXISTS, DAMAGED, REFUSED = 2, 3, 4, 5, 12
SMALL = """
CREATE TABLE parents (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE children (id int GENERATED ALWAYS AS IDENTITY, parent int REFERENCES parents, noted timestamptz);
INSERT INTO parents (name) SELECT 'parent ' || g || E'\\\\\\t' FROM generate_series(1, 5000) g;
INSERT INTO children (parent) SELECT id FROM parents;
CREATE TABLE nothing_in_it (a int);
CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 3);
CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
CREATE TABLE painted (c colour, n int) PARTITION BY HASH (c);
CREATE TABLE painted_0 PARTITION OF painted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE painted_1 PARTITION OF painted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO painted SELECT (ARRAY['red', 'green', 'blue'])[1 + g % 3]::colour, g FROM generate_series(1, 300) g;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fired'; END $$;
CREATE TRIGGER fires BEFORE INSERT ON parents FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE VIEW between_them AS SELECT 1::bigint AS n;
CREATE MATERIALIZED VIEW a_second AS SELECT n FROM between_them;
CREATE MATERIALIZED VIEW z_first AS SELECT count(*) AS n FROM children;
CREATE OR REPLACE VIEW between_them AS SELECT n + 1 AS n FROM z_first;
REFRESH MATERIALIZED VIEW a_second;
SELECT lo_from_bytea(4711, decode(repeat('00ff', 300000), 'hex'));
SELECT lo_create(4712);
SELECT lo_put(lo_create(4713), 700000, 'x');
SELECT lo_create(4714);
SELECT lo_truncate64(lo_open(4714, 131072), 300001);
COMMENT ON LARGE OBJECT 4711 IS 'it''s large';
GRANT SELECT ON LARGE OBJECT 4713 TO PUBLIC;
"""


@pytest.fixture(name="small", scope="module")
def _small():
    with LogicalCluster() as cluster:
        cluster.source.sql("CREATE EXTENSION pg_trgm;" + SMALL, "source")
        cluster.backup()
        yield cluster


@pytest.fixture(name="every", scope="module")
def _every():
    with LogicalCluster() as cluster:
        make_every_object(cluster.source, "every")
        cluster.configure_backups(cluster={"connection": cluster.source.conninfo("every")})
        cluster.backup()
        yield cluster


@pytest.fixture(name="half", scope="module")
def _half():
    with LogicalCluster() as cluster:
        cluster.source.sql(HIDDEN, "source")
        cluster.configure_backups(
            cluster={"connection": cluster.source.conninfo("source", "looker")})
        cluster.backup()
        yield cluster


def load_sql(cluster, path):
    name = new_database(cluster)
    cluster.run([CLIENT_BINDIR / "psql", "-Xq1", "-v", "ON_ERROR_STOP=1", "-f", path,
                 "-d", cluster.source.conninfo(name)])
    return name


def load_directory(cluster, path, *arguments):
    name = new_database(cluster)
    cluster.run([CLIENT_BINDIR / "pg_restore", "--exit-on-error", *arguments,
                 "-d", cluster.source.conninfo(name), path])
    return name


def new_database(cluster):
    name = f"loaded_{next(cluster._numbers)}"
    cluster.source.sql(f"CREATE DATABASE {name} TEMPLATE template0")
    return name


def require_same(cluster, source, name, **known):
    assert differences(DatabaseState.read(cluster.source, source),
                       DatabaseState.read(cluster.source, name), **known) == []


def test_psql_loads_the_file_which_is_the_readers(small):
    target = small.root / "small.sql"
    report = small.pgcairn_json("export", "--format=sql", f"--target-file={target}")
    assert report["format"] == "sql" and report["target"] == str(target)
    assert (report["rows"], report["large_objects"]) == (5000 + 5000 + 3 + 300, 4)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    require_same(small, "source", load_sql(small, target))
    by_reader = small.root / "reader.sql"
    small.run([small.reader, "--repository", small.root / "repository", "--key-file",
               small.root / "storage/encryption/host.key", "export", report["backup_id"],
               "--to-file", by_reader])
    assert by_reader.read_bytes() == target.read_bytes()


@pytest.mark.parametrize("arguments", [("--jobs=3",), ("--single-transaction",), ()])
def test_pg_restore_loads_the_directory(small, arguments):
    target = small.root / f"small{len(arguments)}{arguments[:1]}.dump"
    report = small.pgcairn_json("export", "--format=directory", f"--target-dir={target}")
    assert report["format"] == "directory"
    require_same(small, "source", load_directory(small, target, *arguments))
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    shutil.rmtree(target)


def test_pg_restore_finds_in_the_directory_what_pg_dump_would_have_written(small):
    """But for the numbers of what pg_dump makes of rows, which it gives before; and what everybody
    may do in the schema public, which it leaves to the server."""
    target, dumped = small.root / "ours.dump", small.root / "theirs.dump"
    small.pgcairn("export", "--format=directory", f"--target-dir={target}")
    small.run([CLIENT_BINDIR / "pg_dump", "-Fd", "-f", dumped, "-d", small.source.conninfo("source")])

    def listed(folder):
        lines = small.run([CLIENT_BINDIR / "pg_restore", "--list", folder]).stdout.splitlines()
        return sorted(line.split("; ", 1)[1] for line in lines if line[:1] != ";")

    assert listed(target) == sorted([*listed(dumped), "0 0 ACL - SCHEMA public "])


def test_single_parts_of_the_directory_can_be_loaded_too(small):
    target = small.root / "parts.dump"
    small.pgcairn("export", "--format=directory", f"--target-dir={target}")
    # As pg_restore takes them, files may be compressed.
    small.run(["gzip", *sorted(target.glob("[0-9]*.dat"))])
    name = new_database(small)
    small.run([CLIENT_BINDIR / "pg_restore", "--exit-on-error", "--table=parents",
               "-d", small.source.conninfo(name), target])
    assert small.source.sql("SELECT count(*) FROM parents", name) == "5000"
    name = load_directory(small, target, "--schema-only")
    assert small.source.sql("SELECT count(*) FROM parents", name) == "0"
    script = small.root / "script.sql"
    small.run([CLIENT_BINDIR / "pg_restore", "-f", script, target])
    require_same(small, "source", load_sql(small, script))


@pytest.mark.slow
def test_a_database_with_every_kind_of_object_is_exported(every):
    target = every.root / "every.sql"
    every.pgcairn("export", f"--target-file={target}")
    name = load_sql(every, target)
    require_same(every, "every", name, expected=OF_THE_DATABASE,
                 skipped=('* "Ext.".*',))
    folder = every.root / "every.dump"
    every.pgcairn("export", "--format=directory", f"--target-dir={folder}")
    for arguments in (("--jobs=3",), ()):
        name = load_directory(every, folder, *arguments)
        require_same(every, "every", name, expected=OF_THE_DATABASE, skipped=('* "Ext.".*',))


def test_roles_are_written_when_they_are_asked_for(small):
    small.source.sql("CREATE ROLE exported NOLOGIN")
    backup = small.backup()["backup_id"]
    roles = small.root / "roles.sql"
    report = small.pgcairn_json("export", f"--source={backup}", f"--roles-file={roles}",
                                f"--target-file={small.root}/with_roles.sql")
    assert report["roles_file"] == str(roles)
    assert "CREATE ROLE exported;" in roles.read_text()
    assert stat.S_IMODE(roles.stat().st_mode) == 0o600
    said = small.pgcairn("export", f"--source={backup}",
                         f"--target-file={small.root}/without.sql").stdout
    assert "--roles-file" in said


def piped(cluster, name, through=("cat",)):
    """Exports to psql, with a program between them; both exit statuses."""
    export = subprocess.Popen(
        as_server_user([cluster.program, f"--config={cluster.root}/config/backup.config.json",
                        "--no-progress", "export", "--target-file=-"]),
        stdout=subprocess.PIPE, env=cluster.environment, cwd=cluster.root)
    between = subprocess.Popen(list(through), stdin=export.stdout, stdout=subprocess.PIPE)
    export.stdout.close()
    psql = subprocess.run(
        as_server_user([CLIENT_BINDIR / "psql", "-Xq", "-d", cluster.source.conninfo(name)]),
        stdin=between.stdout, env=cluster.environment, cwd=cluster.root, capture_output=True,
        check=False)
    between.stdout.close()
    return export.wait(), between.wait(), psql.returncode


def test_a_script_in_a_pipe_is_loaded_whole_or_not_at_all(small):
    name = new_database(small)
    assert piped(small, name) == (0, 0, 0)
    require_same(small, "source", name)
    # The writer is gone within the rows of a table, where psql takes the end for theirs.
    for cut in (100_000, 1_000_000):
        name = new_database(small)
        piped(small, name, ("head", "-c", str(cut)))
        assert small.source.sql("SELECT count(*) FROM pg_class WHERE oid >= 16384", name) == "0"


RELATIONS = """
SELECT string_agg(relname, ' ' ORDER BY relname COLLATE "C") FROM pg_class
WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'v', 'm', 'S')"""


@pytest.mark.parametrize("way", ["sql", "directory", "restore"])
def test_what_needs_a_table_that_was_hidden_is_left_out_and_named(half, way):
    target = half.root / f"half.{way}"
    if way == "restore":
        name = new_database(half)
        report = half.pgcairn_json("restore", f"--target-url={half.source.conninfo(name)}")
        left_out = report["skipped"]
    else:
        to = "--target-file" if way == "sql" else "--target-dir"
        report = half.pgcairn_json("export", f"--format={way}", f"{to}={target}")
        left_out = report["left_out"]
        assert report["rows"] == 1
        name = (load_sql if way == "sql" else load_directory)(half, target)
    for what in NEED_IT:
        assert sum(line.startswith(what + ": it needs ") for line in left_out) == 1, (what, left_out)
    assert half.source.sql(RELATIONS, name) == "filled fine seen zuletzt"
    assert half.source.sql("SELECT t FROM shop.filled", name) == "a"


def test_the_reader_leaves_out_the_rows_for_which_there_is_no_table(half):
    target = half.root / "half_by_reader.sql"
    said = half.run([half.reader, "--repository", half.root / "repository", "--key-file",
                     half.root / "storage/encryption/host.key", "export", half.backups()[-1],
                     "--to-file", target]).stdout
    assert "fail: load it without -1 and ON_ERROR_STOP" in said
    name = new_database(half)
    done = half.run([CLIENT_BINDIR / "psql", "-Xq", "-f", target,
                     "-d", half.source.conninfo(name)], check=False)
    assert done.returncode == 0 and "syntax error" not in done.stderr, done.stderr
    # psql of 15 takes the rows of a COPY that failed for statements.
    assert half.source.sql("SELECT to_regclass('shop.injected')", name) == ""
    assert half.source.sql("SELECT t FROM shop.filled", name) == "a"


WAYS = {"sql": ("--target-file",), "directory": ("--format=directory", "--target-dir")}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_overwritten_and_nothing_half_is_left(small, way):
    *arguments, target = WAYS[way]
    folder = small.make_directory(f"taken by {way}")

    def export(path):
        return small.pgcairn("export", *arguments, f"{target}={path}", check=False)

    taken = small.make_directory(f"taken by {way}/it")
    refused = export(taken)
    assert refused.returncode == EXISTS and "is there already" in refused.stderr
    taken.rmdir()
    inside = small.root / "repository/export"
    assert export(inside).returncode == REFUSED and not inside.exists()
    # Of every backup the pack with its rows is gone: the largest.
    packs = sorted((small.root / "repository").glob("clusters/*/packs/*/*"),
                   key=lambda pack: pack.stat().st_size)[-len(small.backups()):]
    for pack in packs:
        pack.rename(small.root / f"hidden-{pack.name}")
    failed = export(taken)
    for pack in packs:
        (small.root / f"hidden-{pack.name}").rename(pack)
    assert failed.returncode in (NOT_FOUND, DAMAGED), failed.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("arguments", [
    (), ("--format=directory",), ("--format=sql", "--target-dir=x"),
    ("--format=directory", "--target-file=x"), ("--target-file=x", "--target-dir=y"),
    ("--output=json", "--target-file=-"), ("--format=tar", "--target-file=x")])
def test_what_cannot_be_is_a_usage_error(small, arguments):
    assert small.pgcairn("export", *arguments, check=False).returncode == USAGE
