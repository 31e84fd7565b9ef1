// Large objects of a backup into a database.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "postgres/connection.h"
#include "util/result.h"

namespace pgcairn::sources {

struct LargeObjectToMake {
  uint32_t oid = 0;
  uint64_t size = 0;  // bytes
  std::string owner;
  std::vector<std::string> grants;  // statements
  bool has_comment = false;
  std::string comment;
};

// Makes them all, empty, in one transaction. Errors: kAlreadyExists does not come from a database
// without large objects.
Status MakeLargeObjects(postgres::Connection& connection,
                        const std::vector<LargeObjectToMake>& objects);

// `pages` gives the rows of a COPY: oid, number of the page, bytes. All of them are written, or
// none. Returns how many.
Result<uint64_t> LoadLargeObjectPages(postgres::Connection& connection, uint32_t page_bytes,
                                      const postgres::Connection::NextPiece& pages);

// After the pages: owner, grants and comment. kFailed when one has another size than the backup
// says.
Status FinishLargeObjects(postgres::Connection& connection,
                          const std::vector<LargeObjectToMake>& objects);

}  // namespace pgcairn::sources
