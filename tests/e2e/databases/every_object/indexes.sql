CREATE TABLE kinds.indexed (id int PRIMARY KEY, word text, doc jsonb, dot point, span int4range,
                            made timestamptz, list int[], address inet);
INSERT INTO kinds.indexed SELECT g, md5(g::text), jsonb_build_object('n', g), point(g, -g),
    int4range(g, g + 10), timestamptz '2024-01-01 00:00:00+00' + g * interval '1 hour',
    ARRAY[g, g % 3], '10.0.0.0'::inet + g FROM generate_series(1, 200) g;
CREATE INDEX by_hash ON kinds.indexed USING hash (word);
CREATE INDEX by_gin ON kinds.indexed USING gin (doc jsonb_path_ops) WITH (fastupdate = off);
CREATE INDEX by_gin_list ON kinds.indexed USING gin (list);
CREATE INDEX by_gist ON kinds.indexed USING gist (dot) WITH (fillfactor = 80);
CREATE INDEX by_spgist ON kinds.indexed USING spgist (word);
CREATE INDEX by_spgist_net ON kinds.indexed USING spgist (address);
CREATE INDEX by_brin ON kinds.indexed USING brin (made, id) WITH (pages_per_range = 4);
CREATE INDEX by_bloom ON kinds.indexed USING bloom (id) WITH (length = 32, col1 = 3);
CREATE INDEX by_expression ON kinds.indexed (lower(word), (id % 10) DESC NULLS LAST)
    WHERE id % 3 = 0 AND word IS NOT NULL;
ALTER INDEX kinds.by_expression ALTER COLUMN 2 SET STATISTICS 333;
CREATE INDEX by_pattern ON kinds.indexed (word COLLATE "POSIX" text_pattern_ops, made DESC);
CREATE UNIQUE INDEX covering ON kinds.indexed (id) INCLUDE (word, made) WITH (fillfactor = 70);
CREATE UNIQUE INDEX partly_unique ON kinds.indexed ((id % 100)) WHERE id > 100;
ALTER TABLE kinds.indexed CLUSTER ON by_pattern;
COMMENT ON INDEX kinds.by_hash IS 'For equality only';

CREATE STATISTICS kinds.together (ndistinct, dependencies, mcv) ON id, made, word
    FROM kinds.indexed;
ALTER STATISTICS kinds.together SET STATISTICS 99;
ALTER STATISTICS kinds.together OWNER TO every_owner;
COMMENT ON STATISTICS kinds.together IS 'They move together';
\if :at_least_14
CREATE STATISTICS kinds.of_expressions ON (id % 7), lower(word) FROM kinds.indexed;
\endif
CREATE MATERIALIZED VIEW kinds.counts AS
    SELECT id % 10 AS digit, count(*) AS n FROM kinds.indexed GROUP BY 1;
CREATE UNIQUE INDEX counts_digit ON kinds.counts (digit);
