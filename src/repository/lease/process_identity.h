// Which process of which host: so that another one on the same host can prove that it has ended.
#pragma once

#include "format/runs.pb.h"

namespace pgcairn::repository {

format::ProcessIdentity ThisProcess();

enum class Life {
  kAlive,    // it runs here, or is stopped
  kDead,     // proven: it ran on this host, and it or the whole boot has ended
  kUnknown,  // of another host, of another space of process ids, or not to be seen from here
};

// Asks the kernel now. Two hosts count as one when both their name and /etc/machine-id agree: give
// cloned machines names and machine ids of their own, as their other programs need them too.
// Without a machine id another boot proves nothing: containers often have neither one nor a name of
// their own.
Life LifeOf(const format::ProcessIdentity& process);
// As seen by `here`, which is a process of this host.
Life LifeOf(const format::ProcessIdentity& process, const format::ProcessIdentity& here);

}  // namespace pgcairn::repository
