"""What the Python reader exports is loaded by psql, and is then what the backup was of. The backup
is written by hand (mini_chunks.py) of what pg_dump and COPY say of a database."""

import io

import pytest
from logical_example import BACKUP
from mini_chunks import ChunkStream
from mini_repository import PB, MiniRepository, Settings

from scratch import CLIENT_BINDIR

# A child stands before its parent, triggers and constraints would refuse or change the rows, and no
# name or value is one that psql takes as it is.
DATABASE = """
CREATE SCHEMA "we""ird 's";
CREATE TABLE "we""ird 's"."T \\ ü" ("a""b" text, "select" bytea, n double precision, i interval,
    at timestamptz, j jsonb, x xml);
INSERT INTO "we""ird 's"."T \\ ü" VALUES
    (E'tab\\t nl\\n cr\\r back\\\\slash \\\\. ü', '\\x00ff5c', 0.1::float8 + 0.2,
     '-1 mon 3 days 00:00:01.5', '1999-12-31 23:59:59.123456+05:30', '{"a": [1, null]}',
     'no <b>document</b>'),
    ('\\.', '', 'NaN', NULL, 'infinity', 'null', NULL),
    (':psql', NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE "Z parent" (id int PRIMARY KEY, boss int REFERENCES "Z parent");
CREATE TABLE "A child" (id bigint GENERATED ALWAYS AS IDENTITY, parent int NOT NULL REFERENCES
    "Z parent", twice int GENERATED ALWAYS AS (parent * 2) STORED, gone text);
ALTER TABLE "A child" DROP gone, ADD note text DEFAULT 'x', ENABLE ROW LEVEL SECURITY;
INSERT INTO "Z parent" SELECT g, 3001 - g FROM generate_series(1, 3000) g;
INSERT INTO "A child" (parent) SELECT 1 + g % 3000 FROM generate_series(1, 20000) g;
CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 3);
CREATE TABLE empty (a int);
CREATE TABLE parted (id int, region text) PARTITION BY LIST (region);
CREATE TABLE parted_north PARTITION OF parted FOR VALUES IN ('north');
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT g, (ARRAY['north', 'south'])[1 + g % 2] FROM generate_series(1, 50) g;
CREATE FUNCTION own(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
    AS 'BEGIN RETURN public.same($1); END';
CREATE FUNCTION same(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE INDEX ON parted (own(id));
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'a trigger ran'; END$$;
CREATE TRIGGER refusing BEFORE INSERT OR UPDATE ON "Z parent"
    FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE SEQUENCE "down's" INCREMENT -1 MINVALUE -9223372036854775808;
SELECT setval('"down''s"', -9223372036854775808);
CREATE SEQUENCE unused START 7;
SELECT lo_from_bytea(70001, convert_to(repeat('large ', 1000), 'UTF8'));
SELECT lo_create(70002);
SELECT lo_from_bytea(70003, 'short'), lo_put(70003, 9000, 'far');
SELECT lo_create(70004);
SELECT lo_truncate(lo_open(70004, 131072), 4096);
ALTER LARGE OBJECT 70001 OWNER TO "ro""le";
GRANT SELECT ON LARGE OBJECT 70001 TO PUBLIC;
COMMENT ON LARGE OBJECT 70001 IS E'it''s \\\\ ü';
"""

TABLES = """
SELECT c.oid, n.nspname, c.relname, array(SELECT attname FROM pg_attribute a WHERE attrelid = c.oid
    AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum)::text[]
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind = 'r' AND c.oid >= 16384 ORDER BY 2, 3
"""
SEQUENCES = "SELECT schemaname, sequencename FROM pg_sequences ORDER BY 1, 2"
SEQUENCE = "SELECT last_value, is_called FROM {}"
LARGE_OBJECTS = """
SELECT oid, lomowner::regrole::text, lomacl::text, obj_description(oid, 'pg_largeobject'),
    lo_get(oid) FROM pg_largeobject_metadata ORDER BY 1
"""


def fetch(cursor, statement):
    cursor.execute(statement)
    return cursor.fetchall()


def copied(cursor, statement):
    out = io.BytesIO()
    cursor.copy_expert(statement, out)
    return out.getvalue()


def quoted(*names):
    return ".".join('"{}"'.format(name.replace('"', '""')) for name in names)


