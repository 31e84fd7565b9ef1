// What stands in the way of restoring into a database.
#pragma once

#include <string>
#include <vector>

#include "postgres/connection.h"
#include "util/result.h"

namespace pgcairn::sources {

// The first few things in the database that a new one does not have, in words: "table public.a".
// Empty: the database is as createdb leaves it, whatever the schema public may hold that belongs to
// an extension of template1.
Result<std::vector<std::string>> FindUserObjects(postgres::Connection& connection);

// Of these roles those that the server does not have, in the same order.
Result<std::vector<std::string>> FindMissingRoles(postgres::Connection& connection,
                                                  const std::vector<std::string>& roles);
// Makes a role that owns things and is granted things, and cannot log in.
Status CreateStubRole(postgres::Connection& connection, const std::string& role);

struct ExtensionOffer {
  bool available = false;
  bool installed = false;
  bool creatable = false;  // by the role; where a service lets it, too
  // That CREATE EXTENSION would install; in a database that has the extension, the version that it
  // has; empty when it is not available.
  std::string version;
};
// What the server's files offer.
Result<ExtensionOffer> FindExtension(postgres::Connection& connection, const std::string& name);
Result<bool> OffersVersion(postgres::Connection& connection, const std::string& name,
                           const std::string& version);

}  // namespace pgcairn::sources
