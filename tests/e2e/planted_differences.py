"""Single changes of the database of every_object.py, and what the comparison must say of each: one
change is one difference, or as many as it must be.

A plant is (what it is, SQL, {differences without their values}).
"""


def rights(name):
    return {f"{name}: privileges", f"{name}: privileges and grantors"}


def all_of(name, *titles):
    return {f"{name}: {title}" for title in titles}


A_SEQUENCE = ("sequence", "parameters of sequence", "value of")

ROWS = [
    ("one bit of a float", """UPDATE "values".floats SET big = 0.10000000000000002 WHERE id = 4""",
     {'rows of "values".floats: content'}),
    ("the sign of a zero", """UPDATE "values".floats SET small = 0 WHERE id = 3""",
     {'rows of "values".floats: content'}),
    ("the scale of a number", """UPDATE "values".numbers SET exact = 1.1 WHERE id = 3""",
     {'rows of "values".numbers: content'}),
    ("the last of 2000 digits",
     """UPDATE "values".numbers SET exact = exact + 1e-2000 WHERE id = 2""",
     {'rows of "values".numbers: content'}),
    ("NULL for an empty string", """UPDATE "values".texts SET body = NULL WHERE id = 1""",
     {'rows of "values".texts: content'}),
    ("an empty string for NULL", """UPDATE "values".texts SET body = '' WHERE id = 2""",
     {'rows of "values".texts: content'}),
    ("NULL for the text that stands for it",
     """UPDATE "values".texts SET body = NULL WHERE id = 7""", {'rows of "values".texts: content'}),
    ("a blank at the end", """UPDATE "values".texts SET body = body || ' ' WHERE id = 13""",
     {'rows of "values".texts: content'}),
    ("a line feed for a carriage return",
     r"""UPDATE "values".texts SET body = replace(body, E'\r', E'\n') WHERE id = 5""",
     {'rows of "values".texts: content'}),
    ("an infinite day of the other sign",
     """UPDATE "values".times SET day = '-infinity' WHERE id = 1""",
     {'rows of "values".times: content'}),
    ("one microsecond", """UPDATE "values".times SET at = at + '1us' WHERE id = 5""",
     {'rows of "values".times: content'}),
    ("the lower bound of an array",
     """UPDATE "values".arrays SET numbers = '[1:2]={1,2}' WHERE id = 3""",
     {'rows of "values".arrays: content'}),
    ("a NULL in an array", """UPDATE "values".arrays SET words[2] = 'NULL' WHERE id = 2""",
     {'rows of "values".arrays: content'}),
    ("a blank in json",
     """UPDATE "values".documents SET plain = '{"b":1, "a":[1, 2.50, null], "b":2}'
                           WHERE id = 1""", {'rows of "values".documents: content'}),
    ("one byte of 256",
     """UPDATE "values".bytes SET body = set_byte(body, 200, 201) WHERE id = 3""",
     {'rows of "values".bytes: content'}),
    ("one byte of some MiB",
     """UPDATE "values".large_fields
           SET body = set_byte(body, 1500000, get_byte(body, 1500000) # 1)""",
     {'rows of "values".large_fields: content'}),
    ("a row in a table without columns", "INSERT INTO kinds.no_columns DEFAULT VALUES",
     all_of("rows of kinds.no_columns", "count", "content")),
    ("a lost row", "DELETE FROM parts.by_range_detached",
     all_of("rows of parts.by_range_detached", "count", "content")),
    ("two values swapped between rows", "UPDATE kinds.altered SET b = 6 - b",
     {"rows of kinds.altered: content"}),
    ("two rows swapped between partitions",
     # No trigger may write: its sequence would not come back.
     """SET LOCAL session_replication_role = replica;
        WITH gone AS (DELETE FROM parts.by_list WHERE id IN (5, 8) RETURNING *)
        INSERT INTO parts.by_list SELECT 13 - id, region, note FROM gone""",
     {"rows of parts.by_list_north: content", "rows of parts.by_list_null: content"}),
    ("a row moved to a child", "WITH gone AS (DELETE FROM ONLY parts.animal RETURNING *) "
     "INSERT INTO parts.dog SELECT *, NULL FROM gone",
     all_of("rows of parts.animal", "count", "content")
     | all_of("rows of parts.dog", "count", "content")),
    ("a row of an extension's table",
     "UPDATE kinds.setting SET value = 'red' WHERE name = 'colour'",
     {"rows of kinds.setting: content"}),
    ("a row behind a policy for all", "UPDATE guarded.forced SET id = 3 WHERE id = 2",
     {"rows of guarded.forced: content"}),
    ("a fleeting row", "DELETE FROM kinds.fleeting WHERE id = 1",
     all_of("rows of kinds.fleeting", "count", "content")),
    ("a byte of a large object", r"SELECT lo_put(4200000003, 700000, '\x00')",
     {"content of large object 4200000003: content"}),
    ("a byte behind a large object", r"SELECT lo_put(1000001, 3, '\x00')",
     all_of("content of large object 1000001", "bytes", "content")),
    ("a large object gone", "SELECT lo_unlink(4200000001)",
     {"large object 4200000001: missing", "content of large object 4200000001: missing"}),
    # setval() is of no transaction, but to restart a sequence gives it another file.
    ("the last value of a sequence", "ALTER SEQUENCE kinds.plain RESTART; "
     "SELECT setval('kinds.plain', 5)", {"value of kinds.plain: last"}),
    ("whether a sequence was called", "ALTER SEQUENCE kinds.set_back RESTART; "
     "SELECT setval('kinds.set_back', 1, false)", {"value of kinds.set_back: called"}),
]

