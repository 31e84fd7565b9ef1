#include "commands/verify_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace pgcairn::commands {
namespace {

constexpr size_t kWarningsKept = 1000;

}  // namespace

DamagedObject& Findings::Entry(const std::string& object, const Error& error) {
  DamagedObject& entry = damaged_[object];
  if (entry.object.empty()) {
    entry.object = object;
    entry.problem = error.message;
    entry.code = error.code;
    entry.missing = error.code == Code::kNotFound;
  }
  return entry;
}

void Findings::Add(const std::string& object, const Error& error,
                   const std::vector<std::string>& backups) {
  std::lock_guard lock(mutex_);
  std::vector<std::string>& hurt = Entry(object, error).backups;
  for (const std::string& id : backups) {
    if (std::find(hurt.begin(), hurt.end(), id) == hurt.end()) hurt.push_back(id);
  }
}

void Findings::AddCopyDamage(const std::string& object, const Error& error) {
  std::lock_guard lock(mutex_);
  Entry(object, error).copy_is_good = true;
}

void Findings::AddLost(const std::string& object, const LostPart& part) {
  std::lock_guard lock(mutex_);
  damaged_.at(object).lost.push_back(part);
}

void Findings::MarkRecorded(const std::string& object) {
  std::lock_guard lock(mutex_);
  auto found = damaged_.find(object);
  if (found != damaged_.end()) found->second.recorded = true;
}

void Findings::Warn(std::string text) {
  std::lock_guard lock(mutex_);
  if (warnings_.size() < kWarningsKept) {
    warnings_.push_back(std::move(text));
  } else {
    ++warnings_left_out_;
  }
}

void Findings::Forget(const std::string& backup_id, const std::vector<std::string>& objects) {
  std::lock_guard lock(mutex_);
  for (const std::string& object : objects) damaged_.erase(object);
  for (auto entry = damaged_.begin(); entry != damaged_.end();) {
    std::vector<std::string>& hurt = entry->second.backups;
    const bool was_hurt = std::erase(hurt, backup_id) > 0;
    entry = was_hurt && hurt.empty() ? damaged_.erase(entry) : std::next(entry);
  }
}

bool Findings::Has(const std::string& object) const {
  std::lock_guard lock(mutex_);
  return damaged_.contains(object);
}

bool Findings::empty() const {
  std::lock_guard lock(mutex_);
  return damaged_.empty();
}

std::vector<DamagedObject> Findings::Damaged() const {
  std::lock_guard lock(mutex_);
  std::vector<DamagedObject> all;
  all.reserve(damaged_.size());
  for (const auto& [name, entry] : damaged_) {
    all.push_back(entry);
    std::ranges::sort(all.back().backups);
  }
  return all;
}

std::vector<std::string> Findings::Warnings() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> all = warnings_;
  if (warnings_left_out_ > 0) all.push_back(fmt::format("and {} more", warnings_left_out_));
  return all;
}

}  // namespace pgcairn::commands
