#include "commands/process.h"

#include "crypto/init_library.h"
#include "crypto/process_hardening.h"

namespace pgcairn::commands {

void ForbidCoreDumps() { crypto::ForbidCoreDumps(); }
void InitWithoutTls() { crypto::InitLibraryWithoutTls(); }

}  // namespace pgcairn::commands
