#include "postgres/libpq.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace pgcairn::postgres {
namespace {

struct Library {
  LibpqFunctions functions{};
  Status status;
};

template <typename Function>
void Find(void* library, const char* name, Function& function, Status& status) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function != nullptr || !status.ok()) return;
  status = Error{Code::kUnsupported, fmt::format("the libpq of this host has no {}", name),
                 "install libpq5 of version 13 or later"};
}

Library Load() {
  Library loaded;
  // Never closed: TLS and Kerberos behind it leave handlers that run at exit.
  void* library = ::dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    loaded.status = Error{Code::kUnsupported, fmt::format("loading libpq: {}", ::dlerror()),
                          "install the package libpq5"};
    return loaded;
  }
  LibpqFunctions& f = loaded.functions;
  auto find = [&](const char* name, auto& function) {
    Find(library, name, function, loaded.status);
  };
  find("PQbackendPID", f.PQbackendPID);
  find("PQclear", f.PQclear);
  find("PQcmdTuples", f.PQcmdTuples);
  find("PQconnectdbParams", f.PQconnectdbParams);
  find("PQconninfo", f.PQconninfo);
  find("PQconninfoFree", f.PQconninfoFree);
  find("PQconninfoParse", f.PQconninfoParse);
  find("PQerrorMessage", f.PQerrorMessage);
  find("PQexec", f.PQexec);
  find("PQexecParams", f.PQexecParams);
  find("PQfinish", f.PQfinish);
  find("PQfname", f.PQfname);
  find("PQfreemem", f.PQfreemem);
  find("PQgetCopyData", f.PQgetCopyData);
  find("PQgetResult", f.PQgetResult);
  find("PQgetisnull", f.PQgetisnull);
  find("PQgetlength", f.PQgetlength);
  find("PQgetvalue", f.PQgetvalue);
  find("PQnfields", f.PQnfields);
  find("PQntuples", f.PQntuples);
  find("PQparameterStatus", f.PQparameterStatus);
  find("PQpass", f.PQpass);
  find("PQputCopyData", f.PQputCopyData);
  find("PQputCopyEnd", f.PQputCopyEnd);
  find("PQresultErrorField", f.PQresultErrorField);
  find("PQresultStatus", f.PQresultStatus);
  find("PQserverVersion", f.PQserverVersion);
  find("PQsetNoticeReceiver", f.PQsetNoticeReceiver);
  find("PQstatus", f.PQstatus);
  find("PQuser", f.PQuser);
  return loaded;
}

const Library& Loaded() {
  static const Library library = Load();
  return library;
}

}  // namespace

Status LoadLibpq() { return Loaded().status; }

const LibpqFunctions& Libpq() {
  CHECK(Loaded().status.ok());
  return Loaded().functions;
}

}  // namespace pgcairn::postgres
