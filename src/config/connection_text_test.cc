#include "config/connection_text.h"

#include <gtest/gtest.h>

#include <vector>

namespace pgcairn::config {
namespace {

struct TextCase {
  std::string connection;
  std::string redacted;
};

TEST(RedactConnection, UrlsLoseTheirPasswords) {
  const std::vector<TextCase> cases = {
      {"postgresql://u:pw@h:5432/db", "postgresql://u:***@h:5432/db"},
      {"postgres://u:p%40w%2F@h/db", "postgres://u:***@h/db"},
      {"postgresql://postgres:[password]@db.x.supabase.co:5432/postgres",
       "postgresql://postgres:***@db.x.supabase.co:5432/postgres"},
      {"postgresql://u:pw@[::1]:5432,h2:5433/db?sslmode=require",
       "postgresql://u:***@[::1]:5432,h2:5433/db?sslmode=require"},
      {"postgresql://:pw@h/db", "postgresql://:***@h/db"},
      {"postgresql://u:a:b:c@h/db", "postgresql://u:***@h/db"},
      {" postgresql://u:pw@h/db", "postgresql://u:***@h/db"},
      {"POSTGRESQL://u:pw@h/db", "POSTGRESQL://u:***@h/db"},
      {"postgresql+asyncpg://u:pw@h/db", "postgresql+asyncpg://u:***@h/db"},
      {"mysql://u:pw@h/db", "mysql://u:***@h/db"},
  };
  for (const TextCase& c : cases) {
    EXPECT_EQ(RedactConnection(c.connection), c.redacted);
    EXPECT_TRUE(ContainsPassword(c.connection)) << c.connection;
  }
}

TEST(RedactConnection, UrlQueriesLoseTheirSecrets) {
  const std::vector<TextCase> cases = {
      {"postgresql://h/db?user=u&password=pw", "postgresql://h/db?user=u&password=***"},
      {"postgresql:///db?password=pw&host=/run", "postgresql:///db?password=***&host=/run"},
      {"postgresql:///db?user=a@b&sslpassword=pw", "postgresql:///db?user=a@b&sslpassword=***"},
      {"postgresql:///db?pass%77ord=pw", "postgresql:///db?pass%77ord=***"},
      {"postgresql://u@h/db?password=a@b", "postgresql://u@h/db?password=***"},
      {"postgresql:///db?password= ", "postgresql:///db?password=***"},
      {"postgresql://u@h?x=1@2&password=pw@", "postgresql://u***"},
      {"postgresql://u:@h?password=a@b", "postgresql://u***"},
      {"postgresql:///db?password=a@b", "postgresql:///db?password=***"},
      {"postgresql://u:one@h/db?password=two", "postgresql://u:***@h/db?password=***"},
      {"postgresql:///?oauth_client_secret=x&scram_client_key=y",
       "postgresql:///?oauth_client_secret=***&scram_client_key=***"},
      {"postgresql:///x?dbname=postgresql%3A%2F%2Fu%3Apw%40h%2Fdb", "postgresql:///x?dbname=***"},
      {"postgresql:///db?passfile=/p/f&password=pw", "postgresql:///db?passfile=/p/f&password=***"},
  };
  for (const TextCase& c : cases) {
    EXPECT_EQ(RedactConnection(c.connection), c.redacted);
    EXPECT_TRUE(ContainsPassword(c.connection)) << c.connection;
  }
}

TEST(RedactConnection, PairsLoseTheirPasswords) {
  const std::vector<TextCase> cases = {
      {"host=h password=pw user=u", "host=h password=*** user=u"},
      {"password = 'a b' host=h", "password=*** host=h"},
      {"password='it\\'s' host=h", "password=*** host=h"},
      {"password=\\ ", "password=***"},
      {"password=a\\ b host=h", "password=*** host=h"},
      {"password='a\\\\' host=h", "password=*** host=h"},
      {"host='h' sslpassword=pw", "host='h' sslpassword=***"},
      {"host=h\tpassword\n=\npw", "host=h password=***"},
      {"PASSWORD=pw host=h", "PASSWORD=*** host=h"},
      {"dbname=postgresql://u:pw@h/db", "dbname=***"},
      {"dbname='host=h password=pw' user=u", "dbname=*** user=u"},
      {"password=''pw host=h", "password='' ***"},
  };
  for (const TextCase& c : cases) {
    EXPECT_EQ(RedactConnection(c.connection), c.redacted);
    EXPECT_TRUE(ContainsPassword(c.connection)) << c.connection;
  }
}

TEST(RedactConnection, WhatHoldsNoSecretStaysAsItIs) {
  for (const char* open : {
           "postgresql://",
           "postgresql://u@h/db",
           "postgresql://u:@h/db",
           "postgresql://h:5432/db",
           "postgresql://[::1]/db",
           "postgresql:///db?host=/run/postgresql&port=5433",
           "postgresql://u@h/db?schema=public&pgbouncer=true",
           "postgresql:///db?password=",
           "host=/run dbname=postgres user=u",
           "host=h password='' options='-c a=b'",
           "service=main passfile=/etc/pgcairn/pgpass",
           "",
       }) {
    EXPECT_EQ(RedactConnection(open), open);
    EXPECT_FALSE(ContainsPassword(open)) << open;
  }
}

// Nothing of the password may be seen wherever somebody forgot to escape it.
TEST(RedactConnection, UnescapedPasswordsStayHidden) {
  for (const std::string password :
       {"SE@CR",   "SE/CR",   "SE?CR", "SE#CR",           "SE:CR",           "SE?a=CR", "SE/b?a=CR",
        "SE@x/CR", "SE&CR=@", "@SECR", "SECR@",           "/SECR",           "?SE=CR",  "SE%CR",
        "SE%4",    "SE=CR",   "SE CR", "SE@b?user=CR@CR", "?password=SE@CR", "SE CR=x"}) {
    std::string url = "postgresql://u:" + password + "@host.example/db";
    std::string redacted = RedactConnection(url);
    EXPECT_EQ(redacted.find("SE"), std::string::npos) << url << " -> " << redacted;
    EXPECT_EQ(redacted.find("CR"), std::string::npos) << url << " -> " << redacted;
    EXPECT_TRUE(ContainsPassword(url)) << url;
  }
  for (const std::string password : {"SE CR", "SE'CR", "'SE'CR", "'SECR", "SE CR=x", "SE\\", "\\",
                                     "'SE\\'CR", "SE postgresql://a:CR@b", "'SE' CR"}) {
    std::string pairs = "host=h password=" + password + " dbname=d";
    std::string redacted = RedactConnection(pairs);
    EXPECT_EQ(redacted.find("SE"), std::string::npos) << pairs << " -> " << redacted;
    EXPECT_EQ(redacted.find("CR"), std::string::npos) << pairs << " -> " << redacted;
    EXPECT_TRUE(ContainsPassword(pairs)) << pairs;
  }
}

TEST(RedactConnection, AUrlWithoutItsHostDoesNotShowThePassword) {
  EXPECT_EQ(RedactConnection("postgresql://u:hunter2/db"), "postgresql://u:***/db");
  EXPECT_EQ(RedactConnection("postgresql://u:hunter2"), "postgresql://u:***");
}

TEST(RedactConnection, TextThatIsNoConnectionIsHidden) {
  EXPECT_EQ(RedactConnection("hunter2"), "***");
  EXPECT_EQ(RedactConnection("host=h hunter2"), "host=h ***");
}

TEST(ValidateConnection, TakesWhatLibpqTakes) {
  for (const char* good :
       {"postgresql://", "postgres://u:p@h/db", "host=h", "host = 'a b' dbname=d", "service=main",
        "postgresql://postgres:[password]@db.chekmxqlnosxphbmxiil.supabase.co:5432/postgres"}) {
    EXPECT_TRUE(ValidateConnection(good).ok()) << good;
  }
}

TEST(ValidateConnection, RefusesOtherTextWithoutShowingIt) {
  for (const char* bad : {"", " ", "hunter2", "host=h hunter2", "password='hunter2",
                          "mysql://u:hunter2@h/db", "POSTGRESQL://u:hunter2@h", "=hunter2"}) {
    Status status = ValidateConnection(bad);
    ASSERT_FALSE(status.ok()) << bad;
    EXPECT_EQ(status.code(), Code::kUsage);
    EXPECT_EQ(status.error().message.find("hunter2"), std::string::npos) << bad;
    EXPECT_FALSE(status.error().hint.empty());
  }
}

}  // namespace
}  // namespace pgcairn::config