TABLES = [
    ("a default", "ALTER TABLE kinds.generated ALTER height SET DEFAULT 4",
     {"column kinds.generated.height: default"}),
    ("a default lost", "ALTER TABLE kinds.generated ALTER after_it DROP DEFAULT",
     {"column kinds.generated.after_it: default"}),
    ("the default of one partition", "ALTER TABLE ONLY parts.by_list_north ALTER note DROP DEFAULT",
     {"column parts.by_list_north.note: default"}),
    ("NOT NULL lost", "ALTER TABLE links.book ALTER author DROP NOT NULL",
     {"column links.book.author: not null"}),
    ("the kind of an identity",
     """ALTER TABLE kinds.generated ALTER "by default" SET GENERATED ALWAYS""",
     {'column kinds.generated."by default": identity'}),
    ("a computed value that is stored alone",
     "ALTER TABLE kinds.generated ALTER area DROP EXPRESSION",
     all_of("column kinds.generated.area", "default", "generated")),
    ("what is computed", "ALTER TABLE kinds.only_generated DROP always, "
     "ADD always int GENERATED ALWAYS AS (40 + 2) STORED",
     {"column kinds.only_generated.always: default"}),
    ("the length of a type", """ALTER TABLE "values".texts ALTER short TYPE varchar(11)""",
     {'column "values".texts.short: type'}),
    ("the collation of a column",
     """ALTER TABLE kinds.all_null ALTER b TYPE text COLLATE "C" """,
     {"column kinds.all_null.b: collation"}),
    ("the order of columns", "ALTER TABLE kinds.no_rows DROP a, ADD a int",
     {"column kinds.no_rows.a: place", "column kinds.no_rows.b: place"}),
    ("the storage of a column", "ALTER TABLE kinds.options ALTER body SET STORAGE EXTENDED",
     {"column kinds.options.body: storage"}),
    ("the statistics target of a column", "ALTER TABLE kinds.options ALTER id SET STATISTICS 778",
     {"column kinds.options.id: statistics target"}),
    ("an option of a column", "ALTER TABLE kinds.options ALTER body RESET (n_distinct)",
     {"column kinds.options.body: options"}),
    ("the compression of a column", "ALTER TABLE kinds.options ALTER other SET COMPRESSION default",
     {"column kinds.options.other: compression"}),
    ("an option of a table", "ALTER TABLE kinds.options SET (fillfactor = 56)",
     {"table kinds.options: options"}),
    ("an option of a TOAST table", "ALTER TABLE kinds.options RESET "
     "(toast.autovacuum_vacuum_threshold)", {"table kinds.options: options of its TOAST table"}),
    ("a table that is logged", "ALTER TABLE kinds.elsewhere_stored SET UNLOGGED",
     {"table kinds.elsewhere_stored: persistence"}),
    ("the access method", "ALTER TABLE kinds.elsewhere_stored SET ACCESS METHOD heap",
     {"table kinds.elsewhere_stored: access method"}),
    ("the replica identity", "ALTER TABLE links.tree REPLICA IDENTITY DEFAULT",
     {"table links.tree: replica identity"}),
    ("the owner of a table", "ALTER TABLE kinds.no_rows OWNER TO every_nobody",
     {"table kinds.no_rows: owner", *rights("table kinds.no_rows")}),
    ("the type of a table", "ALTER TABLE kinds.of_a_type NOT OF",
     {"table kinds.of_a_type: of type"}),
    ("a partition detached", "ALTER TABLE abroad.mixed DETACH PARTITION abroad.mixed_here",
     all_of("table abroad.mixed_here", "parents", "partition bound")
     | all_of("column abroad.mixed_here.id", "inherited", "local")
     | all_of("column abroad.mixed_here.body", "inherited", "local")),
    ("the bound of a partition", "ALTER TABLE abroad.mixed DETACH PARTITION abroad.mixed_here; "
     "ALTER TABLE abroad.mixed ATTACH PARTITION abroad.mixed_here FOR VALUES FROM (0) TO (99)",
     {"table abroad.mixed_here: partition bound"}),
    ("a child no longer one", "ALTER TABLE parts.late_child NO INHERIT parts.working",
     {"table parts.late_child: parents", "column parts.late_child.task: inherited"}),
    ("a table gone", "DROP TABLE parts.no_partitions",
     {"partitioned table parts.no_partitions: missing", "column parts.no_partitions.id: missing"}),
    ("a table more", "CREATE TABLE kinds.more ()",
     {"table kinds.more: new", "rows of kinds.more: new"}),
    ("a sequence of another name", "ALTER SEQUENCE kinds.cycled RENAME TO \"Cycled\"",
     {f"{what} kinds.cycled: missing" for what in A_SEQUENCE}
     | {f'{what} kinds."Cycled": new' for what in A_SEQUENCE}),
    ("the step of a sequence", "ALTER SEQUENCE kinds.plain INCREMENT 2",
     {"parameters of sequence kinds.plain: increment"}),
    ("a sequence that ends", "ALTER SEQUENCE kinds.cycled NO CYCLE",
     {"parameters of sequence kinds.cycled: cycle"}),
    ("whose a sequence is", "ALTER SEQUENCE kinds.owned_by OWNED BY NONE",
     {"parameters of sequence kinds.owned_by: owned by"}),
]

