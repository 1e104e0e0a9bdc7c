#include "transport/auth.hpp"

#include "base/digest.hpp"
#include "base/json.hpp"

#include <algorithm>
#include <set>

namespace modelctl::transport {
namespace {

bool is_token_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

// Draws the pieces of a header's value from its front.
struct Scanner {
  std::string_view rest;

  void skip(std::string_view these) {
    while (!rest.empty() && these.find(rest.front()) != these.npos) rest.remove_prefix(1);
  }
  bool take(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  std::string token() {
    std::string text;
    while (!rest.empty() && is_token_char(rest.front())) {
      text += rest.front();
      rest.remove_prefix(1);
    }
    return text;
  }
  std::string quoted() {
    std::string text;
    while (!rest.empty() && rest.front() != '"') {
      if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
      text += rest.front();
      rest.remove_prefix(1);
    }
    take('"');
    return text;
  }
};

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::vector<std::string> words(std::string_view text, char separator) {
  std::vector<std::string> list;
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!word.empty()) list.emplace_back(word);
  }
  return list;
}

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  Scanner scan{header};
  while (challenges.size() < 16) {
    scan.skip(" \t,");
    std::string name = scan.token();
    if (name.empty()) break;
    scan.skip(" \t");
    // A name before '=' is a parameter of the challenge before; any other begins a new one.
    if (!scan.take('=')) {
      challenges.push_back({lower(std::move(name)), {}});
      continue;
    }
    scan.skip(" \t");
    std::string value = scan.take('"') ? scan.quoted() : scan.token();
    if (challenges.empty()) break;
    challenges.back().values.emplace(lower(std::move(name)), std::move(value));
  }
  return challenges;
}

std::vector<std::string> merged_scopes(std::string_view ours, std::string_view theirs) {
  std::map<std::string, std::set<std::string>> actions;  // resource -> actions
  for (std::string_view text : {ours, theirs}) {
    for (const std::string& scope : words(text, ' ')) {
      std::size_t colon = scope.rfind(':');
      if (colon == scope.npos) {
        actions[scope];
        continue;
      }
      for (std::string& action : words(std::string_view(scope).substr(colon + 1), ',')) {
        actions[scope.substr(0, colon)].insert(std::move(action));
      }
    }
  }
  std::vector<std::string> scopes;
  for (const auto& [resource, wanted] : actions) {
    std::string scope = resource;
    char separator = ':';
    for (const std::string& action : wanted) {
      scope += separator + action;
      separator = ',';
    }
    scopes.push_back(std::move(scope));
  }
  return scopes;
}

Result<Token> parse_token(std::string_view body, std::string_view where) {
  auto json = parse_json(body, where);
  Token token;
  if (json && json->is_object()) {
    for (const char* key : {"token", "access_token"}) {
      if (token.value.empty()) token.value = json_string(*json, key, where).value_or("");
    }
    if (auto lifetime = json_unsigned(*json, "expires_in", where)) {
      token.lifetime = std::chrono::seconds(std::min<std::uint64_t>(*lifetime, 24 * 3600));
    }
  }
  bool printable = std::all_of(token.value.begin(), token.value.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (token.value.empty() || !printable) {
    return Error(Kind::protocol, "bad-token", "the token service gave no token").at(std::string(where));
  }
  return token;
}

std::string basic_authorization(const std::string& username, const std::string& password) {
  return "Basic " + to_base64(as_bytes(username + ":" + password));
}

}  // namespace modelctl::transport
