CREATE SCHEMA "values";
CREATE TABLE "values".floats (id int PRIMARY KEY, small real, big float8);
INSERT INTO "values".floats VALUES
    (1, 'NaN', 'NaN'), (2, 'Infinity', '-Infinity'), (3, '-0', '-0'), (4, 1.1, 0.1),
    (5, 1.17549435e-38, 2.2250738585072014e-308), (6, 1.4e-45, 5e-324),
    (7, 3.4028235e38, 1.7976931348623157e308), (8, 0.3, 0.30000000000000004), (9, NULL, NULL);

CREATE TABLE "values".numbers (id int PRIMARY KEY, exact numeric, money_like numeric(12, 2),
                               cash money, huge bigint, tiny smallint);
INSERT INTO "values".numbers VALUES
    (1, 'NaN', 'NaN', '92233720368547758.07', 9223372036854775807, 32767),
    (2, ('1' || repeat('0', 1000) || '.' || repeat('3', 2000))::numeric, -0.01,
     '-92233720368547758.08', -9223372036854775808, -32768),
    (3, 1.10, 0, 0::money, 0, 0), (4, 1.1000, 9999999999.99, NULL, NULL, NULL),
    (5, 1e-300, NULL, '1.5', 1, 1), (6, 0.0000, NULL, NULL, NULL, NULL);
\if :at_least_14
INSERT INTO "values".numbers (id, exact) VALUES (7, 'Infinity'), (8, '-Infinity');
\endif
\if :at_least_15
CREATE TABLE "values".odd_scales (rounded numeric(3, -2), fine numeric(3, 5));
INSERT INTO "values".odd_scales VALUES (12345, 0.00123), (-99949, -0.00999);
\endif

CREATE TABLE "values".times (id int PRIMARY KEY, day date, at timestamp, zoned timestamptz(3),
                             clock time, zoned_clock timetz, span interval, years interval year);
INSERT INTO "values".times VALUES
    (1, 'infinity', 'infinity', 'infinity', '24:00:00', '24:00:00-15:59', '178000000 years',
     '178000000 years'),
    (2, '-infinity', '-infinity', '-infinity', '00:00:00', '00:00:00+15:59', '-178000000 years',
     '-1 year'),
    (3, '4713-01-01 BC', '4713-01-01 00:00:00 BC', '4713-01-01 00:00:00+00 BC', '12:34:56.789012',
     '12:34:56.789012+05:30', '-1 mon +1 day -00:00:00.000001', NULL),
    (4, '5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999+00', NULL, NULL,
     '2147483647 days', NULL),
    (5, '2024-02-29', '2024-03-31 02:30:00', '2024-03-31 01:00:00.123+00', NULL, NULL,
     '-2147483648 days', '00:00:00'),
    (6, '0001-01-01 BC', NULL, NULL, NULL, NULL, '24:00:00', NULL);
\if :at_least_17
INSERT INTO "values".times (id, span) VALUES (7, 'infinity'), (8, '-infinity');
\endif

CREATE TABLE "values".texts (id int PRIMARY KEY, body text, fixed char(5), short varchar(10),
                             single "char", tag name);
