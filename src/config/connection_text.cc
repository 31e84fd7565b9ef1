#include "config/connection_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <vector>

#include "util/bytes.h"

namespace pgcairn::config {
namespace {

constexpr std::string_view kHidden = "***";

struct Redacted {
  std::string text;
  bool found = false;
};

bool IsSpace(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::string_view WithoutLeadingBlanks(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  return text;
}

// Wider than libpq's own list: a keyword that it does not know still shows what somebody typed.
bool IsSecretKeyword(std::string_view keyword) {
  std::string lower = Lower(keyword);
  if (lower == "passfile") return false;
  constexpr std::array<std::string_view, 6> kParts = {
      "pass", "pwd", "secret", "token", "scram_client_key", "scram_server_key"};
  return std::any_of(kParts.begin(), kParts.end(),
                     [&](std::string_view part) { return lower.find(part) != std::string::npos; });
}

// The length of "scheme://" at the start, 0 when there is none.
size_t SchemeLength(std::string_view text) {
  size_t colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0) return 0;
  bool plain = std::all_of(text.begin(), text.begin() + static_cast<ptrdiff_t>(colon), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '-' || c == '.' ||
           c == '_';
  });
  return plain ? colon + 3 : 0;
}

std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    std::optional<Bytes> byte;
    if (text[i] == '%' && i + 2 < text.size()) byte = FromHex(text.substr(i + 1, 2));
    if (byte && byte->size() == 1) {
      decoded.push_back(static_cast<char>((*byte)[0]));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// The keywords of libpq whose values may be shown (PQconninfoOptions in fe-connect.c, versions 13
// to 18).
bool IsOpenKeyword(std::string_view keyword) {
  constexpr std::string_view kOpen[] = {
      "application_name",
      "authtype",
      "channel_binding",
      "client_encoding",
      "connect_timeout",
      "dbname",
      "fallback_application_name",
      "gssdelegation",
      "gssencmode",
      "gsslib",
      "host",
      "hostaddr",
      "keepalives",
      "keepalives_count",
      "keepalives_idle",
      "keepalives_interval",
      "krbsrvname",
      "load_balance_hosts",
      "max_protocol_version",
      "min_protocol_version",
      "oauth_client_id",
      "oauth_issuer",
      "oauth_scope",
      "options",
      "passfile",
      "port",
      "replication",
      "require_auth",
      "requirepeer",
      "requiressl",
      "service",
      "servicefile",
      "ssl_max_protocol_version",
      "ssl_min_protocol_version",
      "sslcert",
      "sslcertmode",
      "sslcompression",
      "sslcrl",
      "sslcrldir",
      "sslkey",
      "sslkeylogfile",
      "sslmode",
      "sslnegotiation",
      "sslrootcert",
      "sslsni",
      "target_session_attrs",
      "tcp_user_timeout",
      "user",
  };
  return std::find(std::begin(kOpen), std::end(kOpen), keyword) != std::end(kOpen);
}

// A query is told from a '?' inside a password by its shape: parameter names and nothing else
// before each '=', and an '@' only in values of parameters that exist, in a URL whose user has no
// password before it.
bool LooksLikeQuery(std::string_view before, std::string_view query) {
  size_t at = before.find('@');
  bool password_before = at != std::string_view::npos && before.find(':') < at;
  if (password_before && query.find('@') != std::string_view::npos) return false;
  for (std::string_view pair : Split(query, '&')) {
    size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0) return false;
    std::string keyword = PercentDecoded(pair.substr(0, equals));
    bool plain = std::all_of(keyword.begin(), keyword.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
    });
    if (!plain) return false;
    bool at_sign = pair.substr(equals + 1).find('@') != std::string_view::npos;
    if (at_sign && !IsOpenKeyword(keyword) && !IsSecretKeyword(keyword)) return false;
  }
  return true;
}

