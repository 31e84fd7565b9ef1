CREATE SCHEMA parts;
CREATE TABLE parts.by_list (id int NOT NULL, region text, note text DEFAULT 'of the root')
    PARTITION BY LIST (region);
CREATE TABLE parts.by_list_north PARTITION OF parts.by_list FOR VALUES IN ('north', 'arctic');
CREATE TABLE parts.by_list_null PARTITION OF parts.by_list FOR VALUES IN (NULL, E'a\tb');
CREATE TABLE parts.by_list_rest PARTITION OF parts.by_list DEFAULT PARTITION BY HASH (id);
CREATE TABLE parts.by_list_rest_0 PARTITION OF parts.by_list_rest
    FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts.by_list_rest_1 PARTITION OF parts.by_list_rest
    FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX by_list_id ON parts.by_list (id);
INSERT INTO parts.by_list SELECT g, (ARRAY['north', 'south', 'arctic', NULL, E'a\tb'])[1 + g % 5]
    FROM generate_series(1, 50) g;
ALTER TABLE ONLY parts.by_list_north ALTER note SET DEFAULT 'of the north';

-- Partitions with other orders of columns than the root, one with a column long gone.
CREATE TABLE parts.by_range (made date NOT NULL, id int, body text, PRIMARY KEY (id, made))
    PARTITION BY RANGE (made, id);
CREATE TABLE parts."by range 2023" (gone int, body text, id int NOT NULL, made date NOT NULL);
ALTER TABLE parts."by range 2023" DROP gone;
ALTER TABLE parts.by_range ATTACH PARTITION parts."by range 2023"
    FOR VALUES FROM (MINVALUE, MINVALUE) TO ('2024-01-01', 0);
CREATE TABLE parts.by_range_2024 PARTITION OF parts.by_range
    FOR VALUES FROM ('2024-01-01', 0) TO ('2025-01-01', MINVALUE);
CREATE TABLE parts.by_range_later PARTITION OF parts.by_range
    FOR VALUES FROM ('2025-01-01', MINVALUE) TO (MAXVALUE, MAXVALUE)
    PARTITION BY RANGE (id);
CREATE TABLE parts.by_range_later_low PARTITION OF parts.by_range_later
    FOR VALUES FROM (MINVALUE) TO (30);
CREATE TABLE parts.by_range_later_high PARTITION OF parts.by_range_later
    FOR VALUES FROM (30) TO (MAXVALUE);
INSERT INTO parts.by_range SELECT date '2023-06-01' + 30 * g, g, 'row ' || g
    FROM generate_series(1, 40) g;
CREATE TABLE parts.by_range_detached PARTITION OF parts."by_range" DEFAULT;
ALTER TABLE parts.by_range DETACH PARTITION parts.by_range_detached;
INSERT INTO parts.by_range_detached VALUES ('1999-09-09', 9, 'alone');

-- The hash of an enum's value is that of its OID: rows go to other partitions after a restore.
CREATE TABLE parts.by_mood (mood kinds.mood, id int) PARTITION BY HASH (mood);
CREATE TABLE parts.by_mood_0 PARTITION OF parts.by_mood FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE parts.by_mood_1 PARTITION OF parts.by_mood FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE parts.by_mood_2 PARTITION OF parts.by_mood FOR VALUES WITH (MODULUS 3, REMAINDER 2)
    PARTITION BY RANGE (id);
CREATE TABLE parts.by_mood_2_all PARTITION OF parts.by_mood_2 DEFAULT;
INSERT INTO parts.by_mood SELECT mood, n
    FROM unnest(enum_range(NULL::kinds.mood)) mood, generate_series(1, 5) n;

CREATE TABLE parts.no_partitions (id int) PARTITION BY RANGE (id);
CREATE TABLE parts.pointing (id int PRIMARY KEY, range_id int, made date,
                             FOREIGN KEY (range_id, made) REFERENCES parts.by_range);
INSERT INTO parts.pointing SELECT id, id, made FROM parts.by_range WHERE id % 3 = 0;
CREATE TABLE parts.pointing_too (id int, other int REFERENCES parts.pointing)
    PARTITION BY LIST (id);
CREATE TABLE parts.pointing_too_1 PARTITION OF parts.pointing_too FOR VALUES IN (1, 2, 3);
INSERT INTO parts.pointing_too VALUES (1, 3), (2, NULL), (3, 36);

-- An index of the root that one of the partitions still lacks is not valid.
CREATE INDEX by_range_body ON ONLY parts.by_range (body);
CREATE INDEX by_range_2024_body ON parts.by_range_2024 (body);
ALTER INDEX parts.by_range_body ATTACH PARTITION parts.by_range_2024_body;

CREATE TABLE parts.animal (id int PRIMARY KEY, name text NOT NULL DEFAULT 'nameless',
                           CONSTRAINT named CHECK (name <> ''),
                           CONSTRAINT only_animals CHECK (id < 1000) NO INHERIT);
CREATE TABLE parts.dog (breed text) INHERITS (parts.animal);
CREATE TABLE parts.working (task text NOT NULL);
CREATE TABLE parts.sheepdog (sheep int, name text DEFAULT 'Bob',
                             CONSTRAINT named CHECK (name <> ''))
    INHERITS (parts.dog, parts.working);
INSERT INTO parts.animal VALUES (1, 'cat');
INSERT INTO parts.dog VALUES (2, 'Rex', 'mutt'), (1, 'Same id as the cat', NULL);
INSERT INTO parts.working VALUES ('mine');
INSERT INTO parts.sheepdog (id, breed, task, sheep) VALUES (3, 'collie', 'herd', 300);
CREATE TABLE parts.late_child (task text NOT NULL, extra int);
INSERT INTO parts.late_child VALUES ('late', 1);
ALTER TABLE parts.late_child INHERIT parts.working;

\if :at_least_17
CREATE TABLE parts.numbered (id int GENERATED ALWAYS AS IDENTITY, kind int)
    PARTITION BY LIST (kind);
CREATE TABLE parts.numbered_1 PARTITION OF parts.numbered FOR VALUES IN (1);
CREATE TABLE parts.numbered_2 PARTITION OF parts.numbered FOR VALUES IN (2);
INSERT INTO parts.numbered (kind) SELECT 1 + g % 2 FROM generate_series(1, 9) g;
\endif