INSERT INTO "values".texts VALUES
    (1, '', '', '', '', ''), (2, NULL, NULL, NULL, NULL, NULL),
    (3, E'tab\there', E'a\tb', E'\t', E'\t', E'\t'), (4, E'new\nline', E'\n', E'\n', E'\n', 'n'),
    (5, E'carriage\rreturn\r\n', E'\r', E'\r', E'\r', 'r'),
    (6, E'back\\slash\\', E'\\', E'\\', E'\\', E'\\'),
    (7, E'\\N', E'\\N', E'\\N', 'N', E'\\N'), (8, E'\\.', E'\\.', E'\\.', '.', E'\\.'),
    (9, E'before\n\\.\nafter', NULL, NULL, NULL, NULL),
    (10, E'\b\f\x0b\x01\x7f\x1b[31m', E'\b', E'\f', E'\x01', E'\x7f'),
    (11, $$'single' "double" `back` $dollar$ $$, $$'$$, $$"$$, '''', '"'),
    (12, U&'\+01F600 \+010FFFF \00E9 e\0301 \200F \FEFF', U&'\+01F600', U&'\+01F600', 'x',
     U&'\+01F600'),
    (13, '  blanks  ', '  b', '  b  ', ' ', '  b  '), (14, 'NULL', 'null', 'null', 'n', 'NULL'),
    (15, E'\\\\N \\n \\t \\x41 \\101', NULL, NULL, NULL, NULL),
    (16, ',;|' || chr(28) || chr(31), ',', ';', '|', '{}'),
    (17, repeat(E'long\n\t\\', 20000), NULL, NULL, NULL, NULL);

CREATE TABLE "values".bytes (id int PRIMARY KEY, body bytea, flags bit(5), many bit varying);
INSERT INTO "values".bytes VALUES
    (1, '', B'00000', B''), (2, NULL, NULL, NULL),
    (3, (SELECT string_agg(set_byte('\x00', 0, g), '' ORDER BY g) FROM generate_series(0, 255) g),
     B'10101', B'1'),
    (4, '\x00', B'11111', repeat('10', 500)::varbit), (5, '\x5c4e', NULL, NULL),
    (6, '\x5c2e0a', NULL, NULL);

CREATE TABLE "values".documents (id int PRIMARY KEY, plain json, binary_form jsonb, path jsonpath,
                                 marked xml);
INSERT INTO "values".documents VALUES
    (1, '{"b":1,  "a":[1, 2.50, null], "b":2}', '{"b":1, "a":[1, 2.50, null], "b":2}',
     '$.a[*] ? (@ > 1)', '<a b="1">&lt;<![CDATA[x]]></a>'),
    (2, 'null', 'null', '$', 'text only'), (3, NULL, NULL, NULL, NULL),
    (4, '"\u00e9\n\t\\N"', '"\u00e9\n\t\\N"', 'strict $."a b"', '<?xml version="1.0"?><é/>'),
    (5, '1e400', '123456789012345678901234567890.0001', '$.**{2 to last}', ''),
    (6, E'{\n\t"deep": [[[[]]]]\n}', '{"": {}}', '$"v"', '<a/><b/>');

CREATE TABLE "values".arrays (id int PRIMARY KEY, numbers int[], words text[], bits bytea[],
                              moods kinds.mood[], places kinds.place[], times timestamptz[],
                              weights kinds.weight[]);
INSERT INTO "values".arrays VALUES
    (1, '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
    (2, '{1,NULL,3}', ARRAY['', NULL, 'NULL', E'\\', '"', '{,}', E'\n', ' a '],
     ARRAY['\x00', NULL, '']::bytea[], '{happy,NULL,"it''s ok"}',
     ARRAY[ROW('a "b"', 1, 'sad', 2), NULL, ROW(NULL, NULL, NULL, 4)]::kinds.place[],
     '{infinity,-infinity}', '{1;NULL;3}'),
    (3, '[0:1]={1,2}', '[-3:-2][5:6]={{a,b},{c,d}}', NULL, NULL, NULL, NULL, NULL),
    (4, '{{{1,2},{3,4}},{{5,6},{7,8}}}', '{{a},{b}}', NULL, NULL, NULL, NULL, NULL),
    (5, '[1:1][-2:-1][3:5]={{{1,2,3},{4,5,6}}}', NULL, NULL, NULL, NULL, NULL, NULL),
    (6, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE "values".composed (id int PRIMARY KEY, place kinds.place, none kinds.empty,
                                even kinds.even, digit kinds.even_digit, word kinds.word,
                                mood kinds.mood, evens kinds.evens, weight kinds.weight);
INSERT INTO "values".composed VALUES
    (1, ROW('Main "St",', 1, 'happy', 2), ROW(), 2, 4, 'word', 'zealous', '{2,4}', '5'),
    (2, ROW(NULL, NULL, NULL, 6), NULL, 0, 8, NULL, E'new\nline', '[4:5]={2,2}', NULL),
    (3, ROW('', 0, 'Größe', 2), NULL, -2, 0, E'\\N', 'Größe', '{}', '0'),
    (4, NULL, NULL, 4, 6, NULL, NULL, NULL, '2147483647');

CREATE TABLE "values".ranges (id int PRIMARY KEY, numbers int4range, moments tstzrange,
                              floats kinds.float_range, words kinds.word_range);
INSERT INTO "values".ranges VALUES
    (1, 'empty', 'empty', 'empty', 'empty'), (2, '(,)', '(,)', '(,)', '(,)'),
    (3, '[1,5)', '[2024-01-01 00:00:00+00,infinity]', '(0.1,Infinity]', '["a,b","c""d"]'),
    (4, '[,5]', '(-infinity,2024-01-01)', '[NaN,NaN]', E'(\\\\,"]")'), (5, NULL, NULL, NULL, NULL);
\if :at_least_14
CREATE TABLE "values".multiranges (id int PRIMARY KEY, numbers int4multirange,
                                   days kinds."Date Spans", words kinds.word_multirange);
INSERT INTO "values".multiranges VALUES
    (1, '{}', '{}', '{}'), (2, '{[1,3),[5,9)}', '{[2024-01-01,2024-02-01),(2025-01-01,infinity)}',
    '{["a,b",c],("{}",)}'), (3, '{(,)}', NULL, NULL), (4, NULL, NULL, NULL);
\endif

CREATE TABLE "values".others (
    id int PRIMARY KEY, yes boolean, key uuid, host inet, net cidr, card macaddr, card8 macaddr8,
    dot point, endless line, piece lseg, frame box, way path, shape polygon, round circle,
    lexemes tsvector, wanted tsquery, wal pg_lsn, snap pg_snapshot, oid_of oid, relation regclass,
    routine regprocedure, of_type regtype, transaction xid, place tid, words oidvector);
INSERT INTO "values".others VALUES
    (1, true, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '::ffff:1.2.3.4/64', '10.0.0.0/8',
     '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '(NaN,-Infinity)', '{1,-1,0.1}',
     '[(0,0),(1,1)]', '(2,2),(0,0)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0,0),0.1>',
     'a:1A ''b c'':2,3C ''it''''s''', '!a & (''b c'':*A <-> d) | e', 'FFFFFFFF/FFFFFFFF',
     '10:20:10,14,15', 4294967295, 'kinds.place', 'kinds.apart(float8,float8)', 'kinds.mood[]',
     '4294967295', '(4294967295,65535)', '1 2 3'),
    (2, false, '00000000-0000-0000-0000-000000000000', '127.0.0.1', '::/0', NULL, NULL,
        '(-0,1e-300)',
     NULL, NULL, NULL, '((0,0))', NULL, NULL, '', '', '0/0', NULL, 0, NULL, NULL, NULL, NULL, NULL,
     ''),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- What stands in it is inserted by functions of every_object.py, as large as a test wants it.
CREATE TABLE "values".large_fields (id int GENERATED ALWAYS AS IDENTITY, body bytea, letters text);
ALTER TABLE "values".large_fields ALTER body SET STORAGE EXTERNAL;
CREATE TABLE "values".many_blocks (id bigint PRIMARY KEY, padding text NOT NULL);
ALTER TABLE "values".many_blocks ALTER padding SET STORAGE PLAIN;
