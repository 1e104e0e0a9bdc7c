// Who may do what: bearer tokens (RFC 6750) with scopes, and what needs none. docs/reference/tokens.md has the format
// of the file.
#pragma once

#include "base/digest.hpp"
#include "serve/reloading.hpp"
#include "serve/settings.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve {

// What a route or method needs. `none`: it tells nothing of the models.
enum class Scope : std::uint8_t { none, predict, feedback, metrics, admin };

class Scopes {
 public:
  constexpr Scopes() = default;
  constexpr Scopes(std::initializer_list<Scope> scopes) {
    for (Scope scope : scopes) add(scope);
  }
  constexpr void add(Scope scope) { bits_ |= 1u << static_cast<unsigned>(scope); }
  constexpr bool has(Scope scope) const { return (bits_ >> static_cast<unsigned>(scope) & 1) != 0; }

 private:
  unsigned bits_ = 1;  // every client has Scope::none
};

// Only digests are kept, so that no memory of the process shows a token.
struct TokenTable {
  struct Token {
    std::string name;  // in logs and metrics
    Scopes scopes;
    Digest digest;
  };
  std::vector<Token> tokens;
  Scopes anonymous{Scope::predict, Scope::feedback, Scope::metrics};  // what needs no token
};

// Reads the file's format. Fails with the number of the first line that is wrong, and never with a token.
Result<TokenTable> parse_tokens(std::string_view text);

// Why a request is refused, as HTTP has it. gRPC's status follows from that.
struct AccessRefusal {
  int status;  // 401: no token that is known; 403: one that does not have the scope
  std::string message;
  std::string challenge;  // for the header WWW-Authenticate; empty for none
};

struct Access {
  std::string name;  // of the token; empty if none that is known was sent
  std::optional<AccessRefusal> refusal;
};

class Tokens final : public Reloadable {
 public:
  // Without any setting, all may do everything except what only operators do.
  explicit Tokens(const Settings& settings) : settings_(settings) {}

  Result<void> load();
  void use(TokenTable table);

  // May a request with this header Authorization do what needs the scope? The time that it takes does not depend on
  // how much of a token is right. Any thread may call it.
  Access check(Scope scope, std::string_view authorization) const;

  std::string_view name() const override { return "tokens"; }
  std::vector<std::filesystem::path> watched_files() const override;
  Result<std::string> reload() override;

 private:
  std::shared_ptr<const TokenTable> table() const {
    std::lock_guard lock(mutex_);
    return table_;
  }

  const Settings& settings_;
  mutable std::mutex mutex_;  // for the pointer alone
  std::shared_ptr<const TokenTable> table_ = std::make_shared<const TokenTable>();
};

}  // namespace modelctl::serve