CONSTRAINTS = [
    ("when a foreign key is checked", "ALTER TABLE links.book ALTER CONSTRAINT written_by "
     "DEFERRABLE INITIALLY IMMEDIATE",
     all_of("constraint written_by on links.book", "definition", "deferred")),
    ("what a foreign key does", "ALTER TABLE links.book DROP CONSTRAINT written_by, ADD CONSTRAINT "
     "written_by FOREIGN KEY (author) REFERENCES links.author ON UPDATE CASCADE ON DELETE CASCADE "
     "DEFERRABLE INITIALLY DEFERRED",
     all_of("constraint written_by on links.book", "definition", "triggers")),
    ("a foreign key not validated", "ALTER TABLE links.book DROP CONSTRAINT written_by, ADD "
     "CONSTRAINT written_by FOREIGN KEY (author) REFERENCES links.author ON UPDATE CASCADE "
     "ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED NOT VALID",
     all_of("constraint written_by on links.book", "definition", "validated")),
    ("a foreign key whose triggers sleep", "ALTER TABLE links.book DISABLE TRIGGER ALL",
     {"constraint written_by on links.book: triggers", "constraint best on links.author: triggers",
      "constraint book_again_key on links.book: triggers"}),
    ("a foreign key gone", "ALTER TABLE links.tree DROP CONSTRAINT tree_parent_fkey",
     {"constraint tree_parent_fkey on links.tree: missing"}),
    ("a check validated",
     "DELETE FROM links.not_valid WHERE price < 0; ALTER TABLE links.not_valid "
     "VALIDATE CONSTRAINT price_is_positive",
     all_of("constraint price_is_positive on links.not_valid", "definition", "validated")
     | all_of("rows of links.not_valid", "count", "content")),
    ("what a check asks", "ALTER TABLE links.not_valid DROP CONSTRAINT price_is_small, "
     "ADD CONSTRAINT price_is_small CHECK (price <= 1000)",
     {"constraint price_is_small on links.not_valid: definition"}),
    ("a check that children inherit", "ALTER TABLE parts.animal DROP CONSTRAINT only_animals; "
     "ALTER TABLE ONLY parts.animal ADD CONSTRAINT only_animals CHECK (id < 1001) NO INHERIT",
     {"constraint only_animals on parts.animal: definition"}),
    ("what may not overlap", "ALTER TABLE links.booked DROP CONSTRAINT no_overlap, ADD CONSTRAINT "
     "no_overlap EXCLUDE USING gist (int4range(room, room, '[]') WITH =, during WITH &&) "
     "WHERE (who > '') DEFERRABLE INITIALLY DEFERRED",
     {"constraint no_overlap on links.booked: definition",
      "index links.no_overlap: definition"}),
    ("what a domain checks", "ALTER DOMAIN kinds.even DROP CONSTRAINT is_small; "
     "ALTER DOMAIN kinds.even ADD CONSTRAINT is_small CHECK (VALUE < 999) NOT VALID",
     {"constraint is_small on kinds.even: definition"}),
    ("the default of a domain", "ALTER DOMAIN kinds.even SET DEFAULT 4",
     {"domain kinds.even: default"}),
    ("a domain without NULL",
     "ALTER DOMAIN kinds.even DROP NOT NULL", {"domain kinds.even: not null"}),
    ("the predicate of an index",
     "DROP INDEX kinds.partly_unique; CREATE UNIQUE INDEX partly_unique "
     "ON kinds.indexed ((id % 100)) WHERE id > 101", {"index kinds.partly_unique: definition"}),
    ("an index gone", "DROP INDEX kinds.by_brin", {"index kinds.by_brin: missing"}),
    ("an option of an index", "ALTER INDEX kinds.by_gin SET (fastupdate = on)",
     {"index kinds.by_gin: definition"}),
    ("the mark for CLUSTER", "ALTER TABLE kinds.indexed SET WITHOUT CLUSTER",
     {"index kinds.by_pattern: marked for CLUSTER"}),
    ("the statistics target of an index", "ALTER INDEX kinds.by_expression ALTER COLUMN 2 "
     "SET STATISTICS 334", {"index kinds.by_expression: statistics targets"}),
    ("an index of a partition on its own",
     "DROP INDEX parts.by_range_body; CREATE INDEX by_range_body "
     "ON ONLY parts.by_range (body); CREATE INDEX by_range_2024_body ON parts.by_range_2024 (body)",
     {"index parts.by_range_2024_body: parents"}),
    ("statistics", "ALTER STATISTICS kinds.together SET STATISTICS 100",
     {"statistics kinds.together: target"}),
]