void RedactQuery(std::string_view query, Redacted& out) {
  char separator = '?';
  for (std::string_view pair : Split(query, '&')) {
    size_t equals = pair.find('=');
    std::string_view value = pair.substr(equals + 1);
    std::string plain_value = PercentDecoded(value);
    bool hide = IsSecretKeyword(PercentDecoded(pair.substr(0, equals))) ||
                plain_value.find("://") != std::string::npos ||
                plain_value.find("password=") != std::string::npos;
    out.text += separator;
    out.text += pair.substr(0, equals + 1);
    out.text += hide && !value.empty() ? kHidden : value;
    out.found |= hide && !value.empty();
    separator = '&';
  }
}

// Where libpq lets the user and password end: the first '@', unless a '/' comes before it.
size_t UserEnd(std::string_view rest) {
  size_t at = rest.find_first_of("@/");
  return at != std::string_view::npos && rest[at] == '@' ? at : 0;
}

// What comes after "host:" and is no port number is a password whose host was forgotten.
void RedactHosts(std::string_view hosts, Redacted& out) {
  bool first = true;
  for (std::string_view host : Split(hosts, ',')) {
    if (!first) out.text += ',';
    first = false;
    size_t bracket = host.starts_with('[') ? host.find(']') : 0;
    size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
    out.text += host.substr(0, colon);
    if (colon == std::string_view::npos) continue;
    std::string_view port = host.substr(colon + 1);
    bool number = port.find_first_not_of("0123456789") == std::string_view::npos;
    out.text += ':';
    out.text += number ? port : kHidden;
    out.found |= !number;
  }
}

// Cuts the query, without its '?', off the end of `rest`; nothing when there is none.
std::optional<std::string_view> TakeQuery(std::string_view& rest) {
  for (size_t mark = rest.find('?', UserEnd(rest)); mark != std::string_view::npos;
       mark = rest.find('?', mark + 1)) {
    std::string_view query = rest.substr(mark + 1);
    if (!LooksLikeQuery(rest.substr(0, mark), query)) continue;
    rest = rest.substr(0, mark);
    return query;
  }
  return std::nullopt;
}

// Cuts "user:password@" off the start of `rest`. The password is taken to reach to the last '@':
// libpq ends it at the first, but whoever forgot to escape one must not see the rest of it in a
// message.
void RedactUser(std::string_view& rest, Redacted& out) {
  size_t at = rest.rfind('@');
  if (at == std::string_view::npos) return;
  std::string_view user = rest.substr(0, at);
  size_t end = user.find_first_of(":@/?");
  out.text += user.substr(0, end);
  if (end != std::string_view::npos) {
    out.text += ':';
    bool empty_password = user[end] == ':' && end + 1 == user.size();
    if (!empty_password) out.text += kHidden;
    out.found |= !empty_password;
  }
  out.text += '@';
  rest.remove_prefix(at + 1);
}

void RedactUrl(std::string_view url, size_t scheme_length, Redacted& out) {
  out.text += url.substr(0, scheme_length);
  std::string_view rest = url.substr(scheme_length);
  std::optional<std::string_view> query = TakeQuery(rest);
  size_t unclear = query ? std::string_view::npos : rest.find('?', UserEnd(rest));
  if (unclear != std::string_view::npos && rest.find('@', unclear) != std::string_view::npos) {
    // Either the '@' after the '?' ends the user's password, or it is part of one in the query.
    out.text += rest.substr(0, rest.find_first_of(":@/?"));
    out.text += kHidden;
    out.found = true;
    return;
  }
  RedactUser(rest, out);
  size_t hosts_end = std::min(rest.find_first_of("/?"), rest.size());
  RedactHosts(rest.substr(0, hosts_end), out);
  rest.remove_prefix(hosts_end);
  // A '?' that is left belongs to a query that libpq would refuse; what follows could be anything.
  size_t mark = rest.find('?');
  out.text += rest.substr(0, mark);
  if (mark != std::string_view::npos && mark + 1 < rest.size()) {
    out.text += '?';
    out.text += kHidden;
    out.found = true;
  }
  if (query) RedactQuery(*query, out);
}

