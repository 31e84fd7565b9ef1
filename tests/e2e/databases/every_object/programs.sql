CREATE SCHEMA programs;
CREATE FUNCTION programs.add(a int, b int DEFAULT 1, VARIADIC more int[] DEFAULT '{}') RETURNS int
    LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 7 AS $$
    SELECT a + b + coalesce(sum(m), 0)::int   -- with   blanks	and a tab
      FROM unnest(more) m;
$$;
CREATE FUNCTION programs.add(text, text) RETURNS text LANGUAGE sql STRICT LEAKPROOF
    AS 'SELECT $1 || '' $$ '' || $2';
CREATE FUNCTION programs.quoting(INOUT "Größe" text, OUT other numeric) LANGUAGE plpgsql STABLE
    SECURITY DEFINER SET search_path = kinds, pg_temp SET work_mem = '3MB' AS $body$
DECLARE
    said text := $q$ it's $$ and $body that is not its end $q$;
BEGIN
    "Größe" := "Größe" || said || E'\\N\n\t';
    other := 1.50;
EXCEPTION WHEN division_by_zero THEN
    NULL;
END
$body$;
CREATE FUNCTION programs.crlf() RETURNS int LANGUAGE plpgsql AS E'BEGIN\r\n  RETURN 1;\r\nEND';
CREATE FUNCTION programs.rows(n int) RETURNS TABLE (i int, "i squared" bigint) LANGUAGE plpgsql
    ROWS 33 PARALLEL RESTRICTED AS $$BEGIN RETURN QUERY SELECT g, g::bigint * g
    FROM generate_series(1, n) g; END$$;
CREATE FUNCTION programs.of_anything(anyelement, VARIADIC anyarray) RETURNS SETOF anyelement
    LANGUAGE sql AS 'SELECT $1 UNION ALL SELECT unnest($2)';
CREATE PROCEDURE programs.proceed(a int, INOUT b text DEFAULT NULL) LANGUAGE plpgsql AS $$
BEGIN
    COMMIT;
    b := 'done ' || a;
END $$;
CREATE FUNCTION programs.lower_plain(text) RETURNS text LANGUAGE internal IMMUTABLE STRICT
    AS 'lower';
CREATE FUNCTION programs.window_rank() RETURNS bigint LANGUAGE internal WINDOW IMMUTABLE AS
    'window_row_number';
