-- What a new project has before its user has done anything: roles, schemas, rights, and the rows of
-- the platform's own services. Run by supabase_admin, which initdb made.
--
-- psql's variables: newer, reads_all_data and acts_as_services as in supabase_project.py, password,
-- at_least_15.

-- Roles.
CREATE ROLE postgres NOSUPERUSER CREATEDB CREATEROLE LOGIN REPLICATION BYPASSRLS
    PASSWORD :'password';
CREATE ROLE anon NOLOGIN NOINHERIT;
CREATE ROLE authenticated NOLOGIN NOINHERIT;
CREATE ROLE service_role NOLOGIN NOINHERIT BYPASSRLS;
CREATE ROLE authenticator LOGIN NOINHERIT PASSWORD :'password';
CREATE ROLE dashboard_user NOLOGIN CREATEDB CREATEROLE REPLICATION;
CREATE ROLE pgbouncer LOGIN PASSWORD :'password';
CREATE ROLE supabase_auth_admin LOGIN NOINHERIT CREATEROLE PASSWORD :'password';
CREATE ROLE supabase_storage_admin LOGIN NOINHERIT CREATEROLE PASSWORD :'password';
CREATE ROLE supabase_functions_admin LOGIN NOINHERIT CREATEROLE PASSWORD :'password';
CREATE ROLE supabase_realtime_admin NOLOGIN NOINHERIT;
CREATE ROLE supabase_replication_admin LOGIN REPLICATION;
CREATE ROLE supabase_read_only_user LOGIN BYPASSRLS;
\if :newer
CREATE ROLE supabase_etl_admin LOGIN REPLICATION;
\endif
GRANT anon, authenticated, service_role TO authenticator;
GRANT anon, authenticated, service_role TO postgres WITH ADMIN OPTION;
GRANT authenticator, service_role TO supabase_storage_admin;
GRANT pg_monitor, pg_signal_backend TO postgres;
\if :reads_all_data
GRANT pg_read_all_data TO postgres;
\endif
\if :acts_as_services
GRANT supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin TO postgres;
\endif
ALTER ROLE postgres SET statement_timeout = '2min';
ALTER ROLE postgres SET search_path = "$user", public, extensions;
ALTER ROLE anon SET statement_timeout = '3s';
ALTER ROLE authenticated SET statement_timeout = '8s';
ALTER ROLE authenticator SET statement_timeout = '8s';
ALTER ROLE authenticator SET lock_timeout = '8s';
ALTER ROLE supabase_admin SET search_path = "$user", public, auth, extensions;
ALTER ROLE supabase_auth_admin SET search_path = auth;
ALTER ROLE supabase_auth_admin SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE supabase_storage_admin SET search_path = storage;
ALTER DATABASE postgres OWNER TO postgres;
GRANT ALL ON DATABASE postgres TO dashboard_user;
\if :at_least_15
-- supautils lets postgres set it without any grant.
GRANT SET ON PARAMETER session_replication_role TO postgres;
\else
ALTER SCHEMA public OWNER TO postgres;
\endif

-- Schemas.
CREATE SCHEMA extensions;
CREATE SCHEMA auth;
CREATE SCHEMA storage;
CREATE SCHEMA realtime;
CREATE SCHEMA vault;
CREATE SCHEMA cron;
CREATE SCHEMA graphql;
CREATE SCHEMA graphql_public;
CREATE SCHEMA net;
CREATE SCHEMA supabase_functions;
CREATE SCHEMA pgbouncer AUTHORIZATION pgbouncer;
GRANT ALL ON SCHEMA auth TO supabase_auth_admin;
GRANT ALL ON SCHEMA storage TO supabase_storage_admin;
GRANT ALL ON SCHEMA realtime TO supabase_realtime_admin;
GRANT ALL ON SCHEMA supabase_functions TO supabase_functions_admin;
GRANT ALL ON SCHEMA extensions TO dashboard_user;
GRANT USAGE ON SCHEMA public, extensions, graphql_public, net, supabase_functions, storage, realtime
    TO postgres, anon, authenticated, service_role;
GRANT USAGE ON SCHEMA auth TO postgres, anon, authenticated, service_role, dashboard_user;
GRANT USAGE ON SCHEMA vault, cron, graphql TO postgres;

