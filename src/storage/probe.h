// Proves that a storage can do what pgcairn's safety rests on.
#pragma once

#include "storage/storage.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::storage {

// Writes one small scratch object ("probe-" and 32 hex digits) into the root and deletes it again.
// Proven: put-if-absent (of several writers at once exactly one wins; a later put leaves the first
// object alone), list after put and after delete, whole and ranged get, delete.
// kUnsupported: the message says what is missing. Other errors are those of the requests
// themselves (kPermission, kNoSpace, ...). Scratch objects of probes that died are deleted once
// they are a day old.
Status ProbeAbilities(Storage& storage);

// What the storage's clock says: the stored_at of a scratch object of the same kind, deleted again.
// Errors are those of the requests.
Result<Timestamp> ReadTime(Storage& storage);

}  // namespace pgcairn::storage
