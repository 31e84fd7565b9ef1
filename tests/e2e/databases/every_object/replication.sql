CREATE SCHEMA published;
CREATE TABLE published.orders (id int PRIMARY KEY, region text NOT NULL, secret text);
CREATE TABLE published.lines (id int, order_id int, PRIMARY KEY (id, order_id));
CREATE TABLE published.parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE published.parted_all PARTITION OF published.parted DEFAULT;
INSERT INTO published.orders VALUES (1, 'north', 's');
CREATE PUBLICATION none_yet WITH (publish = 'insert, truncate');
CREATE PUBLICATION two FOR TABLE published.orders, published.lines
    WITH (publish = 'insert, update');
CREATE PUBLICATION by_root FOR TABLE published.parted WITH (publish_via_partition_root = true);
-- Inserts alone: updates of a published table without a key are refused.
CREATE PUBLICATION everything FOR ALL TABLES WITH (publish = 'insert');
ALTER PUBLICATION two OWNER TO every_owner;
COMMENT ON PUBLICATION two IS 'Two of them';
\if :at_least_15
CREATE PUBLICATION filtered FOR TABLE published.orders (id, region)
    WHERE (region <> E'it''s' AND id > 0), published.lines;
CREATE PUBLICATION of_schemas FOR TABLES IN SCHEMA published, "日本語 ☃ 😀";
\endif
\if :at_least_18
CREATE PUBLICATION with_generated FOR TABLE kinds.computed
    WITH (publish_generated_columns = stored, publish = 'insert');
\endif
-- Never connected: there is nobody to subscribe to.
CREATE SUBSCRIPTION asleep CONNECTION 'host=/nowhere dbname=none password=''not a \''secret\'''''
    PUBLICATION some_there, "other There"
    WITH (connect = false, enabled = false, create_slot = false, slot_name = NONE,
          synchronous_commit = 'local');
COMMENT ON SUBSCRIPTION asleep IS 'Asleep';
