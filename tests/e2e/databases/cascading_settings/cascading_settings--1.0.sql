CREATE TABLE @extschema@.topic (name text PRIMARY KEY, title text);
CREATE TABLE @extschema@.answer (
    id serial PRIMARY KEY, topic text NOT NULL REFERENCES @extschema@.topic ON DELETE CASCADE, said text);
INSERT INTO @extschema@.topic VALUES ('weather', 'as shipped'), ('sports', 'as shipped');
INSERT INTO @extschema@.answer (topic, said) VALUES ('weather', 'it rains'), ('sports', 'we lost');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.topic', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.answer', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.answer_id_seq', '');
