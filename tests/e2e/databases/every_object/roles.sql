-- Roles belong to the server, so another database of it may have made them already.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['every_owner', 'every_reader', 'Every "Writer"', 'every_group',
                                  'every_nobody'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I', wanted);
        END IF;
    END LOOP;
END $$;
ALTER ROLE every_owner LOGIN CREATEDB CONNECTION LIMIT 7;
ALTER ROLE every_reader LOGIN VALID UNTIL '2099-01-01 00:00:00+00' NOINHERIT;
ALTER ROLE "Every ""Writer""" BYPASSRLS REPLICATION;
GRANT every_group TO every_reader WITH ADMIN OPTION;
GRANT every_group TO "Every ""Writer""";
-- 'every secret', with a salt that is not drawn anew each time.
ALTER ROLE every_owner PASSWORD 'SCRAM-SHA-256$4096:c2l4dGVlbiBieXRlcy4uLg==$'
    'QLs0PzpHKgdYxKx+tUpqAJZ0wCfnwxVLOH7wIWa5VvQ=:8oV9yxthr6i6u4N1/+/rhJp9bpozPIxP9MyNdagOCzU=';
COMMENT ON ROLE every_group IS 'Those who may see what is in every object';

ALTER ROLE every_reader SET work_mem = '5MB';
ALTER ROLE every_reader SET search_path = kinds, "$user", public;

-- The database is named by whoever makes it.
SELECT current_database() AS database \gset
ALTER DATABASE :"database" SET extra_float_digits = 0;
ALTER DATABASE :"database" SET datestyle = 'SQL, DMY';
ALTER DATABASE :"database" SET timezone = 'Asia/Kolkata';
ALTER ROLE every_owner IN DATABASE :"database" SET statement_timeout = '2min';
COMMENT ON DATABASE :"database" IS E'Every kind of object,\nand every type';
GRANT CONNECT ON DATABASE :"database" TO every_reader WITH GRANT OPTION;
GRANT CREATE ON DATABASE :"database" TO every_owner;
REVOKE TEMPORARY ON DATABASE :"database" FROM PUBLIC;

CREATE SCHEMA kinds;
COMMENT ON SCHEMA kinds IS 'One object of each kind';
GRANT USAGE ON SCHEMA kinds TO PUBLIC;
GRANT CREATE ON SCHEMA kinds TO every_owner WITH GRANT OPTION;
CREATE SCHEMA owned AUTHORIZATION every_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO every_group;
COMMENT ON SCHEMA public IS NULL;

ALTER DEFAULT PRIVILEGES FOR ROLE every_owner IN SCHEMA owned
    GRANT SELECT ON TABLES TO every_reader WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE every_owner GRANT USAGE ON SEQUENCES TO every_group;
ALTER DEFAULT PRIVILEGES FOR ROLE every_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE every_owner REVOKE USAGE ON TYPES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA owned GRANT EXECUTE ON ROUTINES TO every_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE every_owner GRANT USAGE ON SCHEMAS TO every_reader;

-- The system's own objects have rights, too.
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep(double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_switch_wal() TO every_reader;
GRANT SELECT (rolname) ON pg_catalog.pg_authid TO every_reader;
