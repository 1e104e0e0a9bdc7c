// The sources are tried in the documented order. A new passphrase that is typed must be repeated.
#include "package/passphrase.hpp"

#include "base/files.hpp"

#include <fmt/core.h>

namespace modelctl::package {
namespace {

// From the file or the environment; nothing if neither has one. Of a file the first line counts, without its end, as
// editors and `echo` write it. A variable that is set to nothing is an empty passphrase, as for cosign: a script
// without a terminal then gets an answer instead of a prompt.
Result<std::optional<Secret>> given_passphrase(const std::filesystem::path& file, const Environment& environment) {
  if (!file.empty()) {
    std::string text = TRY(read_text_file(file, 64u << 10));
    Secret secret(std::string_view(text).substr(0, text.find_first_of("\r\n")));
    Secret::wipe(text);
    return std::optional<Secret>(std::move(secret));
  }
  for (const char* name : {"MODELCTL_PASSWORD", "COSIGN_PASSWORD"}) {
    if (auto value = environment.get(name)) return std::optional<Secret>(Secret::take(*value));
  }
  return std::optional<Secret>();
}

Result<Secret> ask(const std::string& prompt, Reporter& reporter) {
  auto answer = reporter.ask_secret(prompt);
  if (answer) return Secret::take(*answer);
  return Error(Kind::denied, "no-passphrase", "cannot ask for the passphrase: there is no terminal")
      .help("set MODELCTL_PASSWORD, or pass --password-file FILE");
}

}  // namespace

Result<Secret> existing_passphrase(const std::filesystem::path& file, std::string_view key,
                                   const Environment& environment, Reporter& reporter) {
  auto given = TRY(given_passphrase(file, environment));
  if (given) return std::move(*given);
  return ask(fmt::format("Passphrase of '{}'", key), reporter);
}

Result<Secret> new_passphrase(const std::filesystem::path& file, const Environment& environment, Reporter& reporter) {
  auto given = TRY(given_passphrase(file, environment));
  Secret passphrase = given ? std::move(*given) : TRY(ask("Passphrase for the new key", reporter));
  if (passphrase.empty()) {
    return Error(Kind::usage, "empty-passphrase", "cannot protect the key with an empty passphrase")
        .help("pass --no-password for a key that whoever reads the file can sign with");
  }
  if (!given && TRY(ask("The same again", reporter)).reveal() != passphrase.reveal()) {
    return Error(Kind::usage, "passphrases-differ", "cannot make the key: the two passphrases differ");
  }
  return passphrase;
}

}  // namespace modelctl::package
