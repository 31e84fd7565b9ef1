#include "postgres/definitions_script.h"

#include <gtest/gtest.h>

#include <string>

namespace pgcairn::postgres {
namespace {

std::string Header(const std::string& name, const std::string& type) {
  return "--\n-- Name: " + name + "; Type: " + type + "; Schema: public; Owner: me\n--\n\n";
}

const std::string kStart =
    "--\n-- PostgreSQL database dump\n--\n\n\\restrict its\n\nSET a = b;\n\n";
const std::string kTable = Header("a", "TABLE") + "CREATE TABLE public.a (id integer);\n\n";
const std::string kKey = Header("a a_pkey", "CONSTRAINT") + "ALTER TABLE ONLY public.a ...;\n\n";
const std::string kTrigger = Header("a fires", "TRIGGER") + "CREATE TRIGGER fires ...;\n\n";
const std::string kGrant = Header("TABLE a", "ACL") + "GRANT ALL ON TABLE public.a TO x;\n\n";
const std::string kEventTrigger = Header("e", "EVENT TRIGGER") + "CREATE EVENT TRIGGER e ...;\n\n";
const std::string kFinish = "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict its\n\n";

TEST(SplitDefinitions, RowsComeBeforeWhatTheyNeedNotSatisfyAndEventTriggersLast) {
  const std::string script = kStart + kTable + kKey + kTrigger + kGrant + kEventTrigger + kFinish;
  const DefinitionsScript split = SplitDefinitions(script);
  EXPECT_EQ(split.before_rows, kStart + kTable);
  EXPECT_EQ(split.after_rows, kKey + kTrigger + kGrant);
  EXPECT_EQ(split.last, kEventTrigger + kFinish);
}

TEST(SplitDefinitions, WhatIsLackingMovesNothing) {
  const std::string without_events = kStart + kTable + kKey + kFinish;
  EXPECT_EQ(SplitDefinitions(without_events).after_rows, kKey);
  EXPECT_EQ(SplitDefinitions(without_events).last, kFinish);
  const std::string tables = kStart + kTable + kGrant + kFinish;
  EXPECT_EQ(SplitDefinitions(tables).before_rows, kStart + kTable + kGrant);
  EXPECT_EQ(SplitDefinitions(tables).last, kFinish);
  EXPECT_EQ(SplitDefinitions("CREATE TABLE a ();").before_rows, "CREATE TABLE a ();");
  EXPECT_EQ(SplitDefinitions("").before_rows, "");
}

TEST(SplitDefinitions, NothingThatIsQuotedParts) {
  for (const std::string& before :
       {"AS $$ BEGIN\n" + kKey + "$$;\n", "AS $_$'$$'\n" + kKey + "$_$;\n",
        "'a''\n" + kKey + "';\n", "E'a\\'\n" + kKey + "';\n", "\"a\"\"\n" + kKey + "\";\n"}) {
    const std::string begin = kStart + Header("f", "FUNCTION") + "CREATE " + before + "\n" + kTable;
    const std::string script = begin + kKey + kFinish;
    EXPECT_EQ(SplitDefinitions(script).before_rows, begin);
  }
  for (const char* before : {"a$b$c integer, d$b$ text;\n", "SELECT $1, $2;\n",
                             "-- it's a comment\n", "'back\\';\n", "nameE'x\\';\n", "E'\\\\';\n"}) {
    const std::string begin = kStart + before + kTable;
    EXPECT_EQ(SplitDefinitions(begin + kKey + kFinish).before_rows, begin) << before;
  }
}

TEST(SplitDefinitions, ANameThatReadsAsATypeIsOneOfAName) {
  const std::string begin =
      kStart + Header("a; Type: INDEX; Schema: b", "TABLE") + "CREATE ...;\n\n";
  EXPECT_EQ(SplitDefinitions(begin + kKey + kFinish).before_rows, begin);
}

TEST(EndOfQuoted, IsWhereItBeganWhenNothingIsQuoted) {
  EXPECT_EQ(EndOfQuoted("a - b", 2), 2U);
  EXPECT_EQ(EndOfQuoted("a$x$ 'b' $x$", 1), 1U);
  EXPECT_EQ(EndOfQuoted("'a", 0), 2U);
  EXPECT_EQ(EndOfQuoted("--a\nb", 0), 3U);
}

ArchiveItem Item(const std::string& kind, const std::string& name, const std::string& definition) {
  ArchiveItem item;
  item.kind = kind;
  item.tag = name;
  item.schema = "public";
  item.definition = definition;
  return item;
}

// As pg_dump writes it, and what it says before the next one.
std::string Whole(const std::string& kind, const std::string& name, const std::string& definition) {
  return Header(name, kind) + definition + "\n\n";
}

const std::string kView = "CREATE VIEW public.v AS\n SELECT ';\n\n' AS a;\n";
const std::string kOwner = "ALTER TABLE public.v OWNER TO me;\n\n";
const std::string kSetting = "SET default_tablespace = '';\n\n";

TEST(WithoutDefinitions, ADefinitionGoesWithItsOwnerAndNothingElse) {
  const std::string script = kStart + kTable + Whole("VIEW", "v", kView) + kOwner + kSetting + kKey;
  EXPECT_EQ(WithoutDefinitions(script, {Item("VIEW", "v", kView)}).script,
            kStart + kTable + kSetting + kKey);
  EXPECT_EQ(WithoutDefinitions(script, {}).script, script);
}

TEST(WithoutDefinitions, WhatIsNotThereIsNamedAndAllElseStays) {
  const std::string script = kStart + kTable + Whole("VIEW", "v", kView) + kOwner + kKey;
  const ShortenedScript shortened =
      WithoutDefinitions(script, {Item("VIEW", "w", kView), Item("TABLE", "v", kView)});
  EXPECT_EQ(shortened.script, script);
  ASSERT_EQ(shortened.not_found.size(), 2);
  EXPECT_EQ(shortened.not_found[0].kind, "TABLE");
  EXPECT_EQ(shortened.not_found[1].kind, "VIEW");
  EXPECT_TRUE(WithoutDefinitions(script, {Item("VIEW", "v", kView)}).not_found.empty());
}

TEST(WithoutDefinitions, TheAccessMethodOfAPartitionedTableGoesWithIt) {
  const std::string table = "CREATE TABLE public.p (a integer)\nPARTITION BY RANGE (a);\n";
  const std::string said =
      "ALTER TABLE public.p OWNER TO me;\n\n"
      "ALTER TABLE public.p SET ACCESS METHOD heap;\n\n";
  const std::string script = kStart + Whole("TABLE", "p", table) + said + kKey;
  EXPECT_EQ(WithoutDefinitions(script, {Item("TABLE", "p", table)}).script, kStart + kKey);
}

TEST(WithoutDefinitions, WhatHasNoOwnerTakesNoneFromTheNext) {
  const std::string grant = "GRANT SELECT ON TABLE public.v TO x;\n";
  const std::string next = Whole("VIEW", "v", kView) + kOwner;
  const std::string script = kStart + Whole("ACL", "TABLE v", grant) + next + kFinish;
  EXPECT_EQ(WithoutDefinitions(script, {Item("ACL", "TABLE v", grant)}).script,
            kStart + next + kFinish);
}

TEST(WithoutDefinitions, OfTwoWithOneNameTheOneThatIsMeantGoes) {
  const std::string first = Whole("ACL", "COLUMN a.b", "GRANT SELECT(b) ON a TO x;\n");
  const std::string second = Whole("ACL", "COLUMN a.b", "GRANT SELECT(b) ON a TO y;\n");
  EXPECT_EQ(WithoutDefinitions(first + second,
                               {Item("ACL", "COLUMN a.b", "GRANT SELECT(b) ON a TO y;\n")})
                .script,
            first);
}

TEST(WithoutDefinitions, ATextThatReadsAsADefinitionIsNone) {
  const std::string script =
      kStart + Header("f", "FUNCTION") + "CREATE $$\n" + Whole("VIEW", "v", kView) + "$$;\n\n\n";
  EXPECT_EQ(WithoutDefinitions(script, {Item("VIEW", "v", kView)}).script, script);
}

TEST(WithoutDefinitions, ANameIsFoundAsTheCommentWritesIt) {
  const std::string view = "CREATE VIEW public.\"v\n; Owner: w\" AS SELECT 1;\n";
  EXPECT_EQ(WithoutDefinitions(kStart + Whole("VIEW", "v ; Owner: w", view) + kKey,
                               {Item("VIEW", "v\n; Owner: w", view)})
                .script,
            kStart + kKey);
}

}  // namespace
}  // namespace pgcairn::postgres
