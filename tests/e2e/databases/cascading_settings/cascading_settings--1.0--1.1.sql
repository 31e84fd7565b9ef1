ALTER TABLE @extschema@.answer ADD builtin boolean NOT NULL DEFAULT true;
ALTER TABLE @extschema@.answer ALTER builtin SET DEFAULT false;
-- Deleting topics takes away more than these.
SELECT pg_catalog.pg_extension_config_dump('@extschema@.answer', 'WHERE NOT builtin');
