// libpq, loaded when the first connection is made.
//
// PostgreSQL starts a process for every segment that is archived or restored, and none of these
// connects. Half of such a process's time until main() went into loading libpq and the Kerberos,
// LDAP and TLS libraries behind it (docs/adr/0004-libpq-when-it-is-needed.md).
#pragma once

#include <libpq-fe.h>

#include "util/result.h"

namespace pgcairn::postgres {

struct LibpqFunctions {
  decltype(&::PQbackendPID) PQbackendPID;
  decltype(&::PQclear) PQclear;
  decltype(&::PQcmdTuples) PQcmdTuples;
  decltype(&::PQconnectdbParams) PQconnectdbParams;
  decltype(&::PQconninfo) PQconninfo;
  decltype(&::PQconninfoFree) PQconninfoFree;
  decltype(&::PQconninfoParse) PQconninfoParse;
  decltype(&::PQerrorMessage) PQerrorMessage;
  decltype(&::PQexec) PQexec;
  decltype(&::PQexecParams) PQexecParams;
  decltype(&::PQfinish) PQfinish;
  decltype(&::PQfname) PQfname;
  decltype(&::PQfreemem) PQfreemem;
  decltype(&::PQgetCopyData) PQgetCopyData;
  decltype(&::PQgetResult) PQgetResult;
  decltype(&::PQgetisnull) PQgetisnull;
  decltype(&::PQgetlength) PQgetlength;
  decltype(&::PQgetvalue) PQgetvalue;
  decltype(&::PQnfields) PQnfields;
  decltype(&::PQntuples) PQntuples;
  decltype(&::PQparameterStatus) PQparameterStatus;
  decltype(&::PQpass) PQpass;
  decltype(&::PQputCopyData) PQputCopyData;
  decltype(&::PQputCopyEnd) PQputCopyEnd;
  decltype(&::PQresultErrorField) PQresultErrorField;
  decltype(&::PQresultStatus) PQresultStatus;
  decltype(&::PQserverVersion) PQserverVersion;
  decltype(&::PQsetNoticeReceiver) PQsetNoticeReceiver;
  decltype(&::PQstatus) PQstatus;
  decltype(&::PQuser) PQuser;
};

// Loads libpq once in the life of the process. Errors: kUnsupported, when it is not installed or
// older than what is called here. May be called from many threads at once, as what follows.
Status LoadLibpq();

// Its functions. LoadLibpq() has returned OK.
const LibpqFunctions& Libpq();

}  // namespace pgcairn::postgres
