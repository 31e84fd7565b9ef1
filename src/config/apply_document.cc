#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "config/connection_text.h"
#include "config/cron.h"
#include "config/key_table.h"
#include "config/nearest.h"

namespace pgcairn::config {
namespace {

using JsonKind = JsonValue::Kind;

struct Refusal {
  std::string what;
  std::string remedy;
};

// What was found, without the text itself: it may be a secret.
std::string Found(const JsonValue& value) {
  if (value.kind == JsonKind::kBoolean) return value.boolean ? "true" : "false";
  if (value.kind == JsonKind::kInteger) return fmt::format("the number {}", value.integer);
  if (value.kind == JsonKind::kReal) return fmt::format("the number {}", value.text);
  return std::string(KindName(value.kind));
}

Refusal WrongType(const JsonValue& value, std::string_view needed, std::string remedy) {
  if (value.kind == JsonKind::kNull) remedy = "remove the line to use the default, or " + remedy;
  return {fmt::format("found {}, needed {}", Found(value), needed), remedy};
}

std::optional<Refusal> Apply(const IntegerKey& key, const JsonValue& value) {
  std::string remedy =
      fmt::format("write a whole number from {} to {} without quotes", key.min, key.max);
  if (value.kind != JsonKind::kInteger) {
    return WrongType(value, fmt::format("a whole number from {} to {}", key.min, key.max), remedy);
  }
  if (value.integer < key.min || value.integer > key.max) {
    return Refusal{fmt::format("{} is outside {} to {}", value.integer, key.min, key.max), remedy};
  }
  *key.to = value.integer;
  return std::nullopt;
}

std::optional<Refusal> Apply(const FlagKey& key, const JsonValue& value) {
  if (value.kind != JsonKind::kBoolean) {
    return WrongType(value, "true or false", "write true or false without quotes");
  }
  *key.to = value.boolean;
  return std::nullopt;
}

std::optional<Refusal> Apply(const PathKey& key, const JsonValue& value) {
  if (value.kind != JsonKind::kText) return WrongType(value, "a path", "write a path in quotes");
  std::string problem = PathProblem(value.text);
  if (!problem.empty()) {
    return Refusal{problem, "write a full path, or one relative to the base folder"};
  }
  *key.to = value.text;
  return std::nullopt;
}

std::optional<Refusal> Apply(const CronKey& key, const JsonValue& value) {
  if (value.kind != JsonKind::kText) {
    return WrongType(value, "a schedule",
                     "write five cron fields in quotes, such as \"0 2 * * *\"");
  }
  Status valid = ValidateCron(value.text);
  if (!valid.ok()) return Refusal{valid.error().message, valid.error().hint};
  *key.to = value.text;
  return std::nullopt;
}

std::optional<Refusal> Apply(const ClusterNameKey& key, const JsonValue& value) {
  if (value.kind != JsonKind::kText) return WrongType(value, "a name", "write a name in quotes");
  std::string problem = ClusterNameProblem(value.text);
  if (!problem.empty()) return Refusal{problem, "choose another name"};
  *key.to = value.text;
  return std::nullopt;
}

std::optional<Refusal> Apply(const ConnectionKey& key, const JsonValue& value) {
  if (value.kind != JsonKind::kText) {
    return WrongType(value, "a connection",
                     "write \"postgresql://user@host:port/database\" or \"host=... dbname=...\"");
  }
  Status valid = ValidateConnection(value.text);
  if (!valid.ok()) return Refusal{valid.error().message, valid.error().hint};
  *key.to = Secret(value.text);
  return std::nullopt;
}

// The place of `value` in `allowed`, or why it has none.
std::variant<size_t, Refusal> ChoiceOf(const std::vector<std::string>& allowed,
                                       const JsonValue& value) {
  std::string choices = fmt::format("\"{}\"", fmt::join(allowed, "\" or \""));
  std::string remedy = fmt::format("write {}", choices);
  if (value.kind != JsonKind::kText) return WrongType(value, choices, remedy);
  auto choice = std::find(allowed.begin(), allowed.end(), value.text);
  if (choice != allowed.end()) return static_cast<size_t>(choice - allowed.begin());
  return Refusal{fmt::format("\"{}\" is not {}", value.text, choices), remedy};
}

std::optional<Refusal> Apply(const ChoiceKey& key, const JsonValue& value) {
  std::variant<size_t, Refusal> choice = ChoiceOf(key.allowed, value);
  if (Refusal* refusal = std::get_if<Refusal>(&choice)) return std::move(*refusal);
  key.set(std::get<size_t>(choice));
  return std::nullopt;
}

std::optional<Refusal> Apply(const ChoiceListKey& key, const JsonValue& value) {
  if (value.kind != JsonKind::kList) {
    return WrongType(
        value, "a list",
        fmt::format("write a list such as [\"{}\"]", fmt::join(key.allowed, "\", \"")));
  }
  std::vector<std::string> chosen;
  for (const JsonValue& item : value.list) {
    std::variant<size_t, Refusal> choice = ChoiceOf(key.allowed, item);
    if (Refusal* refusal = std::get_if<Refusal>(&choice)) return std::move(*refusal);
    chosen.push_back(key.allowed[std::get<size_t>(choice)]);
  }
  *key.to = std::move(chosen);
  return std::nullopt;
}

std::string ParentOf(std::string_view path) {
  size_t dot = path.rfind('.');
  return std::string(dot == std::string_view::npos ? "" : path.substr(0, dot));
}

std::string LastOf(std::string_view path) { return std::string(path.substr(path.rfind('.') + 1)); }

std::string LowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Every key path and every section, "storage" before "storage.local_path".
std::vector<std::string> NamesOf(const std::vector<Key>& keys) {
  std::vector<std::string> names;
  for (const Key& key : keys) {
    for (size_t dot = key.path.find('.');; dot = key.path.find('.', dot + 1)) {
      std::string name = key.path.substr(0, dot);
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      if (dot == std::string::npos) break;
    }
  }
  return names;
}

class DocumentReader {
 public:
  DocumentReader(const std::string& file, const std::vector<Key>& keys,
                 const std::vector<Key>& elsewhere, std::string_view elsewhere_name,
                 std::map<std::string, std::string, std::less<>>& sources, Problems& problems)
      : file_(file),
        keys_(keys),
        names_(NamesOf(keys)),
        names_elsewhere_(NamesOf(elsewhere)),
        elsewhere_name_(elsewhere_name),
        sources_(sources),
        problems_(problems) {}

