// What a manifest says of the run, the server and what was copied.
#pragma once

#include <string>

#include "commands/copy_files.h"
#include "format/manifest.pb.h"
#include "postgres/data_directory.h"
#include "postgres/server_facts.h"
#include "sources/physical/page_reader.h"
#include "util/clock.h"

namespace pgcairn::commands {

struct RunFacts {
  std::string backup_id;
  std::string cluster;
  std::string note;
  Timestamp started;
};
void DescribeRun(const RunFacts& run, format::Manifest& manifest);

void AddSetting(format::Manifest& manifest, const char* name, std::string value);
void DescribeServer(const postgres::ServerFacts& facts, const std::string& data_directory,
                    format::Manifest& manifest);

// Tablespaces as the data directory links them: the links are what a restore must make.
void DescribeTablespaces(const postgres::ServerFacts& facts,
                         const postgres::DataDirectoryListing& listing, format::Manifest& manifest);

void DescribeFindings(const sources::PageFindings& findings, format::Manifest& manifest);
void DescribeCopy(const CopyResult& copied, format::Manifest& manifest);

}  // namespace pgcairn::commands
