CREATE FUNCTION @extschema@.setting_of(text) RETURNS text LANGUAGE sql STABLE
    AS 'SELECT value FROM @extschema@.setting WHERE name = $1';