  void ReadObject(const std::string& prefix, const JsonValue& object) {
    for (const JsonMember& member : object.members) {
      std::string path = prefix.empty() ? member.key : prefix + "." + member.key;
      if (member.key.find('.') != std::string::npos) {
        problems_.Add(member.line, fmt::format("{}: unknown key", path),
                      "a section is an object: \"storage\": {\"local_path\": ...}");
        continue;
      }
      auto key = std::find_if(keys_.begin(), keys_.end(),
                              [&](const Key& known) { return known.path == path; });
      if (key != keys_.end()) {
        ReadKey(*key, member);
      } else if (std::find(names_.begin(), names_.end(), path) == names_.end()) {
        problems_.Add(member.line, fmt::format("{}: unknown key", path), RemedyForUnknown(path));
      } else if (member.value.kind == JsonKind::kObject) {
        ReadObject(path, member.value);
      } else {
        problems_.Add(member.line,
                      fmt::format("{}: found {}, needed an object", path, Found(member.value)),
                      fmt::format("write {{ }} with any of: {}", SiblingsBelow(path)));
      }
    }
  }

 private:
  void ReadKey(const Key& key, const JsonMember& member) {
    std::optional<Refusal> refusal =
        std::visit([&](const auto& kind) { return Apply(kind, member.value); }, key.kind);
    if (refusal) {
      problems_.Add(member.line, fmt::format("{}: {}", key.path, refusal->what), refusal->remedy);
      return;
    }
    sources_[key.path] = fmt::format("{}: {}", file_, key.path);
  }

  std::string RemedyForUnknown(const std::string& path) const {
    if (path == "encryption.passphrase" || path == "encryption.password" ||
        path == "encryption.key") {
      return "the passphrase is given by BACKUP_ENCRYPTION_KEY, in the environment or in .env, "
             "never "
             "in this file";
    }
    if (std::find(names_elsewhere_.begin(), names_elsewhere_.end(), path) !=
        names_elsewhere_.end()) {
      return fmt::format("move it to {}", elsewhere_name_);
    }
    if (std::optional<std::string> nearest = NearestTo(path)) {
      return fmt::format("did you mean {}?", *nearest);
    }
    return fmt::format("remove it; known here: {}", SiblingsBelow(ParentOf(path)));
  }

  // By its own name first, so that a key in the wrong section is found too; a slip of the finger in
  // the right section is likelier.
  std::optional<std::string> NearestTo(const std::string& path) const {
    std::string lower = LowerCase(path);
    std::optional<NearestName> best;
    for (const std::string& name : names_) {
      size_t elsewhere = ParentOf(name) == ParentOf(path) ? 0 : 2;
      size_t distance = std::min(EditDistance(lower, name),
                                 EditDistance(LastOf(lower), LastOf(name)) + elsewhere);
      if (!best || distance < best->distance) best = NearestName{name, distance};
    }
    size_t distance_max = std::max<size_t>(2, LastOf(path).size() / 3);
    if (!best || best->distance > distance_max) return std::nullopt;
    return best->name;
  }

  std::string SiblingsBelow(const std::string& section) const {
    std::vector<std::string> siblings;
    for (const std::string& name : names_) {
      if (ParentOf(name) == section) siblings.push_back(LastOf(name));
    }
    return fmt::format("{}", fmt::join(siblings, ", "));
  }

  const std::string& file_;
  const std::vector<Key>& keys_;
  const std::vector<std::string> names_;
  const std::vector<std::string> names_elsewhere_;
  const std::string_view elsewhere_name_;
  std::map<std::string, std::string, std::less<>>& sources_;
  Problems& problems_;
};

}  // namespace

std::string PathProblem(std::string_view path) {
  if (path.empty()) return "the path is empty";
  if (path.find('\0') != std::string_view::npos) return "the path holds a NUL character";
  if (path.front() == '~') return "~ is not expanded";
  if (path.front() == '$' || path.find("${") != std::string_view::npos) {
    return "variables are not expanded";
  }
  return "";
}

void ApplyDocument(const JsonValue& document, const std::string& file, const std::vector<Key>& keys,
                   const std::vector<Key>& elsewhere, std::string_view elsewhere_name,
                   std::map<std::string, std::string, std::less<>>& sources, Problems& problems) {
  DocumentReader(file, keys, elsewhere, elsewhere_name, sources, problems).ReadObject("", document);
}

}  // namespace pgcairn::config