PROGRAMS = [
    ("a carriage return in a function",
     "CREATE OR REPLACE FUNCTION programs.crlf() RETURNS int LANGUAGE plpgsql "
     r"AS E'BEGIN\n  RETURN 1;\nEND'", {"function programs.crlf(): definition"}),
    ("how a function changes", "ALTER FUNCTION programs.quoting(text) VOLATILE",
     {"function programs.quoting(pg_catalog.text): definition"}),
    ("a setting of a function", "ALTER FUNCTION programs.quoting(text) RESET work_mem",
     {"function programs.quoting(pg_catalog.text): definition"}),
    ("with whose rights a function runs", "ALTER FUNCTION programs.quoting(text) SECURITY INVOKER",
     {"function programs.quoting(pg_catalog.text): definition"}),
    ("the owner of a function", "ALTER FUNCTION programs.crlf() OWNER TO every_owner",
     {"function programs.crlf(): owner", *rights("function programs.crlf()")}),
    ("a function parsed when it was made",
     "CREATE OR REPLACE FUNCTION programs.parsed(a int, b int) "
     "RETURNS int LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT a - b AS sum; END",
     {"function programs.parsed(integer,integer): definition"}),
    ("the start of an aggregate", "CREATE OR REPLACE AGGREGATE programs.spread(float8) (SFUNC = "
     "programs.push, STYPE = float8[], FINALFUNC = programs.widest, INITCOND = '{0}', "
     "SSPACE = 1000, FINALFUNC_MODIFY = SHAREABLE)",
     {"aggregate programs.spread(double precision): initial"}),
    ("an operator", "ALTER OPERATOR programs.< (kinds.weight, kinds.weight) SET (JOIN = NONE)",
     {"operator programs.<(kinds.weight,kinds.weight): join"}),
    ("an operator family", "ALTER OPERATOR FAMILY programs.weights USING btree "
     "DROP OPERATOR 1 (kinds.weight, int)",
     {"operator family programs.weights USING btree: operators"}),
    ("a cast",
     "DROP CAST (kinds.weight AS int); CREATE CAST (kinds.weight AS int) WITHOUT FUNCTION",
     {"cast (kinds.weight AS integer): context"}),
    ("a collation", "CREATE COLLATION programs.danish (PROVIDER = icu, LOCALE = 'da'); "
     "ALTER COLLATION programs.german RENAME TO old; ALTER COLLATION programs.danish "
     "RENAME TO german; ALTER COLLATION programs.german OWNER TO every_owner; "
     "COMMENT ON COLLATION programs.german IS 'As the telephone book has it'; "
     "COMMENT ON COLLATION programs.old IS NULL",
     {"collation programs.german: locale", "collation programs.old: new",
      "column programs.collated.a: collation"}),
    ("a transform gone", "DROP TRANSFORM FOR text LANGUAGE programs_of_ours",
     {"transform for text language programs_of_ours: missing",
      "comment on transform for pg_catalog.text on language programs_of_ours: missing"}),
    ("the words of a search", "ALTER TEXT SEARCH CONFIGURATION programs.ours ALTER MAPPING FOR url "
     "WITH programs.plain", {"text search configuration programs.ours: mappings"}),
    ("a dictionary", "ALTER TEXT SEARCH DICTIONARY programs.stopped (ACCEPT = true)",
     {"text search dictionary programs.stopped: options"}),
    ("the order of labels", """ALTER TYPE "select"."enum" RENAME VALUE ',' TO 'x';
        ALTER TYPE "select"."enum" RENAME VALUE '' TO ',';
        ALTER TYPE "select"."enum" RENAME VALUE 'x' TO ''""", {'enum "select".enum: labels'}),
    ("an attribute of a type",
     'ALTER TYPE kinds.place RENAME ATTRIBUTE "house No." TO number CASCADE',
     {f'column {of}."house No.": missing' for of in ("kinds.place", "kinds.of_a_type")}
     | {f"column {of}.number: new" for of in ("kinds.place", "kinds.of_a_type")}
     | {'comment on composite type column kinds.place."house No.": missing',
        "comment on composite type column kinds.place.number: new"}),
    ("what a view shows", "CREATE OR REPLACE VIEW views.plain AS SELECT id, width * 2 AS "
     '"double width" FROM kinds.generated WHERE width > 1 ORDER BY id LIMIT 11',
     {"view views.plain: query"}),
    ("the barrier of a view", "ALTER VIEW views.barrier RESET (security_barrier)",
     {"view views.barrier: options"}),
    ("a column of a view", "ALTER VIEW views.checked_twice RENAME width TO broad",
     {"view views.checked_twice: query", "column views.checked_twice.width: missing",
      "column views.checked_twice.broad: new"}),
    ("what a materialized view holds", "REFRESH MATERIALIZED VIEW views.unfilled",
     {"materialized view views.unfilled: populated", "rows of views.unfilled: new"}),
    ("what a rule does", "CREATE OR REPLACE RULE swallow AS ON INSERT TO views.ruled "
     "WHERE new.id > 101 DO INSTEAD NOTHING", {"rule swallow on views.ruled: definition"}),
    ("a rule that is off", "ALTER TABLE views.ruled ENABLE RULE off",
     {"rule off on views.ruled: enabled"}),
]

