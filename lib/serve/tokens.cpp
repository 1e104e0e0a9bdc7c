// A token is compared by its digest, with all digests and in constant time: how long a refusal takes must not show how
// much of a guess is right.
#include "serve/tokens.hpp"

#include "base/files.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>

namespace modelctl::serve {
namespace {

constexpr std::size_t least_length = 16;
constexpr std::size_t longest_name = 64;
constexpr std::size_t most_tokens = 1024;
constexpr std::uint64_t largest_file = 1 << 20;
constexpr std::string_view white = " \t\r\n";
constexpr std::string_view no_token = "anonymous";

constexpr std::array<std::pair<std::string_view, Scope>, 4> scope_names{
    {{"predict", Scope::predict}, {"feedback", Scope::feedback}, {"metrics", Scope::metrics}, {"admin", Scope::admin}}};

std::string_view name_of(Scope scope) {
  for (const auto& [name, named] : scope_names) {
    if (named == scope) return name;
  }
  return "";
}

// Removes and returns the part up to the next of the separators, and those.
std::string_view next(std::string_view& text, std::string_view separators) {
  text.remove_prefix(std::min(text.find_first_not_of(separators), text.size()));
  std::string_view word = text.substr(0, text.find_first_of(separators));
  text.remove_prefix(word.size());
  return word;
}

bool good_name(std::string_view name) {
  auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
  };
  return name.size() <= longest_name && std::all_of(name.begin(), name.end(), good);
}

Error bad_token(std::string reason) {
  return Error(Kind::bad_config, "bad-tokens", "cannot use the file of tokens").because(std::move(reason));
}

Result<Scopes> parse_scopes(std::string_view text) {
  Scopes scopes;
  std::string_view rest = text;
  for (std::string_view word = next(rest, ","); !word.empty(); word = next(rest, ",")) {
    auto found = std::find_if(scope_names.begin(), scope_names.end(), [&](auto& known) { return known.first == word; });
    if (found == scope_names.end()) return bad_token("a scope is one of predict, feedback, metrics and admin");
    scopes.add(found->second);
  }
  return scopes;
}

// The token itself, or its digest as `sha256:` and 64 hex digits.
Result<Digest> parse_token(std::string_view text) {
  if (text.starts_with("sha256:")) {
    auto digest = Digest::parse(text);
    if (!digest) return bad_token("a digest is 'sha256:' and 64 hex digits in lower case");
    return *digest;
  }
  if (text.size() < least_length) return bad_token(fmt::format("a token has {} characters or more", least_length));
  return Sha256::of(as_bytes(text));
}

Result<void> add_line(std::string_view line, TokenTable& table) {
  std::string_view name = next(line, white), scopes = next(line, white), token = next(line, white);
  if (name.empty() || name.front() == '#') return {};
  if (name == no_token) {
    if (!token.empty()) return bad_token("'anonymous' has scopes alone: it is who has no token");
    table.anonymous = TRY(parse_scopes(scopes));
    return {};
  }
  if (!good_name(name)) return bad_token("a name has letters, digits, '.', '_' and '-', 64 at most");
  if (token.empty() || !next(line, white).empty()) return bad_token("a line is NAME SCOPE[,SCOPE…] TOKEN");
  auto same = [&](const TokenTable::Token& other) { return other.name == name; };
  if (std::any_of(table.tokens.begin(), table.tokens.end(), same)) return bad_token("the name is used twice");
  if (table.tokens.size() == most_tokens) return bad_token(fmt::format("there are more than {} tokens", most_tokens));
  table.tokens.push_back({std::string(name), TRY(parse_scopes(scopes)), TRY(parse_token(token))});
  return {};
}

// The token in a file of its own, without the white space around it. A short one could be guessed.
Result<Digest> read_admin_token(const std::filesystem::path& path) {
  std::string text = TRY(read_text_file(path, largest_file));
  std::string_view rest = text, token = next(rest, white);
  if (token.size() >= least_length && next(rest, white).empty()) return Sha256::of(as_bytes(token));
  return Error(Kind::bad_config, "bad-admin-token", fmt::format("cannot use '{}' as the admin token", path.string()))
      .at(path.string())
      .because(fmt::format("a token has {} characters or more, and no white space", least_length))
      .help("make one with: openssl rand -hex 32");
}

Result<TokenTable> read_table(const Settings& settings) {
  TokenTable table;
  if (!settings.tokens.empty()) {
    std::string text = TRY(read_text_file(settings.tokens, largest_file));
    auto parsed = parse_tokens(text);
    if (!parsed) {
      Error error = std::move(parsed).error();
      std::string line = std::exchange(error.where, "");
      return std::move(error).at(fmt::format("{}:{}", settings.tokens.string(), line));
    }
    table = std::move(*parsed);
  }
  if (!settings.admin_token.empty())
    table.tokens.push_back({"admin", {Scope::admin}, TRY(read_admin_token(settings.admin_token))});
  return table;
}

// The token of "Bearer TOKEN", whose scheme may have any case (RFC 9110, section 11.1); empty if it is not that.
std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size()) return {};
  bool same = std::equal(scheme.begin(), scheme.end(), authorization.begin(), [](char wanted, char given) {
    return wanted == static_cast<char>(std::tolower(static_cast<unsigned char>(given)));
  });
  if (!same) return {};
  authorization.remove_prefix(scheme.size());
  return next(authorization, " ");
}

