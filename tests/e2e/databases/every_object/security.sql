CREATE SCHEMA guarded;
CREATE TABLE guarded.notes (id int PRIMARY KEY, owner name, body text, secret text);
INSERT INTO guarded.notes VALUES (1, 'every_reader', 'mine', 's1'), (2, 'postgres', 'yours', 's2'),
    (3, NULL, '', NULL);
ALTER TABLE guarded.notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON guarded.notes USING (owner = current_user) WITH CHECK (owner = current_user);
CREATE POLICY "read some" ON guarded.notes FOR SELECT TO every_reader, "Every ""Writer"""
    USING (id < 3 OR EXISTS (SELECT FROM kinds.extended e WHERE e.id = notes.id));
CREATE POLICY never_empty ON guarded.notes AS RESTRICTIVE FOR INSERT TO PUBLIC
    WITH CHECK (body <> '');
CREATE POLICY never ON guarded.notes FOR DELETE TO every_group USING (false);
COMMENT ON POLICY own ON guarded.notes IS 'One''s own';
-- Not even its owner sees a row of it.
CREATE TABLE guarded.forced (id int);
INSERT INTO guarded.forced VALUES (1), (2);
ALTER TABLE guarded.forced OWNER TO every_owner;
ALTER TABLE guarded.forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE TABLE guarded.policy_asleep (id int);
INSERT INTO guarded.policy_asleep VALUES (1);
CREATE POLICY asleep ON guarded.policy_asleep USING (id = 0);

GRANT SELECT, INSERT ON guarded.notes TO every_reader;
GRANT UPDATE (body, owner), SELECT (id) ON guarded.notes TO every_group WITH GRANT OPTION;
GRANT REFERENCES (id), TRIGGER, TRUNCATE ON guarded.notes TO "Every ""Writer""";
GRANT ALL ON guarded.notes TO every_owner WITH GRANT OPTION;
GRANT USAGE ON SCHEMA guarded TO every_owner;
SET ROLE every_owner;
GRANT DELETE ON guarded.notes TO every_reader;
RESET ROLE;
GRANT SELECT ON ALL TABLES IN SCHEMA guarded TO PUBLIC;
REVOKE SELECT ON guarded.forced FROM PUBLIC;
CREATE TABLE guarded.nothing_left (id int);
REVOKE ALL ON guarded.nothing_left FROM postgres;
GRANT USAGE, UPDATE ON SEQUENCE kinds.plain TO every_reader;
GRANT ALL ON SEQUENCE kinds.untouched TO every_group;
ALTER SEQUENCE kinds.untouched OWNER TO every_owner;
\if :at_least_17
GRANT MAINTAIN ON guarded.notes TO every_reader;
\endif