-- Extensions, which belong to supabase_admin.
CREATE EXTENSION pgcrypto WITH SCHEMA extensions;
CREATE EXTENSION "uuid-ossp" WITH SCHEMA extensions;
CREATE EXTENSION pg_stat_statements WITH SCHEMA extensions;
GRANT ALL ON ALL FUNCTIONS IN SCHEMA extensions TO postgres WITH GRANT OPTION;

-- Whatever is made in public is open to the interface's roles, unless it is closed explicitly.
ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin IN SCHEMA public
    GRANT ALL ON TABLES TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin IN SCHEMA public
    GRANT ALL ON SEQUENCES TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin IN SCHEMA public
    GRANT ALL ON FUNCTIONS TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public
    GRANT ALL ON TABLES TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public
    GRANT ALL ON SEQUENCES TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public
    GRANT ALL ON FUNCTIONS TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE supabase_auth_admin IN SCHEMA auth
    GRANT ALL ON TABLES TO postgres, dashboard_user;
ALTER DEFAULT PRIVILEGES FOR ROLE supabase_auth_admin IN SCHEMA auth
    GRANT ALL ON SEQUENCES TO postgres, dashboard_user;
ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin IN SCHEMA realtime
    GRANT ALL ON TABLES TO postgres, dashboard_user;
ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin IN SCHEMA realtime
    GRANT ALL ON SEQUENCES TO postgres, dashboard_user;
ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin IN SCHEMA storage
    GRANT ALL ON TABLES TO postgres, anon, authenticated, service_role;

-- The users and their sessions.
SET ROLE supabase_auth_admin;
CREATE TYPE auth.aal_level AS ENUM ('aal1', 'aal2', 'aal3');
CREATE TYPE auth.factor_type AS ENUM ('totp', 'webauthn');
CREATE TABLE auth.users (
    instance_id uuid,
    id uuid PRIMARY KEY,
    aud varchar(255),
    role varchar(255),
    email varchar(255),
    encrypted_password varchar(255),
    email_confirmed_at timestamptz,
    confirmation_token varchar(255),
    last_sign_in_at timestamptz,
    raw_app_meta_data jsonb,
    raw_user_meta_data jsonb,
    is_super_admin boolean,
    created_at timestamptz,
    updated_at timestamptz,
    phone text UNIQUE DEFAULT NULL,
    phone_confirmed_at timestamptz,
    confirmed_at timestamptz
        GENERATED ALWAYS AS (LEAST(email_confirmed_at, phone_confirmed_at)) STORED,
    banned_until timestamptz,
    is_sso_user boolean NOT NULL DEFAULT false);
\if :newer
ALTER TABLE auth.users DROP COLUMN is_super_admin,
    ADD COLUMN is_anonymous boolean NOT NULL DEFAULT false;
\endif
CREATE UNIQUE INDEX users_email_partial_key ON auth.users (email) WHERE NOT is_sso_user;
CREATE INDEX users_instance_id_email_idx ON auth.users (instance_id, lower(email::text));
COMMENT ON TABLE auth.users IS 'Auth: Stores user login data within a secure schema.';
CREATE TABLE auth.identities (
    provider_id text NOT NULL,
    user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
    identity_data jsonb NOT NULL,
    provider text NOT NULL,
    email text GENERATED ALWAYS AS (lower(identity_data ->> 'email')) STORED,
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    UNIQUE (provider_id, provider));
CREATE TABLE auth.sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
    created_at timestamptz,
    aal auth.aal_level,
    ip inet);
CREATE TABLE auth.refresh_tokens (
    instance_id uuid,
    id bigserial PRIMARY KEY,
    token varchar(255) UNIQUE,
    user_id varchar(255),
    revoked boolean,
    parent varchar(255),
    session_id uuid REFERENCES auth.sessions ON DELETE CASCADE);
CREATE TABLE auth.audit_log_entries (
    instance_id uuid, id uuid PRIMARY KEY, payload json, created_at timestamptz);
