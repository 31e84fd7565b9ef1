// What a manifest says of the run, the server and what was copied.
#pragma once

#include <string>

#include "commands/copy_files.h"
#include "format/manifest.pb.h"
#include "postgres/data_directory.h"
#include "postgres/server_facts.h"
#include "sources/physical/page_reader.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

struct RunFacts {
  std::string backup_id;
  std::string cluster;
  std::string note;
  Timestamp started;
  format::Manifest::Method method = format::Manifest::PHYSICAL;
};
void DescribeRun(const RunFacts& run, format::Manifest& manifest);

void AddSetting(format::Manifest& manifest, const char* name, std::string value);
void DescribeServer(const postgres::ServerFacts& facts, const std::string& data_directory,
                    format::Manifest& manifest);

// Tablespaces as the data directory links them: the links are what a restore must make. A relative
// link becomes an absolute one.
void DescribeTablespaces(const postgres::ServerFacts& facts,
                         const postgres::DataDirectoryListing& listing, format::Manifest& manifest);

// `server_map`, the server's tablespace_map; written anew when it holds relative links, which would
// lead elsewhere from another directory.
Result<std::string> AbsoluteTablespaceMap(const postgres::DataDirectoryListing& listing,
                                          std::string server_map, int server_major);

void DescribeFindings(const sources::PageFindings& findings, format::Manifest& manifest);
void DescribeCopy(const CopyResult& copied, format::Manifest& manifest);

}  // namespace pgcairn::commands
