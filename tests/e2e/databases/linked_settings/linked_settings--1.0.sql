CREATE TABLE @extschema@.z_group (name text PRIMARY KEY);
CREATE TABLE @extschema@.m_setting (
    name text PRIMARY KEY, belongs text NOT NULL REFERENCES @extschema@.z_group);
CREATE TABLE @extschema@.a_value (
    id serial PRIMARY KEY, setting text NOT NULL REFERENCES @extschema@.m_setting,
    instead int REFERENCES @extschema@.a_value);
INSERT INTO @extschema@.z_group VALUES ('shipped');
INSERT INTO @extschema@.m_setting VALUES ('shipped too', 'shipped');
INSERT INTO @extschema@.a_value (setting) VALUES ('shipped too');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.z_group', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.m_setting', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.a_value', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.a_value_id_seq', '');
