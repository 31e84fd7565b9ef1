// What a command needs done to its process.
#pragma once

namespace pgcairn::commands {

// Keys and passwords must not end up in a core file. To be called again after a change of user.
void ForbidCoreDumps();

// Makes process starts cheap for verbs that use no TLS: not for those that connect to a server.
void InitWithoutTls();

}  // namespace pgcairn::commands