\if :at_least_14
CREATE FUNCTION programs.parsed(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC SELECT a + b AS sum; END;
CREATE FUNCTION programs.returned(mood kinds.mood) RETURNS text LANGUAGE sql
    RETURN mood::text || '$$';
CREATE PROCEDURE programs.parsed_proceed(v text) LANGUAGE sql BEGIN ATOMIC
    INSERT INTO kinds.no_rows (b) VALUES (v);
    DELETE FROM kinds.no_rows WHERE b = v;
END;
\endif
ALTER FUNCTION programs.quoting(text) OWNER TO every_owner;
REVOKE EXECUTE ON FUNCTION programs.quoting(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION programs.quoting(text) TO every_reader WITH GRANT OPTION;
GRANT EXECUTE ON PROCEDURE programs.proceed(int, text) TO every_group;
COMMENT ON FUNCTION programs.add(int, int, int[]) IS 'Adds';
COMMENT ON PROCEDURE programs.proceed(int, text) IS 'Proceeds';
COMMENT ON COLUMN kinds.indexed.word IS 'md5';

-- Functions that one another's definition needs, made in an order that no sorting by name gives.
CREATE FUNCTION programs.z_base() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 5';
CREATE TABLE programs.a_defaults (n int DEFAULT programs.z_base(), m int,
                                  CONSTRAINT checked CHECK (m <> programs.z_base()));
CREATE FUNCTION programs.a_uses(programs.a_defaults) RETURNS int LANGUAGE sql IMMUTABLE
    AS 'SELECT $1.m';
CREATE VIEW programs.a_view AS SELECT d.n, programs.a_uses(d) AS used FROM programs.a_defaults d;
INSERT INTO programs.a_defaults (m) VALUES (1), (NULL);
CREATE INDEX a_by_function ON programs.a_defaults (programs.a_uses(a_defaults));

CREATE FUNCTION programs.push(float8[], float8) RETURNS float8[] LANGUAGE sql IMMUTABLE
    AS 'SELECT array_append($1, $2)';
CREATE FUNCTION programs.widest(float8[]) RETURNS float8 LANGUAGE sql IMMUTABLE
    AS 'SELECT max(v) - min(v) FROM unnest($1) v';
CREATE AGGREGATE programs.spread(float8) (SFUNC = programs.push, STYPE = float8[],
    FINALFUNC = programs.widest, INITCOND = '{}', SSPACE = 1000, FINALFUNC_MODIFY = SHAREABLE);
CREATE AGGREGATE programs.total(int) (SFUNC = int4_sum, STYPE = int8, COMBINEFUNC = int8pl,
    PARALLEL = SAFE, MSFUNC = int4_avg_accum, MINVFUNC = int4_avg_accum_inv, MSTYPE = int8[],
    MFINALFUNC = int2int4_sum, MINITCOND = '{0,0}');
CREATE AGGREGATE programs.middle(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition,
    STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
CREATE AGGREGATE programs.least_of(int) (SFUNC = int4smaller, STYPE = int4, SORTOP = <);
ALTER AGGREGATE programs.spread(float8) OWNER TO every_owner;
COMMENT ON AGGREGATE programs.spread(float8) IS 'From the least to the greatest';
REVOKE EXECUTE ON FUNCTION programs.spread(float8) FROM PUBLIC;

CREATE FUNCTION programs.weight_lt(kinds.weight, kinds.weight) RETURNS bool LANGUAGE internal
    IMMUTABLE STRICT AS 'int4lt';
CREATE FUNCTION programs.weight_ge(kinds.weight, kinds.weight) RETURNS bool LANGUAGE internal
    IMMUTABLE STRICT AS 'int4ge';
CREATE FUNCTION programs.weight_gt(kinds.weight, kinds.weight) RETURNS bool LANGUAGE internal
    IMMUTABLE STRICT AS 'int4gt';
CREATE FUNCTION programs.weight_le(kinds.weight, kinds.weight) RETURNS bool LANGUAGE internal
    IMMUTABLE STRICT AS 'int4le';
CREATE FUNCTION programs.weight_eq(kinds.weight, kinds.weight) RETURNS bool LANGUAGE internal
    IMMUTABLE STRICT AS 'int4eq';
CREATE FUNCTION programs.weight_cmp(kinds.weight, kinds.weight) RETURNS int LANGUAGE internal
    IMMUTABLE STRICT AS 'btint4cmp';
CREATE FUNCTION programs.weight_hash(kinds.weight) RETURNS int LANGUAGE internal
    IMMUTABLE STRICT AS 'hashint4';
CREATE OPERATOR programs.< (LEFTARG = kinds.weight, RIGHTARG = kinds.weight,
    FUNCTION = programs.weight_lt, COMMUTATOR = OPERATOR(programs.>),
    NEGATOR = OPERATOR(programs.>=), RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR programs.>= (LEFTARG = kinds.weight, RIGHTARG = kinds.weight,
    FUNCTION = programs.weight_ge, NEGATOR = OPERATOR(programs.<));
CREATE OPERATOR programs.> (LEFTARG = kinds.weight, RIGHTARG = kinds.weight,
    FUNCTION = programs.weight_gt, COMMUTATOR = OPERATOR(programs.<));
CREATE OPERATOR programs.<= (LEFTARG = kinds.weight, RIGHTARG = kinds.weight,
    FUNCTION = programs.weight_le);
CREATE OPERATOR programs.= (LEFTARG = kinds.weight, RIGHTARG = kinds.weight,
    FUNCTION = programs.weight_eq, COMMUTATOR = OPERATOR(programs.=), RESTRICT = eqsel,
    JOIN = eqjoinsel, HASHES, MERGES);
CREATE FUNCTION programs.weight_text(kinds.weight) RETURNS text LANGUAGE internal IMMUTABLE STRICT
    AS 'int4out';
CREATE OPERATOR programs.!# (RIGHTARG = kinds.weight, FUNCTION = programs.weight_hash);
ALTER OPERATOR programs.!# (NONE, kinds.weight) OWNER TO every_owner;
COMMENT ON OPERATOR programs.!# (NONE, kinds.weight) IS 'Hashes';
CREATE OPERATOR FAMILY programs.weights USING btree;
CREATE OPERATOR CLASS programs.weight_order DEFAULT FOR TYPE kinds.weight USING btree
    FAMILY programs.weights AS
    OPERATOR 1 programs.<, OPERATOR 2 programs.<=, OPERATOR 3 programs.=, OPERATOR 4 programs.>=,
    OPERATOR 5 programs.>, FUNCTION 1 programs.weight_cmp(kinds.weight, kinds.weight);
CREATE OPERATOR CLASS programs.weight_hashing DEFAULT FOR TYPE kinds.weight USING hash AS
    OPERATOR 1 programs.=, FUNCTION 1 programs.weight_hash(kinds.weight);
CREATE FUNCTION programs.weight_cmp_int(kinds.weight, int) RETURNS int LANGUAGE internal
    IMMUTABLE STRICT AS 'btint4cmp';
CREATE FUNCTION programs.weight_lt_int(kinds.weight, int) RETURNS bool LANGUAGE internal
    IMMUTABLE STRICT AS 'int4lt';
CREATE OPERATOR programs.< (LEFTARG = kinds.weight, RIGHTARG = int,
    FUNCTION = programs.weight_lt_int);
ALTER OPERATOR FAMILY programs.weights USING btree ADD OPERATOR 1 programs.< (kinds.weight, int),
    FUNCTION 1 (kinds.weight, int) programs.weight_cmp_int(kinds.weight, int);
COMMENT ON OPERATOR CLASS programs.weight_order USING btree IS 'By weight';
COMMENT ON OPERATOR FAMILY programs.weights USING btree IS 'All that weighs';
CREATE TABLE programs.weighed (w kinds.weight PRIMARY KEY, again kinds.weight);
CREATE INDEX weighed_hash ON programs.weighed USING hash (w);
INSERT INTO programs.weighed SELECT g::text::kinds.weight FROM generate_series(1, 20) g;

CREATE CAST (kinds.weight AS int) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (int AS kinds.weight) WITH INOUT AS IMPLICIT;
CREATE FUNCTION programs.mood_number(kinds.mood) RETURNS int LANGUAGE sql IMMUTABLE
    AS 'SELECT array_position(enum_range(NULL::kinds.mood), $1)';
CREATE CAST (kinds.mood AS int) WITH FUNCTION programs.mood_number(kinds.mood);
COMMENT ON CAST (kinds.mood AS int) IS 'By its place';

CREATE CONVERSION programs.latin_to_utf FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
ALTER CONVERSION programs.latin_to_utf OWNER TO every_owner;
COMMENT ON CONVERSION programs.latin_to_utf IS 'As the other one';
CREATE COLLATION programs.german (PROVIDER = icu, LOCALE = 'de-u-co-phonebk');
CREATE COLLATION programs.caseless (PROVIDER = icu, LOCALE = 'und-u-ks-level2',
    DETERMINISTIC = false);
CREATE COLLATION programs.bytewise FROM "C";
ALTER COLLATION programs.german OWNER TO every_owner;
COMMENT ON COLLATION programs.german IS 'As the telephone book has it';
\if :at_least_16
CREATE COLLATION programs.ruled (PROVIDER = icu, LOCALE = 'und', RULES = '&a < g');
\endif
CREATE TABLE programs.collated (a text COLLATE programs.german,
                                b text COLLATE programs.caseless UNIQUE,
                                c text COLLATE programs.bytewise);
INSERT INTO programs.collated VALUES ('Ärger', 'Same', 'x'), ('Arger', 'other', 'X');
CREATE INDEX collated_a ON programs.collated (a COLLATE "C", a DESC);

-- With handlers of the database's own, or it would count as an extension's.
CREATE FUNCTION programs.call_handler() RETURNS language_handler LANGUAGE c
    AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION programs.inline_handler(internal) RETURNS void LANGUAGE c
    AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE FUNCTION programs.validator(oid) RETURNS void LANGUAGE c
    AS '$libdir/plpgsql', 'plpgsql_validator';
CREATE TRUSTED LANGUAGE programs_of_ours HANDLER programs.call_handler
    INLINE programs.inline_handler VALIDATOR programs.validator;
COMMENT ON LANGUAGE programs_of_ours IS 'plpgsql by another name';
GRANT USAGE ON LANGUAGE programs_of_ours TO every_reader;
REVOKE USAGE ON LANGUAGE programs_of_ours FROM PUBLIC;
CREATE FUNCTION programs.in_ours() RETURNS int LANGUAGE programs_of_ours AS 'BEGIN RETURN 6; END';
CREATE TRANSFORM FOR text LANGUAGE programs_of_ours (
    FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION textrecv(internal));
COMMENT ON TRANSFORM FOR text LANGUAGE programs_of_ours IS 'Never called';

CREATE TEXT SEARCH PARSER programs.words (START = prsd_start, GETTOKEN = prsd_nexttoken,
    END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
CREATE TEXT SEARCH TEMPLATE programs.simple_again (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY programs.stopped (TEMPLATE = programs.simple_again,
    STOPWORDS = english, ACCEPT = false);
CREATE TEXT SEARCH DICTIONARY programs.plain (TEMPLATE = pg_catalog.simple);
ALTER TEXT SEARCH DICTIONARY programs.plain OWNER TO every_owner;
CREATE TEXT SEARCH CONFIGURATION programs.ours (PARSER = programs.words);
ALTER TEXT SEARCH CONFIGURATION programs.ours ADD MAPPING FOR asciiword, word
    WITH "Ext.".unaccent, programs.stopped, programs.plain;
ALTER TEXT SEARCH CONFIGURATION programs.ours ADD MAPPING FOR url WITH simple;
COMMENT ON TEXT SEARCH CONFIGURATION programs.ours IS 'Ours';
COMMENT ON TEXT SEARCH DICTIONARY programs.plain IS 'Plain';
COMMENT ON TEXT SEARCH PARSER programs.words IS 'The default''s';
COMMENT ON TEXT SEARCH TEMPLATE programs.simple_again IS 'The simple one''s';
CREATE TABLE programs.searched (body text, found tsvector GENERATED ALWAYS AS
    (to_tsvector('programs.ours'::regconfig, body)) STORED);
INSERT INTO programs.searched (body) VALUES ('the café is open'), (''), (NULL);
