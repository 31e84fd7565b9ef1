CREATE SCHEMA "Ext.";
CREATE EXTENSION hstore WITH SCHEMA "Ext.";
-- Not the version that this server would take by itself.
CREATE EXTENSION pg_trgm WITH SCHEMA "Ext." VERSION '1.4';
CREATE EXTENSION citext;
CREATE EXTENSION unaccent WITH SCHEMA "Ext.";
CREATE EXTENSION moddatetime WITH SCHEMA "Ext.";
CREATE EXTENSION bloom WITH SCHEMA "Ext.";
CREATE EXTENSION file_fdw WITH SCHEMA "Ext.";
CREATE EXTENSION postgres_fdw WITH SCHEMA "Ext.";
COMMENT ON EXTENSION hstore IS 'Not the comment that it came with';
REVOKE EXECUTE ON FUNCTION "Ext.".akeys("Ext.".hstore) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "Ext.".akeys("Ext.".hstore) TO every_reader;

CREATE TABLE kinds.extended (
    id int PRIMARY KEY, pairs "Ext.".hstore, mail citext UNIQUE, changed timestamp);
INSERT INTO kinds.extended VALUES
    (1, '"a b"=>"1", "q\"uote"=>NULL, ""=>""', 'Somebody@Example.org', '2024-01-02'),
    (2, '', NULL, NULL), (3, NULL, '', 'infinity');
CREATE INDEX extended_pairs ON kinds.extended USING gin (pairs);
CREATE INDEX extended_mail ON kinds.extended USING gist (mail "Ext.".gist_trgm_ops);
CREATE TRIGGER extended_changed BEFORE UPDATE ON kinds.extended
    FOR EACH ROW EXECUTE FUNCTION "Ext.".moddatetime(changed);
CREATE FUNCTION kinds.keys_of("Ext.".hstore) RETURNS text[] LANGUAGE sql IMMUTABLE
    AS 'SELECT "Ext.".akeys($1)';
ALTER FUNCTION kinds.keys_of("Ext.".hstore) DEPENDS ON EXTENSION hstore;

\if :at_least_18
-- For keys WITHOUT OVERLAPS.
CREATE EXTENSION btree_gist WITH SCHEMA "Ext.";
\endif
\if :has_settings_extension
-- Rows of its tables that its own script did not make belong to the database.
CREATE EXTENSION every_settings WITH SCHEMA kinds;
INSERT INTO kinds.setting VALUES ('colour', 'green', false), ('shape', E'a\tb', false);
INSERT INTO kinds.setting_note (setting, note) VALUES ('colour', 'ours'), ('shape', NULL);
SELECT nextval('kinds.setting_counter') FROM generate_series(1, 5);
GRANT SELECT ON kinds.setting TO every_reader;
\endif
