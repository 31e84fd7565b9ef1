#include "commands/log_demand.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "commands/pages_read.h"
#include "postgres/wal/wal_page.h"
#include "postgres/wal/wal_reader.h"

namespace pgcairn::commands {
namespace {

class DemandReader {
 public:
  DemandReader(const Archive& archive, const WalRun& run, std::optional<postgres::Lsn> stop,
               uint32_t database)
      : archive_(archive), run_(run), database_(database), last_(run.last) {
    if (stop) last_ = std::min(last_, stop->value / archive.segment_bytes());
  }

  Result<LogDemand> Read() {
    ASSIGN_OR_RETURN(Bytes segment, FetchOnPath(archive_, run_, run_.first));
    for (uint64_t number = run_.first; number <= last_; ++number) {
      if (segment.empty()) return Everything("the log has a gap");
      ASSIGN_OR_RETURN(Bytes next, FetchOnPath(archive_, run_, number + 1));
      RETURN_IF_ERROR(ReadSegment(number, segment, next));
      if (!demand_.everything_because.empty()) return std::move(demand_);
      segment = std::move(next);
    }
    demand_.relations = pages_.relations();
    return std::move(demand_);
  }

 private:
  LogDemand Everything(std::string reason) {
    demand_.everything_because = std::move(reason);
    return std::move(demand_);
  }

  Status ReadSegment(uint64_t number, ByteView segment, ByteView next) {
    ASSIGN_OR_RETURN(postgres::WalSegmentHeader header, postgres::ReadWalSegmentHeader(segment));
    if (segment.size() != header.segment_size) {
      return Error{Code::kDamaged, "a WAL segment has another size than it says", ""};
    }
    Bytes following(next.begin(), next.end());
    for (uint64_t newest = number + 1;; ++newest) {
      postgres::WalReader reader(header, segment, following);
      RETURN_IF_ERROR(ReadRecords(reader, header.major_version));
      if (reader.end() != postgres::WalEnd::kCutOff || following.empty()) {
        // Where recovery ends it ends for everybody; elsewhere something was not seen.
        if (reader.end() == postgres::WalEnd::kLogEnds && number < last_) {
          demand_.everything_because = fmt::format("the log cannot be read from {} on",
                                                   archive_.NameOf({run_.timeline, number}));
        }
        return {};
      }
      // Of a record longer than a segment.
      ASSIGN_OR_RETURN(Bytes more, FetchOnPath(archive_, run_, newest + 1));
      if (more.empty()) return {};
      Append(following, more);
    }
  }

  Status ReadRecords(postgres::WalReader& reader, int major_version) {
    while (reader.Next()) {
      if (reader.record().start < run_.redo_at) continue;
      ASSIGN_OR_RETURN(postgres::WalDemand record,
                       postgres::ReadWalDemand(reader.record(), reader.Body(), major_version));
      Note(record);
      if (!demand_.everything_because.empty()) return {};
    }
    return {};
  }

  void Note(const postgres::WalDemand& record) {
    if (record.full_page_writes == false) {
      demand_.everything_because = "full_page_writes was off";
    } else if (record.by_extension) {
      demand_.everything_because = "the log has records of an extension";
    } else if (record.copy && record.copy->to == database_ && record.copy->from != database_) {
      demand_.everything_because = "the database was made as a copy of another one's files";
    }
    for (const postgres::WalBlock& block : record.blocks) {
      const uint32_t of = block.relation.database;
      if (of != 0 && of != database_) pages_.Add(block);
    }
  }

  const Archive& archive_;
  const WalRun& run_;
  const uint32_t database_;
  uint64_t last_;
  PagesRead pages_;
  LogDemand demand_;
};

}  // namespace

Result<LogDemand> ReadLogDemand(const Archive& archive, const WalRun& run,
                                std::optional<postgres::Lsn> stop, uint32_t database) {
  return DemandReader(archive, run, stop, database).Read();
}

}  // namespace pgcairn::commands