AccessRefusal refusal(const TokenTable& table, Scope scope, const TokenTable::Token* token, bool sent) {
  if (table.tokens.empty())
    return {403, "this server has no admin token: start it with --admin-token FILE or --tokens FILE", ""};
  if (token != nullptr) {
    return {403, fmt::format("the token does not have the scope '{}'", name_of(scope)),
            fmt::format("Bearer error=\"insufficient_scope\", scope=\"{}\"", name_of(scope))};
  }
  return {401, fmt::format("the request needs a token that has the scope '{}'", name_of(scope)),
          sent ? "Bearer error=\"invalid_token\"" : "Bearer"};
}

}  // namespace

// A file names what needs no token; what it does not name needs one.
Result<TokenTable> parse_tokens(std::string_view text) {
  TokenTable table;
  table.anonymous = {};
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::size_t end = std::min(text.find('\n'), text.size());
    if (auto added = add_line(text.substr(0, end), table); !added)
      return std::move(added).error().at(fmt::format("{}", number));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return table;
}

Result<void> Tokens::load() {
  TRY(reload());
  return {};
}

void Tokens::use(TokenTable table) {
  auto next = std::make_shared<const TokenTable>(std::move(table));
  std::lock_guard lock(mutex_);
  table_.swap(next);
}

std::vector<std::filesystem::path> Tokens::watched_files() const {
  std::vector<std::filesystem::path> files;
  for (const auto& file : {settings_.tokens, settings_.admin_token}) {
    if (!file.empty()) files.push_back(file);
  }
  return files;
}

Result<std::string> Tokens::reload() {
  TokenTable next = TRY(read_table(settings_));
  std::string count = std::to_string(next.tokens.size());
  use(std::move(next));
  return count;
}

Access Tokens::check(Scope scope, std::string_view authorization) const {
  auto table = this->table();
  std::string_view given = bearer_token(authorization);
  const TokenTable::Token* found = nullptr;
  if (!given.empty() && !table->tokens.empty()) {
    Digest digest = Sha256::of(as_bytes(given));
    for (const TokenTable::Token& token : table->tokens) {
      if (CRYPTO_memcmp(token.digest.bytes.data(), digest.bytes.data(), digest.bytes.size()) == 0) found = &token;
    }
  }
  Access access;
  if (found != nullptr) access.name = found->name;
  if (!table->anonymous.has(scope) && (found == nullptr || !found->scopes.has(scope)))
    access.refusal = refusal(*table, scope, found, !given.empty());
  return access;
}

}  // namespace modelctl::serve
