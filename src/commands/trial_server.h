// A server on a trial restore, which nobody can reach and which reaches nobody.
#pragma once

#include <string>

#include "commands/recovery_plan.h"
#include "commands/restore_target.h"
#include "config/settings.h"
#include "format/manifest.pb.h"
#include "postgres/standalone_server.h"
#include "util/result.h"

namespace pgcairn::commands {

// `root` is the trial's directory, in which `places` are. No archiving, no network, no
// subscriptions, no autovacuum, nothing preloaded. Returns when recovery is over. Errors: kNotFound
// (no server programs of that version), and those of StandaloneServer.
Result<postgres::StandaloneServer> StartTrialServer(const config::Settings& settings,
                                                    const format::Manifest& manifest,
                                                    const RestorePlaces& places,
                                                    const std::string& root);

// Who may do everything there.
std::string TrialUser(const format::Manifest& manifest);

// What is archived while the trial runs has not been looked at, and a trial does not read it: it
// may create a tablespace.
RecoveryPlan EndingWhereReadAhead(RecoveryPlan plan);

}  // namespace pgcairn::commands
