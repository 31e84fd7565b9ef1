CREATE TABLE @extschema@.setting (name text PRIMARY KEY, value text, builtin boolean NOT NULL);
INSERT INTO @extschema@.setting VALUES ('size', 'small', true), ('shape of all', 'round', true);
-- Only what the database added is its own.
SELECT pg_catalog.pg_extension_config_dump('@extschema@.setting', 'WHERE NOT builtin');
CREATE TABLE @extschema@.setting_note (
    id serial PRIMARY KEY, setting text REFERENCES @extschema@.setting, note text);
SELECT pg_catalog.pg_extension_config_dump('@extschema@.setting_note', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.setting_note_id_seq', '');
CREATE SEQUENCE @extschema@.setting_counter;
SELECT pg_catalog.pg_extension_config_dump('@extschema@.setting_counter', '');
CREATE TABLE @extschema@.setting_fixed (n int);
INSERT INTO @extschema@.setting_fixed VALUES (1), (2);
