-- What the platform's services write for the user's users, and what supautils lets the role
-- postgres do on tables of the platform: in plain PostgreSQL only their owner may.
CREATE POLICY "One's own account" ON auth.users FOR SELECT TO authenticated USING (id = auth.uid());
CREATE POLICY "Public pictures" ON storage.objects FOR SELECT TO anon, authenticated
    USING (bucket_id = 'pictures');
CREATE POLICY "One's own folder" ON storage.objects FOR INSERT TO authenticated
    WITH CHECK (bucket_id = 'pictures' AND (storage.foldername(name))[1] = auth.uid()::text);
CREATE POLICY "Members listen" ON realtime.messages FOR SELECT TO authenticated
    USING (topic LIKE 'room:%' AND EXISTS (SELECT FROM public.profiles p WHERE p.id = auth.uid()));
CREATE EVENT TRIGGER log_ddl ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE')
    EXECUTE FUNCTION private.on_ddl();

SET ROLE supabase_auth_admin;
INSERT INTO auth.users (id, aud, role, email, encrypted_password, email_confirmed_at, created_at,
                        raw_user_meta_data)
SELECT ('00000000-0000-4000-8000-' || lpad(g::text, 12, '0'))::uuid,
    'authenticated', 'authenticated', 'user' || g || '@example.org', '$2a$10$' || md5(g::text),
    timestamptz '2024-05-05 05:05:05.5+00',
    timestamptz '2024-05-05 05:05:05+00' + g * interval '1 hour',
    jsonb_build_object('full_name', 'Üser "' || g || E'"\t\\')
FROM generate_series(1, 30) g;
INSERT INTO auth.identities (provider_id, user_id, identity_data, provider, id)
SELECT id::text, id, jsonb_build_object('email', upper(email)), 'email', id FROM auth.users;
INSERT INTO auth.sessions SELECT id, id, created_at, 'aal1', '192.0.2.1' FROM auth.users;
INSERT INTO auth.refresh_tokens (token, user_id, revoked, session_id)
SELECT md5(id::text), id::text, false, id FROM auth.users;
RESET ROLE;

SET ROLE supabase_storage_admin;
INSERT INTO storage.buckets (id, name, created_at, updated_at, public, allowed_mime_types) VALUES
    ('pictures', 'pictures', '2024-01-01', '2024-01-01', true, '{image/png,image/jpeg}'),
    ('papers', 'papers', '2024-01-02', '2024-01-02', false, NULL);
INSERT INTO storage.objects (id, bucket_id, name, owner, created_at, updated_at, last_accessed_at,
                             metadata)
SELECT ('10000000-0000-4000-8000-' || lpad(g::text, 12, '0'))::uuid, 'pictures',
    'folder ' || g % 3 || '/ünder/picture ' || g || '.png',
    ('00000000-0000-4000-8000-' || lpad((1 + g % 30)::text, 12, '0'))::uuid,
    '2024-06-01', '2024-06-01', '2024-06-01', jsonb_build_object('size', g * 1000)
FROM generate_series(1, 40) g;
RESET ROLE;