CREATE TABLE auth.instances (id uuid PRIMARY KEY, uuid uuid, raw_base_config text);
CREATE TABLE auth.schema_migrations (version varchar(255) PRIMARY KEY);
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('request.jwt.claim.sub', true), '')::uuid
$$;
CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('request.jwt.claim.role', true), '')::text
$$;
CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb
$$;
ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE auth.identities ENABLE ROW LEVEL SECURITY;
ALTER TABLE auth.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE auth.refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE auth.schema_migrations ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON auth.schema_migrations FROM postgres, dashboard_user;
GRANT SELECT ON auth.schema_migrations TO postgres WITH GRANT OPTION;
INSERT INTO auth.schema_migrations SELECT (20220224000000 + g * 100)::text
    FROM generate_series(1, 40) g;
\if :newer
INSERT INTO auth.schema_migrations SELECT (20250101000000 + g * 100)::text
    FROM generate_series(1, 7) g;
INSERT INTO auth.instances VALUES ('9f7d2a44-0000-4000-8000-000000000002', NULL, '{"of": "newer"}');
\else
INSERT INTO auth.instances VALUES ('1c3b5e66-0000-4000-8000-000000000001', NULL, '{"of": "older"}');
\endif
RESET ROLE;

-- Files: their rows are here, their bytes elsewhere.
SET ROLE supabase_storage_admin;
CREATE TABLE storage.buckets (
    id text PRIMARY KEY,
    name text NOT NULL UNIQUE,
    owner uuid,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    public boolean DEFAULT false,
    file_size_limit bigint,
    allowed_mime_types text[],
    owner_id text);
CREATE TABLE storage.objects (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    bucket_id text REFERENCES storage.buckets,
    name text,
    owner uuid,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    last_accessed_at timestamptz DEFAULT now(),
    metadata jsonb,
    path_tokens text[] GENERATED ALWAYS AS (string_to_array(name, '/')) STORED,
    version text,
    owner_id text);
\if :newer
ALTER TABLE storage.objects ADD COLUMN user_metadata jsonb;
\endif
CREATE UNIQUE INDEX bucketid_objname ON storage.objects (bucket_id, name);
CREATE TABLE storage.migrations (
    id int PRIMARY KEY,
    name varchar(100) NOT NULL UNIQUE,
    hash varchar(40) NOT NULL,
    executed_at timestamp DEFAULT CURRENT_TIMESTAMP);
CREATE FUNCTION storage.foldername(name text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT (string_to_array(name, '/'))[1 : array_length(string_to_array(name, '/'), 1) - 1]
$$;
CREATE FUNCTION storage.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    new.updated_at = now();
    RETURN new;
END $$;
CREATE TRIGGER update_objects_updated_at BEFORE UPDATE ON storage.objects
    FOR EACH ROW EXECUTE FUNCTION storage.update_updated_at_column();
ALTER TABLE storage.buckets ENABLE ROW LEVEL SECURITY;
ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
ALTER TABLE storage.migrations ENABLE ROW LEVEL SECURITY;
GRANT ALL ON storage.buckets, storage.objects TO postgres, anon, authenticated, service_role;
GRANT SELECT ON storage.migrations TO postgres;
INSERT INTO storage.migrations SELECT g, 'step-' || g, md5(g::text), '2024-01-01'
    FROM generate_series(0, 20) g;
\if :newer
INSERT INTO storage.migrations SELECT g, 'step-' || g, md5(g::text), '2025-01-01'
    FROM generate_series(21, 25) g;
\endif
RESET ROLE;

-- Messages to listening clients.
CREATE TABLE realtime.schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp(0));
CREATE TABLE realtime.subscription (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription_id uuid NOT NULL,
    entity regclass NOT NULL,
    claims jsonb NOT NULL);
CREATE TABLE realtime.messages (
    topic text NOT NULL,
    extension text NOT NULL,
    payload jsonb,
    event text,
    private boolean DEFAULT false,
    inserted_at timestamp NOT NULL DEFAULT now(),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    PRIMARY KEY (id, inserted_at)) PARTITION BY RANGE (inserted_at);
-- A new one is made each day, and old ones are dropped.
\if :newer
CREATE TABLE realtime.messages_2026_02_02 PARTITION OF realtime.messages
    FOR VALUES FROM ('2026-02-02') TO ('2026-02-03');
\else
CREATE TABLE realtime.messages_2025_01_01 PARTITION OF realtime.messages
    FOR VALUES FROM ('2025-01-01') TO ('2025-01-02');
