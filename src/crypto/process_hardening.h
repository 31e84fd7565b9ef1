// Keeps secrets in this process's memory from reaching a disk through a crash.
#pragma once

namespace pgcairn::crypto {

// No core dump from now on, to a file or to a crash collector, and no ptrace by other processes of
// the same user. Call it first in main(), and again after every change of user or group: the kernel
// then resets the flag to fs.suid_dumpable (prctl(2)). Says so in the log if the kernel refuses.
//
// The limit is inherited by programs that are started (a test server dumps no core either); the
// flag is not. /proc/<pid> belongs to root afterwards; the process itself can still use /proc/self.
void ForbidCoreDumps();

}  // namespace pgcairn::crypto
