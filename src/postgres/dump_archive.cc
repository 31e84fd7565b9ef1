#include "postgres/dump_archive.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>
#include <utility>

namespace pgcairn::postgres {
namespace {

constexpr std::string_view kMagic = "PGDMP";
constexpr uint8_t kMinorMin = 14;
constexpr uint8_t kMinorWithAlgorithm = 15;  // of compression, one byte, in the place of its level
constexpr uint8_t kMinorWithRelationKind = 16;
constexpr uint8_t kMinorMax = 16;
// ArchiveFormat of pg_backup.h. toc.dat says that it is a tar's: both have the same items.
constexpr uint8_t kCustom = 1;
constexpr uint8_t kTar = 3;
// Bytes of a number that pg_dump writes on machines of 64 bits, beside its sign.
constexpr uint8_t kNumberBytes = 4;
// Magic, version, bytes of a number and of a position in a file.
constexpr size_t kFormatAt = kMagic.size() + 3 + 2;

Error DamagedArchive(const std::string& what) {
  return {Code::kDamaged, "the backup's archive of definitions " + what,
          "restore from another backup"};
}

class ArchiveReader {
 public:
  explicit ArchiveReader(ByteView bytes) : bytes_(bytes), reader_(bytes) {}

  Result<DumpArchive> Read() {
    DumpArchive archive;
    RETURN_IF_ERROR(ReadHead(archive));
    const int64_t count = Number();
    // An item has more than that many bytes.
    constexpr size_t kItemBytesMin = 40;
    if (count < 0 || static_cast<uint64_t>(count) > reader_.left() / kItemBytesMin) {
      return DamagedArchive("has an impossible number of items");
    }
    for (int64_t i = 0; i < count; ++i) archive.items.push_back(Item());
    if (!good_ || !reader_.ok()) return DamagedArchive("cannot be read");
    return archive;
  }

 private:
  Status ReadHead(DumpArchive& archive) {
    if (AsText(reader_.View(kMagic.size())) != kMagic) return DamagedArchive("is none");
    const auto major = reader_.Le<uint8_t>();
    minor_ = reader_.Le<uint8_t>();
    reader_.Le<uint8_t>();  // revision
    const auto number_bytes = reader_.Le<uint8_t>();
    position_bytes_ = reader_.Le<uint8_t>();
    const auto format = reader_.Le<uint8_t>();
    if (major != 1 || minor_ < kMinorMin || minor_ > kMinorMax || number_bytes != kNumberBytes) {
      return Error{Code::kUnsupported,
                   fmt::format("the backup's archive of definitions is of the version {}.{}, and "
                               "1.{} to 1.{} are known",
                               major, minor_, kMinorMin, kMinorMax),
                   "restore it with `pgcairn restore`, or export it with tools/reader"};
    }
    if (format != kCustom) return DamagedArchive("is not of pg_dump's custom format");
    archive.minor_version = minor_;
    if (minor_ >= kMinorWithAlgorithm) {
      reader_.Le<uint8_t>();
    } else {
      Number();
    }
    // The moment in seven numbers, the database, the server's version, pg_dump's.
    for (int i = 0; i < 7; ++i) Number();
    for (int i = 0; i < 3; ++i) Text();
    archive.head = ToBytes(bytes_.first(bytes_.size() - reader_.left()));
    return {};
  }

  ArchiveItem Item() {
    ArchiveItem item;
    item.id = Unsigned(Number());
    item.has_data = Number() != 0;
    item.catalog = NumberIn(Text());
    item.oid = NumberIn(Text());
    item.tag = Text();
    item.kind = Text();
    const int64_t section = Number();
    if (section < 1 || section > 4) good_ = false;
    item.section = static_cast<ArchiveSection>(section);
    item.definition = Text();
    item.drop = Text();
    item.copy = Text();
    item.schema = Text();
    item.tablespace = Text();
    item.table_access_method = Text();
    if (minor_ >= kMinorWithRelationKind) item.relation_kind = Unsigned(Number());
    item.owner = Text();
    Text();  // whether rows have oids: none has since PostgreSQL 12
    for (std::optional<std::string> id = Text(); id; id = Text()) {
      item.needs.push_back(NumberIn(id));
    }
    reader_.View(size_t{1} + position_bytes_);  // where its data are
    if (item.id == 0) good_ = false;
    return item;
  }

  // A sign, then the bytes, the lowest first.
  int64_t Number() {
    const bool negative = reader_.Le<uint8_t>() != 0;
    const auto value = static_cast<int64_t>(reader_.Le<uint32_t>());
    return negative ? -value : value;
  }
  uint32_t Unsigned(int64_t number) {
    if (number < 0) good_ = false;
    return static_cast<uint32_t>(number);
  }
  std::optional<std::string> Text() {
    const int64_t length = Number();
    if (length < 0) return std::nullopt;
    const ByteView text = reader_.View(static_cast<size_t>(length));
    // Lists end with nothing: a text that is not there must not be one.
    if (!reader_.ok()) return std::nullopt;
    return ToString(text);
  }
  uint32_t NumberIn(const std::optional<std::string>& text) {
    uint32_t number = 0;
    const std::string_view digits = text ? std::string_view(*text) : std::string_view();
    auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (failed != std::errc() || end != digits.data() + digits.size()) good_ = false;
    return number;
  }

  const ByteView bytes_;
  ByteReader reader_;
  uint8_t minor_ = 0;
  uint8_t position_bytes_ = 0;
  bool good_ = true;
};

void AppendNumber(Bytes& out, int64_t number) {
  AppendLe<uint8_t>(out, number < 0 ? 1 : 0);
  AppendLe<uint32_t>(out, static_cast<uint32_t>(number < 0 ? -number : number));
}

void AppendText(Bytes& out, const std::optional<std::string>& text) {
  if (!text) return AppendNumber(out, -1);
  AppendNumber(out, static_cast<int64_t>(text->size()));
  Append(out, AsBytes(*text));
}

void AppendItem(Bytes& out, const ArchiveItem& item, int minor) {
  AppendNumber(out, item.id);
  AppendNumber(out, item.has_data ? 1 : 0);
  AppendText(out, std::to_string(item.catalog));
  AppendText(out, std::to_string(item.oid));
  AppendText(out, item.tag);
  AppendText(out, item.kind);
  AppendNumber(out, static_cast<int64_t>(item.section));
  AppendText(out, item.definition);
  AppendText(out, item.drop);
  AppendText(out, item.copy);
  AppendText(out, item.schema);
  AppendText(out, item.tablespace);
  AppendText(out, item.table_access_method);
  if (minor >= kMinorWithRelationKind) AppendNumber(out, item.relation_kind);
  AppendText(out, item.owner);
  AppendText(out, "false");
  for (uint32_t id : item.needs) AppendText(out, std::to_string(id));
  AppendText(out, std::nullopt);
  AppendText(out, item.file);
}

}  // namespace

bool IsTable(const ArchiveItem& item) {
  // Oids of system catalogs are the same in every version.
  constexpr uint32_t kPgClass = 1259;
  return item.catalog == kPgClass && item.kind == "TABLE";
}

Result<DumpArchive> ReadDumpArchive(ByteView archive) { return ArchiveReader(archive).Read(); }

Bytes DirectoryContents(const DumpArchive& archive) {
  Bytes out = archive.head;
  out[kFormatAt] = kTar;
  AppendNumber(out, static_cast<int64_t>(archive.items.size()));
  for (const ArchiveItem& item : archive.items) AppendItem(out, item, archive.minor_version);
  return out;
}

}  // namespace pgcairn::postgres