GUARDS = [
    ("whom a policy is for", 'ALTER POLICY "read some" ON guarded.notes TO every_reader',
     {'policy "read some" on guarded.notes: roles'}),
    ("what a policy lets see", "ALTER POLICY own ON guarded.notes USING (true)",
     {"policy own on guarded.notes: using"}),
    ("what a policy lets write", "ALTER POLICY own ON guarded.notes WITH CHECK (true)",
     {"policy own on guarded.notes: check"}),
    ("a policy that restricts no more", "DROP POLICY never_empty ON guarded.notes; CREATE POLICY "
     "never_empty ON guarded.notes FOR INSERT WITH CHECK (body <> '')",
     {"policy never_empty on guarded.notes: permissive"}),
    ("a policy gone", "DROP POLICY never ON guarded.notes",
     {"policy never on guarded.notes: missing"}),
    ("row security that is off", "ALTER TABLE guarded.notes DISABLE ROW LEVEL SECURITY",
     {"table guarded.notes: row security"}),
    ("row security that spares the owner", "ALTER TABLE guarded.forced NO FORCE ROW LEVEL SECURITY",
     {"table guarded.forced: row security for the owner"}),
    ("a trigger that sleeps", "ALTER TABLE triggers.watched DISABLE TRIGGER refuses",
     {"trigger refuses on triggers.watched: enabled"}),
    ("a trigger of a replica", "ALTER TABLE triggers.watched ENABLE TRIGGER on_replicas",
     {"trigger on_replicas on triggers.watched: enabled"}),
    ("the trigger of one partition", "ALTER TABLE parts.by_list_north ENABLE TRIGGER on_a_root",
     {"trigger on_a_root on parts.by_list_north: enabled"}),
    ("when a trigger fires",
     "DROP TRIGGER on_truncate ON triggers.watched; CREATE TRIGGER on_truncate "
     "AFTER TRUNCATE ON triggers.watched EXECUTE FUNCTION triggers.note()",
     {"trigger on_truncate on triggers.watched: definition"}),
    ("an event trigger that sleeps", "ALTER EVENT TRIGGER at_start DISABLE",
     {"event trigger at_start: enabled"}),
    ("what an event trigger sees", "DROP EVENT TRIGGER at_end; CREATE EVENT TRIGGER at_end ON "
     "ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION triggers.on_event(); "
     "ALTER EVENT TRIGGER at_end ENABLE ALWAYS", {"event trigger at_end: tags"}),
    ("a grant missing", "REVOKE INSERT ON guarded.notes FROM every_reader",
     rights("table guarded.notes")),
    ("the right to grant", "REVOKE GRANT OPTION FOR SELECT (id) ON guarded.notes FROM every_group",
     rights("column guarded.notes.id")),
    ("a right of one column", "GRANT SELECT (secret) ON guarded.notes TO every_reader",
     rights("column guarded.notes.secret")),
    ("who granted", "SET ROLE every_owner; REVOKE DELETE ON guarded.notes FROM every_reader; "
     "RESET ROLE; GRANT DELETE ON guarded.notes TO every_reader",
     {"table guarded.notes: privileges and grantors"}),
    ("a right of the owner", "REVOKE TRUNCATE ON kinds.no_rows FROM postgres",
     rights("table kinds.no_rows")),
    ("a right on a sequence", "REVOKE UPDATE ON SEQUENCE kinds.plain FROM every_reader",
     rights("sequence kinds.plain")),
    ("a right on a schema", "GRANT USAGE ON SCHEMA guarded TO every_reader",
     rights("schema guarded")),
    ("a right on the schema public", "GRANT CREATE ON SCHEMA public TO PUBLIC",
     rights("schema public")),
    ("a right on a function", "GRANT EXECUTE ON FUNCTION programs.quoting(text) TO PUBLIC",
     rights("function programs.quoting(pg_catalog.text)")),
    ("a right on an extension's function", 'GRANT EXECUTE ON FUNCTION '
     '"Ext.".akeys("Ext.".hstore) TO PUBLIC', rights('function "Ext.".akeys("Ext.".hstore)')),
    ("a right on a type", "GRANT USAGE ON TYPE kinds.word TO PUBLIC", rights("domain kinds.word")),
    ("a right on a language", "GRANT USAGE ON LANGUAGE programs_of_ours TO PUBLIC",
     rights("language programs_of_ours")),
    ("a right on a large object", "REVOKE UPDATE ON LARGE OBJECT 1000001 FROM PUBLIC",
     rights("large object 1000001")),
    ("a right on a foreign server",
     'REVOKE USAGE ON FOREIGN SERVER "Server ""s""" FROM every_reader',
     rights('foreign server "Server ""s"""')),
    ("a right on a wrapper",
     "REVOKE USAGE ON FOREIGN DATA WRAPPER without_handler FROM every_owner",
     rights("foreign-data wrapper without_handler")),
    ("a right on the database",
     "DO $$BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', "
     "current_database()); END$$", rights("database itself")),
    ("a right on the system's function", "GRANT EXECUTE ON FUNCTION pg_sleep(float8) TO PUBLIC",
     {"privileges of the system's function pg_catalog.pg_sleep(double precision): missing"}),
    ("a right on the system's column", "REVOKE SELECT (rolname) ON pg_authid FROM every_reader",
     {"privileges of the system's table column pg_catalog.pg_authid.rolname: missing"}),
    ("default privileges", "ALTER DEFAULT PRIVILEGES FOR ROLE every_owner IN SCHEMA owned "
     "GRANT INSERT ON TABLES TO every_reader",
     {"default privileges for role every_owner in schema owned on tables: privileges"}),
    ("default privileges gone", "ALTER DEFAULT PRIVILEGES FOR ROLE every_owner "
     "GRANT USAGE ON TYPES TO PUBLIC",
     {"default privileges for role every_owner on types: missing"}),
    ("a comment", "COMMENT ON COLUMN kinds.options.other IS 'Kept in line'",
     {"comment on table column kinds.options.other: text"}),
    ("a comment gone", "COMMENT ON POLICY own ON guarded.notes IS NULL",
     {"comment on policy own on guarded.notes: missing"}),
    ("the owner of a large object", "ALTER LARGE OBJECT 1000002 OWNER TO every_owner",
     {"large object 1000002: owner", *rights("large object 1000002")}),
    ("the owner of a schema", "ALTER SCHEMA guarded OWNER TO every_owner",
     {"schema guarded: owner", *rights("schema guarded")}),
]

