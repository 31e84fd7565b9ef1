CREATE SCHEMA links;
CREATE TABLE links.author (id int PRIMARY KEY, best_book int, mentor int REFERENCES links.author,
                           CONSTRAINT own_mentor_no CHECK (mentor <> id));
CREATE TABLE links.book (id int PRIMARY KEY, author int NOT NULL, isbn text UNIQUE, again text,
                         CONSTRAINT written_by FOREIGN KEY (author) REFERENCES links.author
                             ON UPDATE CASCADE ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED,
                         UNIQUE (id, author), UNIQUE (again) DEFERRABLE INITIALLY IMMEDIATE);
ALTER TABLE links.author ADD CONSTRAINT best FOREIGN KEY (best_book, id)
    REFERENCES links.book (id, author) MATCH SIMPLE ON DELETE SET NULL;
-- Each of the two tables needs rows of the other, and the first one rows of itself.
BEGIN;
INSERT INTO links.book SELECT g, 1 + g % 5, 'isbn ' || g, 'again ' || g
    FROM generate_series(1, 20) g;
INSERT INTO links.author SELECT g, NULL, nullif(g - 1, 0) FROM generate_series(1, 5) g;
COMMIT;
UPDATE links.author SET best_book = id + 4;

CREATE TABLE links.tree (id int PRIMARY KEY, parent int, FOREIGN KEY (parent) REFERENCES links.tree
                             ON DELETE CASCADE);
INSERT INTO links.tree VALUES (1, 3), (2, 1), (3, 2), (4, 4), (5, NULL);

-- Rows that were there before the constraint, and break it.
CREATE TABLE links.not_valid (id int, price int, author int);
INSERT INTO links.not_valid VALUES (1, -5, 77), (2, 5, 1), (3, NULL, NULL);
ALTER TABLE links.not_valid ADD CONSTRAINT price_is_positive CHECK (price > 0) NOT VALID,
    ADD CONSTRAINT author_known FOREIGN KEY (author) REFERENCES links.author NOT VALID,
    ADD CONSTRAINT price_is_small CHECK (price < 1000);
COMMENT ON CONSTRAINT price_is_positive ON links.not_valid IS 'Since last year';

CREATE TABLE links.booked (
    room int, during tsrange, who text,
    CONSTRAINT no_overlap EXCLUDE USING gist (int4range(room, room, '[]') WITH =, during WITH &&)
        WHERE (who IS NOT NULL) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO links.booked VALUES (1, '[2024-01-01, 2024-01-02)', 'a'),
    (1, '[2024-01-02, 2024-01-03)', 'b'), (1, '[2024-01-01, 2024-01-03)', NULL);
CREATE TABLE links.by_index (a int NOT NULL, b int NOT NULL, c int);
CREATE UNIQUE INDEX by_index_key ON links.by_index (a, b) INCLUDE (c);
CREATE UNIQUE INDEX by_index_c ON links.by_index (c);
ALTER TABLE links.by_index ADD CONSTRAINT by_index_key PRIMARY KEY USING INDEX by_index_key;
ALTER TABLE links.by_index REPLICA IDENTITY USING INDEX by_index_key;
CLUSTER links.by_index USING by_index_key;
INSERT INTO links.by_index VALUES (1, 1, 1), (1, 2, NULL), (2, 1, 2);
ALTER TABLE links.tree REPLICA IDENTITY FULL;
ALTER TABLE links.booked REPLICA IDENTITY NOTHING;
CREATE TABLE links.matched (a int, b int, FOREIGN KEY (a, b) REFERENCES links.by_index MATCH FULL);
INSERT INTO links.matched VALUES (1, 2), (NULL, NULL);
\if :at_least_15
CREATE TABLE links.newer (id int, tenant int, ref int, only_one_null int,
    UNIQUE NULLS NOT DISTINCT (only_one_null), PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, ref) REFERENCES links.newer ON DELETE SET NULL (ref));
INSERT INTO links.newer VALUES (1, 1, 1, NULL), (2, 1, NULL, 1);
\endif
\if :at_least_18
CREATE TABLE links.stays (id int, valid daterange, CONSTRAINT stays_once PRIMARY KEY (id, valid
    WITHOUT OVERLAPS));
CREATE TABLE links.visits (id int, valid daterange, stay int,
    CONSTRAINT during_a_stay FOREIGN KEY (stay, PERIOD valid)
        REFERENCES links.stays (id, PERIOD valid));
INSERT INTO links.stays VALUES (1, '[2024-01-01,2024-02-01)'), (1, '[2024-02-01,2024-03-01)');
INSERT INTO links.visits VALUES (1, '[2024-01-15,2024-02-15)', 1);
CREATE TABLE links.unenforced (id int, n int);
INSERT INTO links.unenforced VALUES (1, NULL), (-1, 1);
ALTER TABLE links.unenforced ADD CONSTRAINT positive CHECK (id > 0) NOT ENFORCED,
    ADD CONSTRAINT n_there NOT NULL n NOT VALID,
    ADD CONSTRAINT to_nowhere FOREIGN KEY (n) REFERENCES links.author NOT ENFORCED;
\endif
