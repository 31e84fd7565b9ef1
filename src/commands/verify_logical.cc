#include "commands/verify_logical.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "commands/verify_report.h"

namespace pgcairn::commands {

void StreamsAgainstCatalog::Refuse(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
}

void StreamsAgainstCatalog::Add(const repository::StreamEntry& stream) {
  if (stream.kind != repository::StreamKind::kChunks) {
    return Refuse(fmt::format("a backup of a database holds the file {}", stream.path));
  }
  auto document = std::ranges::find(kDocuments, stream.path);
  if (document != kDocuments.end()) {
    bool& has = has_document_[static_cast<size_t>(document - kDocuments.begin())];
    if (std::exchange(has, true)) Refuse(fmt::format("the backup holds {} twice", stream.path));
  } else if (!rows_.Add(stream)) {
    Refuse(fmt::format("the backup holds {}, which no backup of a database has", stream.path));
  }
}

Status StreamsAgainstCatalog::Judge(const format::Manifest& manifest,
                                    const std::optional<Bytes>& catalog) {
  for (const std::string& problem : {problem_, rows_.problem()}) {
    if (!problem.empty()) return Damaged(problem);
  }
  for (size_t i = 0; i < kDocuments.size(); ++i) {
    if (!has_document_[i]) return Damaged(fmt::format("the backup holds no {}", kDocuments[i]));
  }
  if (!catalog) return {};
  format::LogicalCatalog parsed;
  if (!parsed.ParseFromArray(catalog->data(), static_cast<int>(catalog->size()))) {
    return Damaged("the catalog of the backup cannot be parsed");
  }
  if (manifest.databases_size() != 1 || manifest.databases(0).name() != parsed.database()) {
    return Damaged("the catalog of the backup is another database's than the manifest's");
  }
  return rows_.Judge(parsed);
}

}  // namespace pgcairn::commands
