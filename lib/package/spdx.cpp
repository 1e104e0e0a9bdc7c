// A parser by recursive descent. The grammar, of which all operators may be written in lower case, too:
//
//   expression  = conjunction *("OR" conjunction)
//   conjunction = license *("AND" license)
//   license     = "(" expression ")" / identifier ["+"] ["WITH" exception]
#include "package/spdx.hpp"

#include "base/suggest.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <string>

namespace modelctl::package {
namespace {

constexpr int most_nested = 64;

// What models, data and their code are under most often.
constexpr std::string_view common[] = {
    "0BSD",
    "AFL-3.0",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-1.1",
    "Apache-2.0",
    "Artistic-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-3-Clause-Clear",
    "BSD-4-Clause",
    "BSL-1.0",
    "BUSL-1.1",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-ND-4.0",
    "CC-BY-NC-SA-4.0",
    "CC-BY-ND-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "CDDL-1.0",
    "CDLA-Permissive-1.0",
    "CDLA-Permissive-2.0",
    "CDLA-Sharing-1.0",
    "ECL-2.0",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.1",
    "EUPL-1.2",
    "GFDL-1.3-only",
    "GFDL-1.3-or-later",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "ISC",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MPL-1.1",
    "MPL-2.0",
    "MS-PL",
    "MS-RL",
    "NCSA",
    "NONE",
    "NOASSERTION",
    "ODC-By-1.0",
    "ODbL-1.0",
    "OFL-1.1",
    "OSL-3.0",
    "PDDL-1.0",
    "PostgreSQL",
    "PSF-2.0",
    "Python-2.0",
    "Unlicense",
    "UPL-1.0",
    "W3C",
    "WTFPL",
    "Zlib",
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
// Identifiers are compared without regard to case.
bool same(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

bool is_identifier(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}
bool is_operator(std::string_view word) { return same(word, "AND") || same(word, "OR") || same(word, "WITH"); }

constexpr std::string_view document_prefix = "DocumentRef-", license_prefix = "LicenseRef-";

bool is_reference(std::string_view word) {
  return word.starts_with(document_prefix) || word.starts_with(license_prefix);
}

// A reference with what it refers to.
bool is_own(std::string_view word) {
  if (std::size_t colon = word.find(':'); word.starts_with(document_prefix) && colon != word.npos) {
    if (!is_identifier(word.substr(document_prefix.size(), colon - std::min(colon, document_prefix.size()))))
      return false;
    word.remove_prefix(colon + 1);
  }
  return word.starts_with(license_prefix) && is_identifier(word.substr(license_prefix.size()));
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), rest_(text) { next(); }

  Result<std::vector<Error>> parse() {
    TRY(expression(0));
    if (!word_.empty()) return refused(fmt::format("'{}' stands where AND, OR or the end belongs", word_));
    return std::move(warnings_);
  }

 private:
  Error refused(std::string reason) const {
    return Error(Kind::bad_config, "bad-license", fmt::format("cannot use the license '{}'", text_))
        .because("it is not an SPDX expression: " + reason)
        .help("write it as in 'Apache-2.0', 'MIT OR Apache-2.0' or, for terms of your own, 'LicenseRef-NAME'");
  }

  // A parenthesis, or all up to a parenthesis or space; empty at the end.
  void next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
    std::size_t end = rest_.starts_with('(') || rest_.starts_with(')') ? 1 : rest_.find_first_of(" ()");
    word_ = rest_.substr(0, end);
    rest_.remove_prefix(word_.size());
  }

  Result<void> expression(int depth) {
    if (depth > most_nested) return refused("its parentheses are nested too deeply");
    for (;; next()) {
      TRY(conjunction(depth));
      if (!same(word_, "OR")) return {};
    }
  }

  Result<void> conjunction(int depth) {
    for (;; next()) {
      TRY(license(depth));
      if (!same(word_, "AND")) return {};
    }
  }

  Result<void> license(int depth) {
    if (word_ == "(") {
      next();
      TRY(expression(depth + 1));
      if (word_ != ")") return refused("a ')' is missing");
      next();
      return {};
    }
    if (word_.empty()) return refused("it ends where a license belongs");
    std::string_view name = word_.ends_with('+') ? word_.substr(0, word_.size() - 1) : word_;
    bool own = is_own(word_);
    if (!own && (is_operator(word_) || !is_identifier(name) || is_reference(name)))
      return refused(fmt::format("'{}' stands where a license belongs", word_));
    if (!own) warn_of_unknown(name);
    next();
    if (!same(word_, "WITH")) return {};
    next();
    if (!is_identifier(word_) || is_operator(word_)) return refused("no exception follows WITH");
    next();
    return {};
  }

  void warn_of_unknown(std::string_view name) {
    if (std::ranges::any_of(common, [&](std::string_view each) { return same(each, name); })) return;
    std::string meant = nearest(std::string(name), std::vector<std::string>(std::begin(common), std::end(common)));
    warnings_.push_back(
        Error(Kind::bad_config, "unknown-license", fmt::format("'{}' is not a common license of SPDX", name))
            .help(meant.empty()
                      ? "see https://spdx.org/licenses for its identifier; name terms of your own LicenseRef-NAME"
                      : fmt::format("did you mean '{}'?", meant)));
  }

  std::string_view text_, rest_, word_;
  std::vector<Error> warnings_;
};

}  // namespace

Result<std::vector<Error>> check_license(std::string_view expression) { return Parser(expression).parse(); }

}  // namespace modelctl::package
