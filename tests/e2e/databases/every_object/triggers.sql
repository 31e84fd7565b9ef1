CREATE SCHEMA triggers;
-- A restore that fires them fails or has other rows: they say no, or write, whoever inserts.
CREATE FUNCTION triggers.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the trigger % fired', tg_name;
END $$;
CREATE FUNCTION triggers.change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    new.note := new.note || ' changed by ' || tg_name || coalesce(tg_argv[0], '');
    INSERT INTO triggers.log (said) VALUES (tg_name);
    RETURN new;
END $$;
CREATE FUNCTION triggers.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO triggers.log (said) VALUES (tg_name);
    RETURN NULL;
END $$;
CREATE TABLE triggers.log (id serial PRIMARY KEY, said text);
CREATE TABLE triggers.watched (id int PRIMARY KEY, note text);
INSERT INTO triggers.watched VALUES (1, 'as it was'), (2, NULL);
CREATE TRIGGER refuses BEFORE INSERT ON triggers.watched FOR EACH ROW
    EXECUTE FUNCTION triggers.refuse();
CREATE TRIGGER disabled BEFORE INSERT ON triggers.watched FOR EACH ROW
    EXECUTE FUNCTION triggers.refuse();
ALTER TABLE triggers.watched DISABLE TRIGGER disabled;
CREATE TRIGGER on_replicas BEFORE INSERT OR UPDATE OF note ON triggers.watched FOR EACH ROW
    WHEN (new.note IS DISTINCT FROM 'it''s') EXECUTE FUNCTION triggers.change(' ''quoted'' \N');
ALTER TABLE triggers.watched ENABLE REPLICA TRIGGER on_replicas;
CREATE TRIGGER always AFTER INSERT ON triggers.watched REFERENCING NEW TABLE AS "New"
    FOR EACH STATEMENT EXECUTE FUNCTION triggers.note();
ALTER TABLE triggers.watched ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER on_truncate BEFORE TRUNCATE ON triggers.watched EXECUTE FUNCTION triggers.note();
CREATE CONSTRAINT TRIGGER "Deferred ""one""" AFTER INSERT OR DELETE ON triggers.watched
    FROM links.tree DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION triggers.note();
COMMENT ON TRIGGER refuses ON triggers.watched IS 'Whoever it is';
CREATE TRIGGER instead INSTEAD OF DELETE ON views.barrier FOR EACH ROW
    EXECUTE FUNCTION triggers.note();
CREATE TRIGGER on_a_root AFTER INSERT ON parts.by_list FOR EACH ROW
    EXECUTE FUNCTION triggers.note();
ALTER TABLE parts.by_list_north DISABLE TRIGGER on_a_root;
CREATE TRIGGER on_a_foreign_table BEFORE INSERT ON abroad.unreadable FOR EACH ROW
    EXECUTE FUNCTION triggers.refuse();

CREATE FUNCTION triggers.on_event() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tg_event, tg_tag;
END $$;
CREATE EVENT TRIGGER at_start ON ddl_command_start EXECUTE FUNCTION triggers.on_event();
CREATE EVENT TRIGGER at_end ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE')
    EXECUTE FUNCTION triggers.on_event();
CREATE EVENT TRIGGER "At ""drop""" ON sql_drop EXECUTE FUNCTION triggers.on_event();
CREATE EVENT TRIGGER at_rewrite ON table_rewrite EXECUTE FUNCTION triggers.on_event();
ALTER EVENT TRIGGER at_rewrite DISABLE;
ALTER EVENT TRIGGER at_end ENABLE ALWAYS;
ALTER EVENT TRIGGER "At ""drop""" ENABLE REPLICA;
COMMENT ON EVENT TRIGGER at_start IS 'Sees everything begin';
\if :at_least_17
CREATE EVENT TRIGGER at_login ON login EXECUTE FUNCTION triggers.on_event();
\endif
