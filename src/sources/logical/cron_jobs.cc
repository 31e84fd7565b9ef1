#include "sources/logical/cron_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace pgcairn::sources {
namespace {

using Field = std::optional<std::string>;

// As CopyAttributeOutText in src/backend/commands/copyto.c writes it.
Field Unescape(std::string_view text) {
  if (text == "\\N") return std::nullopt;
  constexpr std::string_view kLetters = "bfnrtv";
  constexpr std::string_view kBytes = "\b\f\n\r\t\v";
  std::string field;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      field += text[at];
      continue;
    }
    const char next = text[++at];
    const size_t letter = kLetters.find(next);
    field += letter == std::string_view::npos ? next : kBytes[letter];
  }
  return field;
}

std::vector<Field> FieldsOf(std::string_view row) {
  std::vector<Field> fields;
  for (;;) {
    const size_t tab = row.find('\t');
    fields.push_back(Unescape(row.substr(0, tab)));
    if (tab == std::string_view::npos) return fields;
    row.remove_prefix(tab + 1);
  }
}

Error NoJobs(const std::string& what) {
  return {Code::kDamaged, "the rows of cron.job " + what, "restore from another backup"};
}

}  // namespace

Result<std::vector<CronJob>> CronJobsIn(const std::vector<std::string>& columns,
                                        std::string_view rows) {
  std::vector<CronJob> jobs;
  while (!rows.empty()) {
    const size_t end = rows.find('\n');
    if (end == std::string_view::npos) return NoJobs("end within a row");
    const std::vector<Field> fields = FieldsOf(rows.substr(0, end));
    rows.remove_prefix(end + 1);
    if (fields.size() != columns.size()) return NoJobs("have another number of fields");
    auto field = [&](std::string_view column) -> Field {
      const auto found = std::ranges::find(columns, column);
      if (found == columns.end()) return std::nullopt;
      return fields[static_cast<size_t>(found - columns.begin())];
    };
    if (!field("schedule") || !field("command")) return NoJobs("have no schedule or command");
    const std::string id = field("jobid").value_or("");
    int64_t number = 0;
    auto [id_end, failed] = std::from_chars(id.data(), id.data() + id.size(), number);
    if (failed != std::errc() || id_end != id.data() + id.size()) return NoJobs("have no id");
    CronJob job{number,
                *field("schedule"),
                *field("command"),
                field("database").value_or(""),
                field("username").value_or(""),
                field("active") != "f",
                field("jobname")};
    jobs.push_back(std::move(job));
  }
  std::ranges::sort(jobs, {}, &CronJob::id);
  return jobs;
}

// A name replaces the job that has it; without one each call makes another.
Status ScheduleJob(postgres::Connection& connection, const CronJob& job) {
  const std::string doing =
      fmt::format("scheduling the job \"{}\"", job.name.value_or(job.command));
  postgres::Rows made;
  if (job.name) {
    ASSIGN_OR_RETURN(made, connection
                               .Query("SELECT cron.schedule($1::pg_catalog.text, "
                                      "$2::pg_catalog.text, $3::pg_catalog.text)",
                                      {*job.name, job.schedule, job.command})
                               .Context(doing));
  } else {
    ASSIGN_OR_RETURN(made, connection
                               .Query("SELECT j.jobid FROM cron.job j WHERE j.jobname IS NULL "
                                      "AND j.schedule = $1 AND j.command = $2 "
                                      "AND j.username = session_user ORDER BY 1 LIMIT 1",
                                      {job.schedule, job.command})
                               .Context(doing));
    if (made.rows.empty()) {
      ASSIGN_OR_RETURN(made,
                       connection
                           .Query("SELECT cron.schedule($1::pg_catalog.text, $2::pg_catalog.text)",
                                  {job.schedule, job.command})
                           .Context(doing));
    }
  }
  if (made.rows.size() != 1) return Error{Code::kFailed, doing + ": the server names no job", ""};
  return connection
      .Query("SELECT cron.alter_job($1::pg_catalog.int8, active => $2::pg_catalog.bool)",
             {made.rows[0][0].value_or(""), job.active ? "t" : "f"})
      .status()
      .Context(doing);
}

}  // namespace pgcairn::sources
