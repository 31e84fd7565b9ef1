#include "commands/table_copy.h"

#include <gtest/gtest.h>

namespace pgcairn::commands {
namespace {

constexpr char kNew[] = "\"a\".\"new\"";

TEST(RenamedDefinition, IsTheFirstStatementUnderAnotherName) {
  EXPECT_EQ(RenamedDefinition("CREATE TABLE public.orders (\n    id integer NOT NULL\n);\n\nALTER "
                              "TABLE ONLY public.orders REPLICA IDENTITY FULL;\n",
                              kNew),
            "CREATE TABLE \"a\".\"new\" (\n    id integer NOT NULL\n);");
  EXPECT_EQ(
      RenamedDefinition("CREATE UNLOGGED TABLE public.orders (\n)\nWITH (fillfactor='70');", kNew),
      "CREATE UNLOGGED TABLE \"a\".\"new\" (\n)\nWITH (fillfactor='70');");
}

TEST(RenamedDefinition, NoSemicolonThatIsQuotedEndsIt) {
  for (const char* columns :
       {"\n    t text DEFAULT 'a;''b;'::text\n", "\n    t text DEFAULT E'a\\';b;'::text\n",
        "\n    \"odd; \"\"name;\" text\n", "\n    t text DEFAULT $x$a;'b$x$\n",
        "\n    a$b text DEFAULT ';'\n"}) {
    const std::string rest = std::string(" (") + columns + ");";
    EXPECT_EQ(RenamedDefinition("CREATE TABLE public.orders" + rest + "\nMORE;", kNew),
              std::string("CREATE TABLE ") + kNew + rest)
        << columns;
  }
}

TEST(RenamedDefinition, NamesMayBeQuoted) {
  EXPECT_EQ(RenamedDefinition("CREATE TABLE \"A.b\".\"c\"\"; (d\" (\n);", kNew),
            "CREATE TABLE \"a\".\"new\" (\n);");
}

TEST(RenamedDefinition, WhatHangsOnAnotherIsNotTaken) {
  for (const char* definition :
       {"CREATE TABLE public.a (\n    b integer\n)\nINHERITS (public.parent);",
        "CREATE TABLE public.a OF public.pair;", "CREATE FOREIGN TABLE public.a (\n)\nSERVER s;",
        "CREATE VIEW public.a AS SELECT 1;", "CREATE TABLE a (\n);", "CREATE TABLE public.a (",
        ""}) {
    EXPECT_EQ(RenamedDefinition(definition, kNew), std::nullopt) << definition;
  }
}

}  // namespace
}  // namespace pgcairn::commands