def contents(server, database):
    """Rows, sequences and large objects."""
    with server.connect(database) as connection, connection.cursor() as cursor:
        found = {"large objects": [(*row[:4], bytes(row[4]))
                                   for row in fetch(cursor, LARGE_OBJECTS)]}
        for _, schema, name, _ in fetch(cursor, TABLES):
            table = quoted(schema, name)
            found[table] = fetch(cursor, f"SELECT t::text FROM {table} t ORDER BY 1")
        for names in fetch(cursor, SEQUENCES):
            found[quoted(*names)] = fetch(cursor, SEQUENCE.format(quoted(*names)))
    connection.close()
    return found


def catalog_and_rows(server, database):
    catalog = PB["LogicalCatalog"](database=database.encode(), encoding="UTF8",
                                   large_object_page_bytes=2048, large_object_parts=1)
    streams = []
    with server.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SET extra_float_digits = 3; SET TimeZone = UTC")
        for oid, schema, name, columns in fetch(cursor, TABLES):
            listed = "({})".format(", ".join(map(quoted, columns))) if columns else ""
            rows = copied(cursor, f"COPY {quoted(schema, name)} {listed} TO STDOUT")
            streams.append(ChunkStream(f"rows/{oid}/0", rows))
            catalog.tables.add(oid=oid, schema=schema.encode(), name=name.encode(), parts=1,
                               columns=[column.encode() for column in columns],
                               rows=rows.count(b"\n"), bytes=len(rows))
        for schema, name in fetch(cursor, SEQUENCES):
            ((last, called),) = fetch(cursor, SEQUENCE.format(quoted(schema, name)))
            catalog.sequences.add(schema=schema.encode(), name=name.encode(), last_value=last,
                                  is_called=called)
        for oid, _, acl, comment, data in fetch(cursor, LARGE_OBJECTS):
            catalog.large_objects.add(
                oid=oid, size=len(data), owner=b'ro"le' if comment else b"postgres",
                grants=[b"GRANT SELECT ON LARGE OBJECT %d TO PUBLIC" % oid] if acl else [],
                comment=comment.encode() if comment else None)
        pages = copied(cursor, "COPY (SELECT loid, pageno, data FROM pg_largeobject) TO STDOUT")
        streams.append(ChunkStream("large_objects/0", pages))
    connection.close()
    return catalog, streams


@pytest.mark.slow
def test_an_exported_database_is_what_it_was(scratch):
    server = scratch.server()
    server.initdb()
    server.start()
    server.sql('CREATE ROLE "ro""le"')
    server.sql("CREATE DATABASE app")
    with server.connect("app", autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute(DATABASE)
    connection.close()
    before = contents(server, "app")
    assert len(before["large objects"]) == 4 and len(before) > 10

    dump = [CLIENT_BINDIR / "pg_dump", "--schema-only", "-d", server.conninfo("app")]
    schema = scratch.run(dump).stdout.encode()
    catalog, rows = catalog_and_rows(server, "app")
    documents = [("catalog", catalog.SerializeToString()), ("schema.dump", b""),
                 ("schema.sql", schema), ("roles.sql", b'CREATE ROLE "ro""le";\n')]
    repository = MiniRepository(scratch.root / "repository", Settings(kinds=("UNENCRYPTED",)))
    repository.add_logical_backup(BACKUP, [ChunkStream(*each) for each in documents] + rows)

    files = [scratch.root / name for name in ("app.sql", "roles.sql")]
    scratch.run([scratch.reader, "--repository", scratch.root / "repository", "export", BACKUP,
                 "--to-file", files[0], "--roles-to-file", files[1]])
    server.sql("CREATE DATABASE loaded TEMPLATE template0 ENCODING 'UTF8'")
    scratch.run([CLIENT_BINDIR / "psql", "-XqAt1", "-v", "ON_ERROR_STOP=1", "-f", files[0],
                 "-d", server.conninfo("loaded")])
    assert contents(server, "loaded") == before
    assert "a trigger ran" not in server.log_text()
    dump[-1] = server.conninfo("loaded")
    kept = [line for line in scratch.run(dump).stdout.splitlines() if "restrict" not in line]
    assert kept == [line for line in schema.decode().splitlines() if "restrict" not in line]
