// A scanner for challenges. Commas separate challenges and also parameters, so a name is known to begin a new challenge
// only when no '=' follows it.
#include "http/challenge.hpp"

#include "base/bytes.hpp"
#include "base/digest.hpp"

namespace modelctl::http {
namespace {

constexpr std::size_t challenge_limit = 16;  // more than any server offers

bool is_token_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

// Takes the parts of a header's value from its front.
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

}  // namespace

std::string Challenge::value(const std::string& name) const {
  auto found = values.find(name);
  return found == values.end() ? std::string() : found->second;
}

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  Scanner scan{header};
  while (challenges.size() < challenge_limit) {
    scan.skip(" \t,");
    std::string name = scan.token();
    if (name.empty()) break;
    scan.skip(" \t");
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

std::string basic_authorization(const std::string& username, const std::string& password) {
  return "Basic " + to_base64(as_bytes(username + ":" + password));
}

}  // namespace modelctl::http