\endif
ALTER TABLE realtime.messages OWNER TO supabase_realtime_admin;
ALTER TABLE realtime.messages ENABLE ROW LEVEL SECURITY;
INSERT INTO realtime.schema_migrations SELECT 20211116024918 + g, '2024-01-01'
    FROM generate_series(1, 12) g;
GRANT SELECT ON realtime.schema_migrations, realtime.subscription TO anon, authenticated,
    service_role;
GRANT SELECT, INSERT, UPDATE ON realtime.messages TO anon, authenticated, service_role;
CREATE PUBLICATION supabase_realtime;
ALTER PUBLICATION supabase_realtime OWNER TO postgres;
\if :newer
CREATE PUBLICATION supabase_realtime_messages_publication FOR TABLE realtime.messages;
\endif

-- Secrets, which only functions may touch.
CREATE TABLE vault.secrets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text,
    description text NOT NULL DEFAULT '',
    secret text NOT NULL,
    key_id uuid);
CREATE UNIQUE INDEX secrets_name_idx ON vault.secrets (name) WHERE name IS NOT NULL;
CREATE FUNCTION vault.decrypted(secret text) RETURNS text LANGUAGE sql STABLE
    AS $$SELECT convert_from(decode(secret, 'base64'), 'UTF8')$$;
REVOKE ALL ON FUNCTION vault.decrypted(text) FROM PUBLIC;
CREATE VIEW vault.decrypted_secrets AS
    SELECT id, name, description, vault.decrypted(secret) AS decrypted_secret FROM vault.secrets;
CREATE FUNCTION vault.create_secret(new_secret text, new_name text) RETURNS uuid LANGUAGE sql
    SECURITY DEFINER SET search_path = '' AS $$
    INSERT INTO vault.secrets (name, secret)
    VALUES (new_name, encode(convert_to(new_secret, 'UTF8'), 'base64')) RETURNING id
