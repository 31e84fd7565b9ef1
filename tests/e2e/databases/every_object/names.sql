CREATE SCHEMA "Schema ""with"" everything.in/it";
CREATE SCHEMA "select";
CREATE SCHEMA "日本語 ☃ 😀";
CREATE TABLE "Schema ""with"" everything.in/it"."Table 'a' ""b"".c\d%s" (
    "Column ""x"".y" int PRIMARY KEY, "select" text, "$1" int, " leading" int, "UPPER" int,
    "tab	in it" int, "new
line" int, "☃" int CONSTRAINT "Größe's ""check""" CHECK ("☃" <> 1), "%I%%" int DEFAULT 5, "\N" text,
    ctid_ int, "*" int, "a,b" int, "(" int, "--" int, "/*" int);
INSERT INTO "Schema ""with"" everything.in/it"."Table 'a' ""b"".c\d%s"
    VALUES (1, 'x', 2, 3, 4, 5, 6, 7, 8, '\N', 9, 10, 11, 12, 13, 14);
CREATE INDEX "Index ""i"".j" ON "Schema ""with"" everything.in/it"."Table 'a' ""b"".c\d%s" ("☃");
CREATE TABLE "select"."table" ("from" int, "where" text, "user" text, "order" int);
INSERT INTO "select"."table" VALUES (1, 'a', 'b', 2);
CREATE TABLE "日本語 ☃ 😀"."表" ("列 一" int, "😀" text);
INSERT INTO "日本語 ☃ 😀"."表" VALUES (1, '値'), (2, '😀');
CREATE VIEW "select"."view" AS SELECT "from", "table"."user" FROM "select"."table";
CREATE FUNCTION "select"."function"("int" "select"."table") RETURNS "select"."table"[]
    LANGUAGE sql AS 'SELECT ARRAY[$1]';
CREATE TYPE "select"."enum" AS ENUM ('"', '''', ',', '\', '');
CREATE TABLE public."MixedCase" (id int, "Id" int, "ID" int);
INSERT INTO public."MixedCase" VALUES (1, 2, 3);
CREATE TABLE public.mixedcase (id int);
INSERT INTO public.mixedcase VALUES (4);
CREATE SEQUENCE "select"."Sequence 'of' ""all""";
SELECT nextval('"select"."Sequence ''of'' ""all"""');
-- As long as a name may be, in bytes.
CREATE TABLE public.sixty_three_bytes_are_as_many_as_a_name_may_have_here_and_now12 (
    sixty_three_bytes_are_as_many_as_a_name_may_have_for_a_column1 serial PRIMARY KEY,
    "ääääääääääääääääääääääääääääääx" int UNIQUE);
INSERT INTO public.sixty_three_bytes_are_as_many_as_a_name_may_have_here_and_now12
    VALUES (DEFAULT, 1);
-- Equal but for the last byte.
CREATE TABLE public.sixty_three_bytes_are_as_many_as_a_name_may_have_here_and_now13 (id int);
COMMENT ON TABLE "日本語 ☃ 😀"."表" IS 'コメント 😀';
CREATE POLICY "Policy ""p""" ON "select"."table" USING ("from" = 1);
CREATE PUBLICATION "Publication ""p""" FOR TABLE "select"."table";
