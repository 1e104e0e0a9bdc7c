// The grammar of names, tags and digests (OCI distribution specification 1.1). A name becomes part of URLs and, in the
// local registry, of files, so anything beyond the grammar is refused here: '..', '%', white space, upper case.
#include "transport/reference.hpp"

#include "http/url.hpp"

#include <fmt/core.h>

namespace modelctl::transport {
namespace {

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// One part of a repository's name: [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)* (OCI distribution 1.1, "Pulling manifests").
bool is_part(std::string_view part) {
  if (part.empty() || !is_alnum(part.front()) || !is_alnum(part.back())) return false;
  for (std::size_t i = 0; i < part.size();) {
    if (is_alnum(part[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < part.size() && !is_alnum(part[end])) ++end;
    std::string_view separator = part.substr(i, end - i);
    bool good =
        separator == "." || separator == "_" || separator == "__" || separator.find_first_not_of('-') == separator.npos;
    if (!good) return false;
    i = end;
  }
  return true;
}

bool is_repository(std::string_view name) {
  if (name.size() > 255) return false;
  while (true) {
    std::size_t slash = name.find('/');
    if (!is_part(name.substr(0, slash))) return false;
    if (slash == name.npos) return true;
    name.remove_prefix(slash + 1);
  }
}

// [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}
bool is_tag(std::string_view tag) {
  if (tag.empty() || tag.size() > 128 || tag.front() == '.' || tag.front() == '-') return false;
  for (char c : tag) {
    if (!is_alnum(c) && !(c >= 'A' && c <= 'Z') && c != '_' && c != '.' && c != '-') return false;
  }
  return true;
}

Error bad_reference(std::string_view text, std::string reason, std::string help) {
  return Error(Kind::usage, "bad-reference", fmt::format("'{}' is not a reference to a package", http::redacted(text)))
      .because(std::move(reason))
      .help(std::move(help));
}

Result<void> take_host(std::string_view text, std::string_view& rest, Name& name) {
  if (!begins_with_host(rest)) return {};
  std::size_t slash = rest.find('/');
  std::string host(rest.substr(0, slash));
  auto url = http::Url::parse("https://" + host);
  if (!url || url->had_userinfo || url->path != "/" || !url->query.empty() || url->authority() != host) {
    return bad_reference(text, fmt::format("'{}' is not a host", http::redacted(host)),
                         "a host reads as registry.example or registry.example:5000, in lower case");
  }
  name.host = std::move(host);
  rest.remove_prefix(slash + 1);
  return {};
}

Result<void> check_repository(std::string_view text, std::string_view repository) {
  if (is_repository(repository)) return {};
  return bad_reference(text, fmt::format("'{}' is not a name", repository.substr(0, 300)),
                       "a name has lower-case letters and digits, with single '.', '_', '-' between them, and '/' "
                       "between its parts");
}

}  // namespace

std::string Name::local() const { return tag.empty() ? repository : repository + ":" + tag; }

std::string Name::text() const {
  return (host.empty() ? "" : host + "/") + local() + (digest ? "@" + digest->text() : "");
}

std::string shown(const std::string& reference) {
  // These name files, in which an '@' or a '?' is an ordinary character.
  if (reference.starts_with("file:") || reference.starts_with("oci:")) return reference;
  return http::redacted(reference);
}

bool begins_with_host(std::string_view reference) {
  std::size_t slash = reference.find('/');
  if (slash == reference.npos) return false;
  std::string_view first = reference.substr(0, slash);
  return first == "localhost" || first.find_first_of(".:") != first.npos;
}

Result<Name> parse_name(std::string_view text) {
  Name name;
  std::string_view rest = text;
  TRY(take_host(text, rest, name));
  // The digest first: it contains a ':', which would otherwise be taken for that of a tag.
  if (std::size_t at = rest.find('@'); at != rest.npos) {
    auto digest = Digest::parse(rest.substr(at + 1));
    if (!digest) {
      return bad_reference(text, "what stands after '@' is not a SHA-256 digest",
                           "a digest reads 'sha256:' and 64 lower-case hexadecimal digits");
    }
    name.digest = *digest;
    rest = rest.substr(0, at);
  }
  if (std::size_t colon = rest.find(':'); colon != rest.npos) {
    name.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_tag(name.tag)) {
      return bad_reference(
          text, fmt::format("'{}' is not a version", name.tag.substr(0, 300)),
          "a version has at most 128 letters, digits, '_', '.' and '-', and begins with none of '.', '-'");
    }
  }
  TRY(check_repository(text, rest));
  name.repository = rest;
  if (name.tag.empty() && !name.digest) {
    return bad_reference(text, "it names no version", fmt::format("write for example {}:1.0", text));
  }
  return name;
}

Result<Name> parse_repository(std::string_view text) {
  Name name;
  std::string_view rest = text;
  bool host_alone = text.find('/') == text.npos && (text == "localhost" || text.find_first_of(".:") != text.npos);
  std::string with_slash = std::string(text) + "/";
  if (host_alone) rest = with_slash;
  TRY(take_host(text, rest, name));
  if (rest.empty() && !name.host.empty()) return name;
  TRY(check_repository(text, rest));
  name.repository = rest;
  return name;
}

}  // namespace modelctl::transport
