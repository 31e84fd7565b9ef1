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

}  // namespace
}  // namespace pgcairn::postgres
