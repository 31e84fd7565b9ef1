// Which pages a record of the log is about, and what redo needs of them.
//
// Source: DecodeXLogRecord in src/backend/access/transam/xlogreader.c, xlogrecord.h (BKPBLOCK_*,
// BKPIMAGE_*), XLogReadBufferForRedoExtended in src/backend/access/transam/xlogutils.c,
// xl_dbase_create_file_copy_rec in src/include/commands/dbcommands_xlog.h, CheckPoint and XLOG_* in
// src/include/catalog/pg_control.h, RM_CUSTOM_MIN_ID in src/include/access/rmgr.h.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "postgres/wal/wal_reader.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::postgres {

// A relation's files, as the log and the data directory name them.
struct RelationId {
  uint32_t tablespace = 0;
  uint32_t database = 0;  // 0: shared by all
  uint32_t relfilenode = 0;
  friend auto operator<=>(const RelationId&, const RelationId&) = default;
};

struct WalBlock {
  RelationId relation;
  uint8_t fork = 0;
  uint32_t block = 0;
  // Redo puts a whole page there, from an image in the record or an empty one, whatever was there
  // before. Otherwise it changes the page that it finds; one of zeros is an error to it ("WAL
  // contains references to invalid pages").
  bool replaced = false;
};

// Takes a record apart: its main data, always the last part of `body`; and its blocks, added to
// `blocks` unless that is null. Nothing when the parts do not add up.
std::optional<ByteView> ParseWalRecord(ByteView body, int major_version,
                                       std::vector<WalBlock>* blocks);

// Redo copies the files of one database as those of another, without a word of their pages in the
// log: CREATE DATABASE by files, and ALTER DATABASE ... SET TABLESPACE, which copies to itself.
struct DatabaseCopy {
  uint32_t to = 0;
  uint32_t from = 0;
};

// What a record means for a recovery that does not have all pages.
struct WalDemand {
  std::vector<WalBlock> blocks;
  std::optional<DatabaseCopy> copy;
  // What a checkpoint or a change of the setting says of full_page_writes.
  std::optional<bool> full_page_writes;
  // Of an extension: what its redo reads besides the blocks is unknown.
  bool by_extension = false;
};

// `body` is the whole record, as WalReader::Body() gives it. kUnsupported: it does not have the
// form that this version of PostgreSQL writes.
Result<WalDemand> ReadWalDemand(const WalRecord& record, ByteView body, int major_version);

}  // namespace pgcairn::postgres
