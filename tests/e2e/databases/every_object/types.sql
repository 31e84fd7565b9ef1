CREATE TYPE kinds.mood AS ENUM ('sad', 'it''s ok', 'happy', E'new\nline', 'Größe');
ALTER TYPE kinds.mood ADD VALUE 'zealous' BEFORE 'sad';
ALTER TYPE kinds.mood OWNER TO every_owner;
GRANT USAGE ON TYPE kinds.mood TO every_reader;
COMMENT ON TYPE kinds.mood IS 'How one feels';
CREATE TYPE kinds.nothing_yet AS ENUM ();

CREATE DOMAIN kinds.even AS int DEFAULT 2 NOT NULL CONSTRAINT is_even CHECK (VALUE % 2 = 0);
ALTER DOMAIN kinds.even ADD CONSTRAINT is_small CHECK (VALUE < 1000) NOT VALID;
CREATE DOMAIN kinds.even_digit AS kinds.even CHECK (VALUE BETWEEN 0 AND 9);
CREATE DOMAIN kinds.word AS varchar(20) COLLATE "POSIX" CHECK (VALUE ~ '^\S+$');
CREATE DOMAIN kinds.evens AS int[] CHECK (array_position(VALUE, 1) IS NULL);
COMMENT ON CONSTRAINT is_even ON DOMAIN kinds.even IS 'Two divides it';
COMMENT ON DOMAIN kinds.word IS 'No blanks';
REVOKE USAGE ON TYPE kinds.word FROM PUBLIC;

CREATE TYPE kinds.place AS (street text COLLATE "C", "house No." int, mood kinds.mood);
ALTER TYPE kinds.place ADD ATTRIBUTE gone int;
ALTER TYPE kinds.place DROP ATTRIBUTE gone;
ALTER TYPE kinds.place ADD ATTRIBUTE parts kinds.even_digit;
COMMENT ON COLUMN kinds.place."house No." IS 'Not always a number, in truth';
CREATE TYPE kinds.empty AS ();

CREATE FUNCTION kinds.apart(float8, float8) RETURNS float8 LANGUAGE sql IMMUTABLE
    AS 'SELECT $1 - $2';
CREATE TYPE kinds.float_range AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = kinds.apart);
CREATE TYPE kinds.word_range AS RANGE (SUBTYPE = text, COLLATION = "C");
\if :at_least_14
CREATE TYPE kinds.date_span AS RANGE (SUBTYPE = date, MULTIRANGE_TYPE_NAME = kinds."Date Spans");
\endif

-- A base type over the functions of integer, for C functions would need a file on the server.
CREATE TYPE kinds.weight;
CREATE FUNCTION kinds.weight_in(cstring) RETURNS kinds.weight LANGUAGE internal
    IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION kinds.weight_out(kinds.weight) RETURNS cstring LANGUAGE internal
    IMMUTABLE STRICT AS 'int4out';
CREATE TYPE kinds.weight (INPUT = kinds.weight_in, OUTPUT = kinds.weight_out, LIKE = int4,
                          CATEGORY = 'W', PREFERRED = true, DEFAULT = '7', DELIMITER = ';');
CREATE TYPE kinds.only_a_shell;
COMMENT ON TYPE kinds.weight IS 'In stones';
