#include "commands/export_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "commands/archive_data.h"
#include "commands/exported_rows.h"
#include "commands/large_object_pages.h"
#include "commands/work_in_parallel.h"
#include "postgres/dump_archive.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

// What pg_dump writes behind the rows of a table (dumpTableData_copy of pg_dump.c).
constexpr std::string_view kEndOfRows = "\\.\n\n\n";

class NewFile {
 public:
  static Result<NewFile> Make(std::string path) {
    ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_WRONLY | O_CREAT | O_EXCL));
    return NewFile(std::move(path), std::move(fd));
  }
  Status Append(ByteView bytes) { return WriteAll(fd_.get(), bytes, path_); }
  // Zeros behind what was written.
  Status SetSize(uint64_t size) {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) == 0) return {};
    return ErrnoError(errno, "making longer", path_);
  }
  Status Finish() {
    RETURN_IF_ERROR(FsyncFd(fd_.get(), path_));
    return fd_.Close(path_);
  }

 private:
  NewFile(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  UniqueFd fd_;
};

Status WriteWhole(const std::string& path, ByteView bytes) {
  ASSIGN_OR_RETURN(NewFile file, NewFile::Make(path));
  RETURN_IF_ERROR(file.Append(bytes));
  return file.Finish();
}

class FolderWriter {
 public:
  FolderWriter(const LogicalContents& contents, const ExportSelection& selection,
               std::string folder, Progress& progress)
      : contents_(contents),
        selection_(selection),
        catalog_(selection.catalog),
        folder_(std::move(folder)),
        progress_(progress) {}

  Status Write(size_t threads) {
    postgres::DumpArchive archive = *selection_.archive;
    ASSIGN_OR_RETURN(ArchiveFiles files, AddData(catalog_, archive));
    RETURN_IF_ERROR(WriteWhole(Path("toc.dat"), postgres::DirectoryContents(archive)));
    for (const auto& [file, statements] : files.statements) {
      RETURN_IF_ERROR(WriteWhole(Path(file), AsBytes(statements)));
    }
    RETURN_IF_ERROR(WriteTables(files.tables, threads));
    return files.large_objects.empty() ? Status() : WriteLargeObjects(files.large_objects);
  }

 private:
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  Status WriteTables(const std::vector<ArchiveFiles::Table>& tables, size_t threads) {
    std::vector<Status> ends(tables.size());
    std::atomic<bool> failed{false};
    WorkInParallel(threads, tables.size(), progress_, [&]() -> Worker {
      return [&](size_t item) {
        if (failed) return;
        ends[item] = WriteTable(tables[item]);
        if (!ends[item].ok()) failed = true;
      };
    });
    for (const Status& end : ends) RETURN_IF_ERROR(end);
    return {};
  }

  Status WriteTable(const ArchiveFiles::Table& table) {
    ASSIGN_OR_RETURN(NewFile file, NewFile::Make(Path(table.file)));
    RETURN_IF_ERROR(ExportRows(contents_, *table.table, progress_,
                               [&](ByteView bytes) { return file.Append(bytes); }));
    RETURN_IF_ERROR(file.Append(AsBytes(kEndOfRows)));
    return file.Finish();
  }

  // Pages come by object, so that one file is open at a time; one that comes again is opened again.
  Status WriteLargeObjects(const std::string& list) {
    std::string lines;
    for (const format::LogicalLargeObject& object : catalog_.large_objects()) {
      lines += LargeObjectLine(object.oid());
      ASSIGN_OR_RETURN(NewFile file, NewFile::Make(Path(LargeObjectFile(object.oid()))));
      RETURN_IF_ERROR(file.SetSize(object.size()));
      RETURN_IF_ERROR(file.Finish());
    }
    LargeObjectPages pages(catalog_);
    RETURN_IF_ERROR(pages.ReadAll(contents_, progress_,
                                  [this](const LargeObjectPage& page) { return PutPage(page); }));
    RETURN_IF_ERROR(CloseObject());
    return WriteWhole(Path(list), AsBytes(lines));
  }

  Status PutPage(const LargeObjectPage& page) {
    if (!object_.valid() || open_oid_ != page.oid) {
      RETURN_IF_ERROR(CloseObject());
      ASSIGN_OR_RETURN(object_, Open(Path(LargeObjectFile(page.oid)), O_WRONLY));
      open_oid_ = page.oid;
    }
    const std::optional<Bytes> bytes = FromHex(page.hex);
    CHECK(bytes.has_value());
    return WriteAt(object_.get(), *bytes, page.offset, folder_);
  }

  Status CloseObject() {
    if (!object_.valid()) return {};
    RETURN_IF_ERROR(FsyncFd(object_.get(), folder_));
    return object_.Close(folder_);
  }

  const LogicalContents& contents_;
  const ExportSelection& selection_;
  const format::LogicalCatalog& catalog_;
  const std::string folder_;
  Progress& progress_;
  UniqueFd object_;  // whose pages were last put
  uint32_t open_oid_ = 0;
};

}  // namespace

Status WriteArchiveFolder(const LogicalContents& contents, const ExportSelection& selection,
                          const std::string& folder, size_t threads, Progress& progress) {
  return FolderWriter(contents, selection, folder, progress).Write(threads);
}

}  // namespace pgcairn::commands