struct Pair {
  std::string_view keyword;
  // As written, with its quotes.
  std::string_view raw;
  std::string value;
};

// Takes the next pair off `rest`; nothing when what follows is not keyword = value.
std::optional<Pair> TakePair(std::string_view& rest) {
  size_t end = 0;
  while (end < rest.size() && rest[end] != '=' && !IsSpace(rest[end])) ++end;
  Pair pair;
  pair.keyword = rest.substr(0, end);
  while (end < rest.size() && IsSpace(rest[end])) ++end;
  if (pair.keyword.empty() || end == rest.size() || rest[end] != '=') return std::nullopt;
  ++end;
  while (end < rest.size() && IsSpace(rest[end])) ++end;
  size_t start = end;
  bool quoted = end < rest.size() && rest[end] == '\'';
  if (quoted) ++end;
  bool closed = !quoted;
  while (end < rest.size()) {
    char c = rest[end];
    if (quoted && c == '\'') {
      closed = true;
      ++end;
      break;
    }
    if (!quoted && IsSpace(c)) break;
    if (c == '\\' && ++end == rest.size()) break;
    pair.value += rest[end++];
  }
  if (!closed) return std::nullopt;
  pair.raw = rest.substr(start, end - start);
  rest.remove_prefix(end);
  return pair;
}

Redacted Redact(std::string_view connection);

void RedactPairs(std::string_view rest, Redacted& out) {
  for (rest = WithoutLeadingBlanks(rest); !rest.empty(); rest = WithoutLeadingBlanks(rest)) {
    if (!out.text.empty()) out.text += ' ';
    std::optional<Pair> pair = TakePair(rest);
    // What is no known keyword may be the rest of a value with an unescaped space or quote, and so
    // may everything after it.
    if (!pair || (!IsOpenKeyword(pair->keyword) && !IsSecretKeyword(pair->keyword))) {
      out.text += kHidden;
      out.found = true;
      return;
    }
    out.text += pair->keyword;
    out.text += '=';
    if (pair->value.empty()) {
      out.text += pair->raw;
    } else if (IsSecretKeyword(pair->keyword)) {
      out.text += kHidden;
      out.found = true;
    } else if ((SchemeLength(pair->value) > 0 || pair->value.find('=') != std::string::npos) &&
               pair->keyword == "dbname" && Redact(pair->value).found) {
      // psql and others expand a connection given as dbname.
      out.text += kHidden;
      out.found = true;
    } else {
      out.text += pair->raw;
    }
  }
}

Redacted Redact(std::string_view connection) {
  Redacted out;
  std::string_view text = WithoutLeadingBlanks(connection);
  size_t scheme_length = SchemeLength(text);
  if (scheme_length > 0) {
    RedactUrl(text, scheme_length, out);
  } else {
    RedactPairs(text, out);
  }
  return out;
}

}  // namespace

std::string RedactConnection(std::string_view connection) { return Redact(connection).text; }

bool ContainsPassword(std::string_view connection) { return Redact(connection).found; }

Status ValidateConnection(std::string_view connection) {
  constexpr std::string_view kForms =
      "write postgresql://user:password@host:port/database or host=... port=... user=... "
      "dbname=...";
  size_t scheme_length = SchemeLength(connection);
  if (scheme_length > 0) {
    std::string_view scheme = connection.substr(0, scheme_length - 3);
    if (scheme == "postgresql" || scheme == "postgres") return {};
    return Error{Code::kUsage,
                 fmt::format("the scheme {}:// is not one that PostgreSQL's library takes", scheme),
                 "write the URL with postgresql://"};
  }
  std::string_view rest = WithoutLeadingBlanks(connection);
  if (rest.empty()) return Error{Code::kUsage, "the connection is empty", std::string(kForms)};
  for (; !rest.empty(); rest = WithoutLeadingBlanks(rest)) {
    if (!TakePair(rest)) {
      return Error{Code::kUsage, "the connection is neither a URL nor pairs key=value",
                   std::string(kForms)};
    }
  }
  return {};
}

}  // namespace pgcairn::config
