#include <memory>

#include "postgres/connection.h"
#include "postgres/connection_session.h"
#include "postgres/libpq.h"

namespace pgcairn::postgres {

std::vector<std::string> Connection::EnvironmentForPrograms() const {
  std::vector<std::string> environment;
  if (session_ == nullptr) return environment;
  std::unique_ptr<PQconninfoOption, decltype(&::PQconninfoFree)> options(
      Libpq().PQconninfo(session_->connection), Libpq().PQconninfoFree);
  for (const PQconninfoOption* option = options.get(); option && option->keyword; ++option) {
    // Those without a variable are about how long to wait, and "service", whose settings stand
    // among the others already.
    if (option->envvar == nullptr || option->val == nullptr || *option->val == '\0') continue;
    if (std::string_view(option->keyword) == "service") continue;
    environment.push_back(std::string(option->envvar) + "=" + option->val);
  }
  if (!session_->password.empty()) {
    std::erase_if(environment,
                  [](const std::string& line) { return line.starts_with("PGPASSWORD="); });
    environment.push_back("PGPASSWORD=" + session_->password);
  }
  return environment;
}

}  // namespace pgcairn::postgres