$$;
REVOKE ALL ON FUNCTION vault.create_secret(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.create_secret(text, text) TO postgres, service_role;

-- Jobs: everybody's are in one table, which only its functions write.
CREATE SEQUENCE cron.jobid_seq;
CREATE TABLE cron.job (
    jobid bigint PRIMARY KEY DEFAULT nextval('cron.jobid_seq'),
    schedule text NOT NULL,
    command text NOT NULL,
    nodename text NOT NULL DEFAULT 'localhost',
    nodeport int NOT NULL DEFAULT 5432,
    database text NOT NULL DEFAULT current_database(),
    username text NOT NULL DEFAULT CURRENT_USER,
    active boolean NOT NULL DEFAULT true,
    jobname text,
    CONSTRAINT jobname_username_uniq UNIQUE (jobname, username));
CREATE TABLE cron.job_run_details (
    jobid bigint, runid bigint PRIMARY KEY, username text, command text, status text);
ALTER TABLE cron.job ENABLE ROW LEVEL SECURITY;
ALTER TABLE cron.job_run_details ENABLE ROW LEVEL SECURITY;
CREATE POLICY cron_job_policy ON cron.job USING (username = CURRENT_USER);
CREATE POLICY cron_job_run_details_policy ON cron.job_run_details USING (username = CURRENT_USER);
GRANT SELECT ON cron.job TO postgres;
GRANT SELECT, DELETE ON cron.job_run_details TO postgres;
-- The caller is the session's user: in a function with its owner's rights the current one is not.
CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    INSERT INTO cron.job (schedule, command, username, jobname)
    VALUES (schedule.schedule, schedule.command, session_user, schedule.job_name)
    ON CONFLICT ON CONSTRAINT jobname_username_uniq
        DO UPDATE SET schedule = excluded.schedule, command = excluded.command RETURNING jobid
$$;
CREATE FUNCTION cron.schedule(schedule text, command text) RETURNS bigint LANGUAGE sql
    SECURITY DEFINER SET search_path = '' AS $$
    INSERT INTO cron.job (schedule, command, username)
    VALUES (schedule.schedule, schedule.command, session_user) RETURNING jobid
$$;
CREATE FUNCTION cron.alter_job(job_id bigint, schedule text DEFAULT NULL, command text DEFAULT NULL,
                               database text DEFAULT NULL, username text DEFAULT NULL,
                               active boolean DEFAULT NULL) RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path = '' AS $$
    UPDATE cron.job j SET schedule = coalesce(alter_job.schedule, j.schedule),
        command = coalesce(alter_job.command, j.command),
        database = coalesce(alter_job.database, j.database),
        active = coalesce(alter_job.active, j.active)
    WHERE j.jobid = job_id AND j.username = session_user
$$;
CREATE FUNCTION cron.unschedule(job_id bigint) RETURNS boolean LANGUAGE sql
    SECURITY DEFINER SET search_path = '' AS $$
    DELETE FROM cron.job j WHERE j.jobid = job_id AND j.username = session_user RETURNING true
$$;
CREATE FUNCTION cron.unschedule(job_name text) RETURNS boolean LANGUAGE sql
    SECURITY DEFINER SET search_path = '' AS $$
    DELETE FROM cron.job j WHERE j.jobname = job_name AND j.username = session_user RETURNING true
$$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA cron FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cron TO postgres;
INSERT INTO cron.job (schedule, command, jobname) VALUES ('@daily', 'SELECT 1', 'of the platform');

-- The other services.
CREATE FUNCTION graphql.resolve(query text) RETURNS jsonb LANGUAGE sql AS $$SELECT '{}'::jsonb$$;
CREATE FUNCTION graphql_public.graphql(query text) RETURNS jsonb LANGUAGE sql
    AS $$SELECT graphql.resolve(query)$$;
GRANT USAGE ON SCHEMA graphql TO anon, authenticated, service_role;
CREATE TABLE net.http_request_queue (id bigserial, method text NOT NULL, url text NOT NULL);
CREATE FUNCTION net.http_post(url text) RETURNS bigint LANGUAGE sql SECURITY DEFINER
    SET search_path = '' AS $$
    INSERT INTO net.http_request_queue (method, url) VALUES ('POST', http_post.url) RETURNING id
$$;
SET ROLE supabase_functions_admin;
CREATE TABLE supabase_functions.migrations (
    version text PRIMARY KEY, inserted_at timestamptz NOT NULL);
CREATE TABLE supabase_functions.hooks (
    id bigserial PRIMARY KEY, hook_table_id int NOT NULL, hook_name text NOT NULL,
    request_id bigint);
-- Each call leaves a row, so a trigger that fires during a restore is seen.
CREATE FUNCTION supabase_functions.http_request() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = '' AS $$
BEGIN
    INSERT INTO supabase_functions.hooks (hook_table_id, hook_name) VALUES (0, tg_name);
    RETURN new;
END $$;
INSERT INTO supabase_functions.migrations VALUES ('initial', '2021-08-09 00:00:00+00');
GRANT ALL ON supabase_functions.hooks, supabase_functions.migrations
    TO postgres, anon, authenticated, service_role;
RESET ROLE;
SET ROLE pgbouncer;
CREATE FUNCTION pgbouncer.get_auth(p_usename text) RETURNS TABLE (username text, password text)
    LANGUAGE sql SECURITY DEFINER AS $$SELECT p_usename, NULL::text$$;
REVOKE ALL ON FUNCTION pgbouncer.get_auth(text) FROM PUBLIC;
RESET ROLE;
SET ROLE postgres;
CREATE SCHEMA supabase_migrations;
CREATE TABLE supabase_migrations.schema_migrations (
    version text PRIMARY KEY, statements text[], name text);
RESET ROLE;

-- What watches the user's definitions, as a superuser.
CREATE FUNCTION extensions.pgrst_ddl_watch() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY pgrst, 'reload schema';
END $$;
CREATE FUNCTION extensions.grant_pg_cron_access() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM pg_event_trigger_ddl_commands();
END $$;
CREATE EVENT TRIGGER pgrst_ddl_watch ON ddl_command_end
    EXECUTE FUNCTION extensions.pgrst_ddl_watch();
CREATE EVENT TRIGGER pgrst_drop_watch ON sql_drop EXECUTE FUNCTION extensions.pgrst_ddl_watch();
CREATE EVENT TRIGGER issue_pg_cron_access ON ddl_command_end WHEN TAG IN ('CREATE EXTENSION')
    EXECUTE FUNCTION extensions.grant_pg_cron_access();
