SELECT lo_create(4200000001);
SELECT lo_from_bytea(4200000002, convert_to(E'small\n\\N', 'UTF8'));
SELECT lo_from_bytea(4200000003, (SELECT string_agg(sha512(int4send(g)), '')
                                  FROM generate_series(1, 20000) g));
-- Blocks in its midst were never written.
SELECT lo_create(4200000004);
SELECT lo_put(4200000004, 0, '\x0001');
SELECT lo_put(4200000004, 700000, '\xfffe');
SELECT lo_from_bytea(1000001, '\x5c2e0a');
-- One whose last block is full, and one that ends in zeros.
SELECT lo_from_bytea(1000002, decode(repeat('ab', 2048 * 3), 'hex'));
SELECT lo_from_bytea(1000003, decode(repeat('00', 5000), 'hex'));
ALTER LARGE OBJECT 4200000002 OWNER TO every_owner;
GRANT SELECT ON LARGE OBJECT 4200000002 TO every_reader;
GRANT SELECT, UPDATE ON LARGE OBJECT 1000001 TO PUBLIC;
COMMENT ON LARGE OBJECT 4200000003 IS 'More than a MiB';
CREATE TABLE kinds.pictures (id int, picture oid);
INSERT INTO kinds.pictures VALUES (1, 4200000003), (2, 1000001);