AROUND = [
    ("the rows of a publication",
     "ALTER PUBLICATION filtered SET TABLE published.orders (id, region) "
     "WHERE (id > 1), published.lines",
     {"published table published.orders in publication filtered: rows"}),
    ("the columns of a publication", "ALTER PUBLICATION filtered SET TABLE published.orders "
     "(id, region, secret) WHERE (region <> 'it''s' AND id > 0), published.lines",
     {"published table published.orders in publication filtered: columns"}),
    ("a table of a publication", "ALTER PUBLICATION two DROP TABLE published.lines",
     {"published table published.lines in publication two: missing"}),
    ("a schema of a publication", "ALTER PUBLICATION of_schemas DROP TABLES IN SCHEMA published",
     {"published schema published in publication of_schemas: missing"}),
    ("what a publication tells", "ALTER PUBLICATION two SET (publish = 'insert')",
     {"publication two: publishes"}),
    ("for whom partitions stand",
     "ALTER PUBLICATION by_root SET (publish_via_partition_root = false)",
     {"publication by_root: by the root"}),
    ("where a subscription reads",
     "ALTER SUBSCRIPTION asleep CONNECTION 'host=/elsewhere dbname=none'",
     {"subscription asleep: connection"}),
    ("an option of a foreign table", "ALTER FOREIGN TABLE abroad.unreachable "
     "OPTIONS (SET table_name 'its')", {"foreign table abroad.unreachable: foreign options"}),
    ("an option of a foreign column", "ALTER FOREIGN TABLE abroad.unreadable ALTER id "
     "OPTIONS (SET column_name 'id')", {"column abroad.unreadable.id: foreign options"}),
    ("an option of a foreign server", "ALTER SERVER elsewhere OPTIONS (SET fetch_size '8')",
     {"foreign server elsewhere: options"}),
    ("a password elsewhere", "ALTER USER MAPPING FOR every_owner SERVER elsewhere "
     "OPTIONS (SET password 'z')", {"user mapping every_owner on elsewhere: options"}),
    ("the version of an extension",
     "UPDATE pg_extension SET extversion = '1.0' WHERE extname = 'every_settings'",
     {"extension every_settings: version"}),
    ("what an extension has", "ALTER EXTENSION every_settings DROP FUNCTION kinds.setting_of(text)",
     {"function kinds.setting_of(pg_catalog.text): of the extension"}),
    ("what goes with an extension", 'ALTER FUNCTION kinds.keys_of("Ext.".hstore) NO DEPENDS ON '
     "EXTENSION hstore",
     {'dependent on an extension function kinds.keys_of("Ext.".hstore): missing'}),
    ("what a role may",
     "ALTER ROLE every_owner NOCREATEDB", {"role every_owner: creates databases"}),
    ("a password", "ALTER ROLE every_owner PASSWORD NULL", {"password every_owner: verifier"}),
    ("a membership", "REVOKE ADMIN OPTION FOR every_group FROM every_reader",
     {"membership every_reader in every_group: admin"}),
    ("a setting of a role", "ALTER ROLE every_reader SET work_mem = '6MB'",
     {"settings of every_reader in every database: values"}),
    ("a setting of the database", "DO $$BEGIN EXECUTE format('ALTER DATABASE %I RESET timezone', "
     "current_database()); END$$", {"settings of everybody in this database: values"}),
]

