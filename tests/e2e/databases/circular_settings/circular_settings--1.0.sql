CREATE TABLE @extschema@.hen (name text PRIMARY KEY, hatched_from text NOT NULL);
CREATE TABLE @extschema@.egg (
    name text PRIMARY KEY, laid_by text NOT NULL REFERENCES @extschema@.hen DEFERRABLE);
ALTER TABLE @extschema@.hen ADD FOREIGN KEY (hatched_from) REFERENCES @extschema@.egg DEFERRABLE;
SELECT pg_catalog.pg_extension_config_dump('@extschema@.hen', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.egg', '');
