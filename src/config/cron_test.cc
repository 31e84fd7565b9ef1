#include "config/cron.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace pgcairn::config {
namespace {

TEST(ValidateCron, TakesWhatCrontabTakes) {
  for (const char* good : {"0 2 * * *",      "0 */6 * * *",
                           "*/15 * * * *",   "0-30/10 1,2,3 1-7 * 1-5",
                           "0 0 1 JAN *",    "0 0 * jan-Mar sun,SAT",
                           "0 0 * * 7",      "0 0 * * 5-7",
                           " 0\t2  *  * * ", "59 23 31 12 0",
                           "0 0 29 2 *",     "0 0 30 2 MON",
                           "0 0 31 2,3 *",   "*/60 * * * *",
                           "00 02 * * *",    "@daily",
                           "@hourly",        "@weekly",
                           "@monthly",       "@yearly",
                           "@annually",      "@midnight"}) {
    Status status = ValidateCron(good);
    EXPECT_TRUE(status.ok()) << good << ": " << (status.ok() ? "" : status.error().message);
  }
}

TEST(ValidateCron, ErrorsNameFieldFoundAndAllowed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"60 2 * * *", "field \"minute\": \"60\" is outside 0-59"},
      {"0 24 * * *", "field \"hour\": \"24\" is outside 0-23"},
      {"0 2 0 * *", "field \"day of month\": \"0\" is outside 1-31"},
      {"0 2 32 * *", "field \"day of month\": \"32\" is outside 1-31"},
      {"0 2 * 13 *", "field \"month\": \"13\" is outside 1-12 or JAN-DEC"},
      {"0 2 * * 8", "field \"day of week\": \"8\" is outside 0-7 or SUN-SAT"},
      {"x 2 * * *", "field \"minute\": \"x\" is not in 0-59"},
      {"-1 2 * * *", "field \"minute\": \"\" is not in 0-59"},
      {"0 2 * MON *", "field \"month\": \"MON\" is not in 1-12 or JAN-DEC"},
      {"0 2 * * MONDAY", "field \"day of week\": \"MONDAY\" is not in 0-7 or SUN-SAT"},
      {"0 2 * * ?", "field \"day of week\": \"?\" is not in 0-7 or SUN-SAT"},
      {"0 2 L * *", "field \"day of month\": \"L\" is not in 1-31"},
      {"0 22-6 * * *", "field \"hour\": \"22-6\" is a range that falls"},
      {"0 1- * * *", "field \"hour\": \"\" is not in 0-23"},
      {"0 1,,2 * * *", "field \"hour\": \"\" is not in 0-23"},
      {"0 */0 * * *", "field \"hour\": \"*/0\" has a step outside 1-24"},
      {"0 */25 * * *", "field \"hour\": \"*/25\" has a step outside 1-24"},
      {"0 1-4/5 * * *", "field \"hour\": \"1-4/5\" has a step outside 1-4"},
      {"0 */ * * *", "field \"hour\": \"*/\" has a step outside 1-24"},
      {"5/10 * * * *", "field \"minute\": \"5/10\" is a step without a range: write 5-59/..."},
      {"0 +2 * * *", "field \"hour\": \"+2\" is not in 0-23"},
      {"0 99999999999 * * *", "field \"hour\": \"99999999999\" is not in 0-23"},
      {"0 0 30 2 *", "field \"day of month\": \"30\" never comes in month 2"},
      {"0 0 31 4,6,9 *", "field \"day of month\": \"31\" never comes in month 4,6,9"},
      {"", "\"\" has 0 fields, a schedule has 5"},
      {"0 2 * *", "\"0 2 * *\" has 4 fields, a schedule has 5"},
      {"0 0 2 * * *", "\"0 0 2 * * *\" has 6 fields, a schedule has 5"},
      {"@reboot", "\"@reboot\" is not a schedule"},
      {"@Daily", "\"@Daily\" is not a schedule"},
  };
  for (const auto& [text, message] : cases) {
    Status status = ValidateCron(text);
    ASSERT_FALSE(status.ok()) << text;
    EXPECT_EQ(status.code(), Code::kUsage);
    EXPECT_EQ(status.error().message, message);
    EXPECT_FALSE(status.error().hint.empty());
  }
}

}  // namespace
}  // namespace pgcairn::config
