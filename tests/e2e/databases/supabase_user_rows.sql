-- The user's rows and jobs, written by the role postgres.
INSERT INTO public.listings (owner, title, price, status, tags, details, place, weight, created_at)
SELECT ('00000000-0000-4000-8000-' || lpad((1 + g % 30)::text, 12, '0'))::uuid,
    'A thing, number ' || g || E'\t\\N', g * 1.25,
    (enum_range(NULL::public.listing_status))[1 + g % 4], ARRAY['tag ' || g % 5, NULL, ''],
    jsonb_build_object('n', g, 'text', E'line\nbreak'), point(g, -g), 0.1 * g,
    timestamptz '2024-07-01 00:00:00+00' + g * interval '1 minute'
FROM generate_series(1, 500) g;
UPDATE public.profiles SET score = 1 / (2 + length(full_name))::float8;
INSERT INTO public.favorites
SELECT ('00000000-0000-4000-8000-' || lpad((1 + g % 30)::text, 12, '0'))::uuid, g
FROM generate_series(1, 100) g;
INSERT INTO public.payments (listing, amount, receipt)
SELECT g, g * 1.25, sha256(g::text::bytea) FROM generate_series(1, 50) g;
INSERT INTO public.chat (said_by, body)
SELECT NULL, repeat('so it is said ', g) FROM generate_series(1, 60) g;
INSERT INTO public.visits SELECT timestamptz '2024-06-01 00:00:00+00' + g * interval '10 days',
    '/page/' || g FROM generate_series(1, 40) g;
INSERT INTO private.settings VALUES ('colour', '"green"'), ('nothing', 'null'), ('unset', NULL);
REFRESH MATERIALIZED VIEW private.per_status;
SELECT nextval('public.receipt_numbers');
SELECT lo_from_bytea(770001, decode(repeat('c0ffee', 100000), 'hex'));
GRANT SELECT ON LARGE OBJECT 770001 TO reporter;
COMMENT ON LARGE OBJECT 770001 IS 'The first picture';

SELECT cron.schedule('clean up', '15 3 * * *',
                     $$DELETE FROM public.chat WHERE id < 0 -- it's old$$);
SELECT cron.schedule('count', '*/5 * * * *', 'REFRESH MATERIALIZED VIEW private.per_status');
SELECT cron.schedule('0 0 1 * *', 'SELECT 1');
SELECT cron.alter_job((SELECT jobid FROM cron.job WHERE jobname = 'count'), active => false);
SELECT vault.create_secret('an interface''s key', 'shop key');
