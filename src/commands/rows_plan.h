// Which rows of a backup a database takes, decided before anything is changed.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "commands/definition_plan.h"
#include "commands/logical_run.h"
#include "sources/logical/cron_jobs.h"
#include "sources/logical/sequence_values.h"
#include "sources/logical/target_definitions.h"
#include "util/result.h"

namespace pgcairn::commands {

struct RowsPlan {
  std::vector<const format::LogicalTable*> tables;
  // As RowLoad has it: tables of others, and the role's that were there before the restore.
  std::map<uint32_t, std::vector<std::string>> replaced;
  // Tables that an interrupted restore may have filled, as SQL has their names.
  std::vector<std::string> emptied;
  // By their oids, tables of extensions that the restore makes, or leaves out: what they are at the
  // target is known when the definitions are made.
  std::set<uint32_t> unknown;
  std::vector<sources::SequenceValue> sequences;
  std::vector<sources::CronJob> jobs;  // that functions make; their table is none of `tables`
};

// `beside_others`: the database has things of others, which keep their tables and get the backup's
// rows where the role may write them. The run's report gets the tables and what is left out.
// Reads the rows of cron.job.
Result<RowsPlan> PlanRows(LogicalRun& run, const sources::TargetDefinitions& target,
                          const DefinitionPlan& definitions, bool beside_others, bool goes_on);

// When the definitions are made: decides about the tables that were unknown, as a restore does that
// goes on behind them, and about sequences that came with them.
Status CompletePlan(LogicalRun& run, const DefinitionPlan& definitions, bool beside_others,
                    RowsPlan& plan);

}  // namespace pgcairn::commands
