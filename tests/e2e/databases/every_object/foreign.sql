CREATE SCHEMA abroad;
CREATE FOREIGN DATA WRAPPER without_handler OPTIONS (debug 'true', "with 'quote'" 'it''s');
ALTER FOREIGN DATA WRAPPER without_handler OWNER TO postgres;
COMMENT ON FOREIGN DATA WRAPPER without_handler IS 'Reads nothing';
GRANT USAGE ON FOREIGN DATA WRAPPER without_handler TO every_owner;
CREATE SERVER "Server ""s""" TYPE 'none' VERSION '1.2' FOREIGN DATA WRAPPER without_handler
    OPTIONS (host 'nowhere.example', path E'a\\b''c');
ALTER SERVER "Server ""s""" OWNER TO every_owner;
GRANT USAGE ON FOREIGN SERVER "Server ""s""" TO every_reader WITH GRANT OPTION;
COMMENT ON SERVER "Server ""s""" IS 'Nowhere';
CREATE USER MAPPING FOR every_reader SERVER "Server ""s"""
    OPTIONS (name 'someone', password 'se''cret');
CREATE USER MAPPING FOR PUBLIC SERVER "Server ""s""" OPTIONS (name 'anyone');
-- A SELECT from it is an error.
CREATE FOREIGN TABLE abroad.unreadable (
    id int OPTIONS (column_name 'ID') NOT NULL, body text DEFAULT 'x',
    CONSTRAINT positive CHECK (id > 0)) SERVER "Server ""s""" OPTIONS ("table" 'over there');
GRANT SELECT (id), INSERT ON abroad.unreadable TO every_reader;
ALTER FOREIGN TABLE abroad.unreadable ALTER id SET STATISTICS 5;
COMMENT ON FOREIGN TABLE abroad.unreadable IS 'Out of reach';

CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE abroad.empty_file (id int, body text) SERVER files
    OPTIONS (filename '/dev/null', format 'csv', "null" 'none');
ALTER FOREIGN TABLE abroad.empty_file ALTER body OPTIONS (force_not_null 'true');
-- Partitions and children elsewhere, beside those with rows here.
CREATE TABLE abroad.mixed (id int, body text) PARTITION BY RANGE (id);
CREATE TABLE abroad.mixed_here PARTITION OF abroad.mixed FOR VALUES FROM (0) TO (100);
CREATE FOREIGN TABLE abroad.mixed_there PARTITION OF abroad.mixed FOR VALUES FROM (100) TO (200)
    SERVER files OPTIONS (filename '/dev/null', format 'csv');
INSERT INTO abroad.mixed VALUES (1, 'here'), (2, 'too');
CREATE TABLE abroad.parent (id int);
CREATE FOREIGN TABLE abroad.child () INHERITS (abroad.parent) SERVER files
    OPTIONS (filename '/dev/null', format 'csv');
INSERT INTO abroad.parent VALUES (7);

CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host '/nowhere', dbname 'none', fetch_size '7');
CREATE USER MAPPING FOR every_owner SERVER elsewhere OPTIONS (user 'x', password 'y');
CREATE FOREIGN TABLE abroad.unreachable (id int, "when" timestamptz) SERVER elsewhere
    OPTIONS (schema_name 'public', table_name 'it''s', use_remote_estimate 'true');
