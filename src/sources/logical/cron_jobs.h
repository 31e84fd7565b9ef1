// The jobs of pg_cron, which its functions alone may make.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/connection.h"
#include "util/result.h"

namespace pgcairn::sources {

struct CronJob {
  int64_t id = 0;
  std::string schedule;
  std::string command;
  std::string database;
  std::string username;
  bool active = true;
  std::optional<std::string> name;
};

// `rows` are those of cron.job as COPY gives them, with these columns. In the order of ids, so that
// new ones are drawn in the same. kDamaged: they are not.
Result<std::vector<CronJob>> CronJobsIn(const std::vector<std::string>& columns,
                                        std::string_view rows);

// Makes it a job of the session's role in the session's database; of the same name, or without one
// with the same schedule and command, there is one afterwards.
Status ScheduleJob(postgres::Connection& connection, const CronJob& job);

}  // namespace pgcairn::sources