OWNERS = [
    (f"the owner of: {what}", f"ALTER {what} OWNER TO every_nobody",
     {f"{name}: owner", *(rights(name) if granted else ())})
    for what, name, granted in (
        ("TYPE kinds.float_range", "range kinds.float_range", True),
        ("OPERATOR programs.> (kinds.weight, kinds.weight)",
         "operator programs.>(kinds.weight,kinds.weight)", False),
        ("OPERATOR CLASS programs.weight_order USING btree",
         "operator class programs.weight_order USING btree", False),
        ("OPERATOR FAMILY programs.weights USING btree",
         "operator family programs.weights USING btree", False),
        ("CONVERSION programs.latin_to_utf", "conversion programs.latin_to_utf", False),
        ("COLLATION programs.german", "collation programs.german", False),
        ("TEXT SEARCH DICTIONARY programs.plain", "text search dictionary programs.plain", False),
        ("TEXT SEARCH CONFIGURATION programs.ours", "text search configuration programs.ours",
         False),
        ("STATISTICS kinds.together", "statistics kinds.together", False),
        ("SERVER elsewhere", "foreign server elsewhere", True),
        ("LANGUAGE programs_of_ours", "language programs_of_ours", True),
        ("PUBLICATION two", "publication two", False),
        ("VIEW views.plain", "view views.plain", True),
        ("PROCEDURE programs.proceed(int, text)",
         "procedure programs.proceed(integer,pg_catalog.text)", True),
    )
]

# What no ALTER changes is changed in the catalog itself.
DEFINITIONS = [
    ("how parts of an aggregate are put together", "CREATE OR REPLACE AGGREGATE programs.total(int) "
     "(SFUNC = int4_sum, STYPE = int8, PARALLEL = RESTRICTED, MSFUNC = int4_avg_accum, MINVFUNC = "
     "int4_avg_accum_inv, MSTYPE = int8[], MFINALFUNC = int2int4_sum, MINITCOND = '{0,0}')",
     all_of("aggregate programs.total(integer)", "combine", "parallel")),
    ("the difference in a range",
     "UPDATE pg_range SET rngsubdiff = 0 WHERE rngtypid = 'kinds.float_range'::regtype",
     {"range kinds.float_range: difference"}),
    ("how a type is analyzed", "ALTER TYPE kinds.weight SET (ANALYZE = range_typanalyze)",
     {"type kinds.weight: analyze"}),
    ("how many rows an operator finds",
     "ALTER OPERATOR programs.< (kinds.weight, kinds.weight) SET (RESTRICT = NONE)",
     {"operator programs.<(kinds.weight,kinds.weight): restrict"}),
    ("an operator that no hash serves", "UPDATE pg_operator SET oprcanhash = false "
     "WHERE oid = 'programs.=(kinds.weight,kinds.weight)'::regoperator",
     {"operator programs.=(kinds.weight,kinds.weight): hashes"}),
    ("an operator class that is not the default",
     "UPDATE pg_opclass SET opcdefault = false WHERE opcname = 'weight_order'",
     {"operator class programs.weight_order USING btree: default",
      "index programs.weighed_pkey: definition"}),
    ("a function of an operator family", "ALTER OPERATOR FAMILY programs.weights USING btree "
     "DROP FUNCTION 1 (kinds.weight, int)",
     {"operator family programs.weights USING btree: functions"}),
    ("a conversion that is the default",
     "UPDATE pg_conversion SET condefault = true WHERE conname = 'latin_to_utf'",
     {"conversion programs.latin_to_utf: default"}),
    ("one access method more", "CREATE ACCESS METHOD more TYPE TABLE HANDLER heap_tableam_handler",
     {"access method more: new"}),
    ("a parser of another name", "ALTER TEXT SEARCH PARSER programs.words RENAME TO more",
     {"text search parser programs.words: missing", "text search parser programs.more: new",
      "text search configuration programs.ours: parser",
      "comment on text search parser programs.words: missing",
      "comment on text search parser programs.more: new"}),
    ("a template of another name",
     "ALTER TEXT SEARCH TEMPLATE programs.simple_again RENAME TO more",
     {"text search template programs.simple_again: missing",
      "text search template programs.more: new",
      "text search dictionary programs.stopped: template",
      "comment on text search template programs.simple_again: missing",
      "comment on text search template programs.more: new"}),
    ("how a cast works", "DROP CAST (int AS kinds.weight); "
     "CREATE CAST (int AS kinds.weight) WITHOUT FUNCTION AS IMPLICIT",
     {"cast (integer AS kinds.weight): method"}),
    ("a language that is trusted",
     "UPDATE pg_language SET lanpltrusted = false WHERE lanname = 'programs_of_ours'",
     {"language programs_of_ours: trusted"}),
    ("what statistics are of", "DROP STATISTICS kinds.of_expressions; CREATE STATISTICS "
     "kinds.of_expressions ON (id % 8), lower(word) FROM kinds.indexed",
     {"statistics kinds.of_expressions: definition"}),
    ("an index that is not valid",
     "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'kinds.by_hash'::regclass",
     {"index kinds.by_hash: valid"}),
    ("which index tells a row", "ALTER TABLE links.by_index REPLICA IDENTITY DEFAULT",
     {"table links.by_index: replica identity", "index links.by_index_key: replica identity"}),
    ("the bounds of a sequence", "ALTER SEQUENCE kinds.cycled MINVALUE -5 MAXVALUE 4 START 2 CACHE 6",
     all_of("parameters of sequence kinds.cycled", "minimum", "maximum", "start", "cache")),
    ("the type of a sequence", "ALTER SEQUENCE kinds.cycled AS smallint",
     {"parameters of sequence kinds.cycled: type"}),
    ("what a policy is about", "DROP POLICY never ON guarded.notes; CREATE POLICY never ON "
     "guarded.notes FOR UPDATE TO every_group USING (false)",
     {"policy never on guarded.notes: command"}),
    ("a key that cannot wait",
     "ALTER TABLE links.book ALTER CONSTRAINT written_by NOT DEFERRABLE",
     all_of("constraint written_by on links.book", "definition", "deferrable", "deferred")),
    ("how a table is parted", "DROP TABLE parts.no_partitions; "
     "CREATE TABLE parts.no_partitions (id int) PARTITION BY LIST (id)",
     {"partitioned table parts.no_partitions: partition key"}),
    ("what an event trigger calls", "CREATE FUNCTION triggers.more() RETURNS event_trigger LANGUAGE "
     "plpgsql AS 'BEGIN END'; DROP EVENT TRIGGER at_rewrite; CREATE EVENT TRIGGER at_rewrite ON "
     "table_rewrite EXECUTE FUNCTION triggers.more(); ALTER EVENT TRIGGER at_rewrite DISABLE",
     {"event trigger at_rewrite: function", "function triggers.more(): new"}),
    ("how a subscription commits", "ALTER SUBSCRIPTION asleep SET (synchronous_commit = 'off')",
     {"subscription asleep: synchronous commit"}),
    ("what a subscription reads",
     "ALTER SUBSCRIPTION asleep SET PUBLICATION some_there WITH (refresh = false)",
     {"subscription asleep: publications"}),
    ("the schema of an extension", "UPDATE pg_extension SET extnamespace = 'public'::regnamespace "
     "WHERE extname = 'every_settings'", {"extension every_settings: schema"}),
    ("which rows of an extension's table are ours", "UPDATE pg_extension SET extcondition[1] = '' "
     "WHERE extname = 'every_settings'", {"extension every_settings: their conditions"}),
    ("which tables of an extension are ours", "UPDATE pg_extension SET extconfig = extconfig[1:3] "
     "WHERE extname = 'every_settings'", {"extension every_settings: configuration tables"}),
    ("all that a role may", "ALTER ROLE every_nobody SUPERUSER CREATEROLE REPLICATION BYPASSRLS "
     "LOGIN NOINHERIT CONNECTION LIMIT 3 VALID UNTIL '2090-01-01'; "
     "COMMENT ON ROLE every_nobody IS 'Somebody'",
     all_of("role every_nobody", "superuser", "creates roles", "replicates", "bypasses row security",
            "logs in", "inherits", "connection limit", "valid until", "comment")),
    ("the database", "DO $$BEGIN EXECUTE format('COMMENT ON DATABASE %1$I IS NULL; "
     "ALTER DATABASE %1$I CONNECTION LIMIT 5', current_database()); END$$",
     all_of("database itself", "comment", "connection limit")),
]

