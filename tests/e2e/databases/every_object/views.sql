CREATE SCHEMA views;
CREATE VIEW views.plain AS SELECT id, width * 2 AS "double width" FROM kinds.generated
    WHERE width > 1 ORDER BY id LIMIT 10;
CREATE VIEW views.barrier WITH (security_barrier) AS SELECT * FROM kinds.generated WHERE height = 3;
CREATE VIEW views.checked AS SELECT width, height FROM kinds.generated WHERE width < 100
    WITH LOCAL CHECK OPTION;
CREATE VIEW views.checked_twice AS SELECT width FROM views.checked WHERE width > 0
    WITH CASCADED CHECK OPTION;
CREATE RECURSIVE VIEW views.counting (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM counting
    WHERE n < 10;
CREATE VIEW views.of_functions AS SELECT programs.add(id, 2) AS sum, (programs.quoting('a')).*,
    programs.spread(width) OVER (PARTITION BY height) AS spread FROM kinds.generated;
CREATE VIEW views.awkward ("a ""b""", "c.d", E) AS
    SELECT E'it''s \\N'::text, '$$'::text COLLATE "C", NULL::kinds.mood;
CREATE VIEW views.joined AS SELECT b.*, a.mentor, t.* FROM links.book b
    JOIN links.author a ON a.id = b.author LEFT JOIN LATERAL (
        SELECT count(*) AS siblings FROM links.book o WHERE o.author = b.author) t ON true;
CREATE VIEW views.no_columns AS SELECT FROM kinds.no_columns;
\if :at_least_15
CREATE VIEW views.invoker WITH (security_invoker = true, security_barrier = false) AS
    SELECT note FROM owned.by_another;
\endif
ALTER VIEW views.plain ALTER COLUMN "double width" SET DEFAULT 7;
ALTER VIEW views.barrier OWNER TO every_owner;
COMMENT ON VIEW views.plain IS 'Plain';
COMMENT ON COLUMN views.plain."double width" IS 'Doubled';
GRANT SELECT, INSERT (width) ON views.checked TO every_reader;
-- It needs the primary key, which comes after the rows, so what reads it cannot come before them.
CREATE VIEW views.grouped_by_key AS SELECT b.id, b.isbn, count(*) AS n FROM links.book b
    GROUP BY b.id;
CREATE FUNCTION views.of_grouped() RETURNS SETOF views.grouped_by_key LANGUAGE sql
    AS 'SELECT * FROM views.grouped_by_key';
CREATE MATERIALIZED VIEW views.of_grouped_by_key AS SELECT isbn FROM views.grouped_by_key;

CREATE MATERIALIZED VIEW views.filled AS SELECT g AS id, md5(g::text) AS h
    FROM generate_series(1, 30) g;
CREATE MATERIALIZED VIEW views.unfilled WITH (fillfactor = 90) AS SELECT id FROM views.filled
    WITH NO DATA;
-- By its name it comes before the one that it reads.
CREATE MATERIALIZED VIEW views.above AS SELECT count(*) AS n, max(h) AS h FROM views.filled;
CREATE INDEX filled_h ON views.filled (h);
CREATE INDEX unfilled_id ON views.unfilled (id);
ALTER MATERIALIZED VIEW views.filled OWNER TO every_owner;
ALTER MATERIALIZED VIEW views.filled CLUSTER ON filled_h;
ALTER MATERIALIZED VIEW views.filled ALTER h SET STATISTICS 12;
GRANT SELECT (id) ON views.filled TO every_reader;
COMMENT ON MATERIALIZED VIEW views.filled IS 'Thirty hashes';
CREATE TABLE views.moved_on (n int);
INSERT INTO views.moved_on VALUES (1);

CREATE RULE put_elsewhere AS ON INSERT TO views.plain DO INSTEAD
    INSERT INTO kinds.generated (width) VALUES (new."double width" / 2);
CREATE TABLE views.ruled (id int, note text);
INSERT INTO views.ruled VALUES (1, 'before the rules');
CREATE RULE swallow AS ON INSERT TO views.ruled WHERE new.id > 100 DO INSTEAD NOTHING;
CREATE RULE also AS ON UPDATE TO views.ruled DO ALSO
    (INSERT INTO views.moved_on VALUES (old.id); NOTIFY changed, 'it''s');
CREATE RULE off AS ON DELETE TO views.ruled DO INSTEAD NOTHING;
ALTER TABLE views.ruled DISABLE RULE off;
ALTER TABLE views.ruled ENABLE ALWAYS RULE also;
COMMENT ON RULE swallow ON views.ruled IS 'Too large';