PLANTS = ROWS + TABLES + CONSTRAINTS + PROGRAMS + GUARDS + AROUND + OWNERS + DEFINITIONS

# Of what only a server from 18 has.
PLANTS_18 = [
    ("what is computed", "ALTER TABLE kinds.computed ALTER thrice SET EXPRESSION AS (base * 4)",
     {"column kinds.computed.thrice: default", "rows of kinds.computed: content"}),
    ("what is computed when it is read", "ALTER TABLE kinds.only_computed DROP always, "
     "ADD always int GENERATED ALWAYS AS (42) STORED",
     {"column kinds.only_computed.always: generated"}),
    ("NOT NULL validated", "UPDATE links.unenforced SET n = 1; ALTER TABLE links.unenforced "
     "VALIDATE CONSTRAINT n_there",
     all_of("constraint n_there on links.unenforced", "definition", "validated")
     | {"rows of links.unenforced: content"}),
    ("a name of NOT NULL", "ALTER TABLE links.book RENAME CONSTRAINT book_author_not_null TO other",
     {"constraint book_author_not_null on links.book: missing",
      "constraint other on links.book: new"}),
    ("a foreign key that is enforced", "UPDATE links.unenforced SET n = 1; ALTER TABLE "
     "links.unenforced ALTER CONSTRAINT to_nowhere ENFORCED",
     all_of("constraint to_nowhere on links.unenforced", "definition", "validated", "enforced",
            "triggers") | {"rows of links.unenforced: content"}),
    ("the right to maintain", "REVOKE MAINTAIN ON guarded.notes FROM every_reader",
     rights("table guarded.notes")),
    ("how a membership works", "GRANT every_group TO every_reader WITH SET FALSE",
     {"membership every_reader in every_group: set"}),
    ("what a membership inherits", "GRANT every_group TO every_reader WITH INHERIT TRUE",
     {"membership every_reader in every_group: inherit"}),
    ("the rules of a collation", "DROP COLLATION programs.ruled; CREATE COLLATION programs.ruled "
     "(PROVIDER = icu, LOCALE = 'und', RULES = '&a < h')", {"collation programs.ruled: rules"}),
    ("a trigger at login", "ALTER EVENT TRIGGER at_login DISABLE",
     {"event trigger at_login: enabled"}),
    ("generated columns that are published", "ALTER PUBLICATION with_generated "
     "SET (publish_generated_columns = none)", {"publication with_generated: generated columns"}),
]
