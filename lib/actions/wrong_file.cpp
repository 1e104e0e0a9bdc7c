// The readers know only that a file is not theirs; lib/kinds knows the rest.
#include "actions/wrong_file.hpp"

#include "actions/project.hpp"
#include "base/check.hpp"
#include "base/shell.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::actions {
namespace {

// How the readers call what they expect.
struct Expectation {
  kinds::Role role;
  std::string_view code, words;
};
constexpr Expectation expectations[] = {
    {kinds::Role::model, "no-onnx", "an ONNX model"},
    {kinds::Role::artifact, "bad-artifact", "an artifact"},
    {kinds::Role::package, "no-package", "a package"},
};

// The codes of the readers for a file that is not theirs, that seems to be cut or altered because it is not, or, of a
// folder, that lacks what theirs would have.
constexpr std::string_view codes_of_form[] = {"no-onnx",     "truncated-model", "bad-artifact",
                                              "is-a-folder", "altered-archive", "no-such-file"};

}  // namespace

const kinds::FileKind* kind_of(const std::filesystem::path& file) {
  auto evidence = kinds::examine(file);
  return evidence ? kinds::recognize(*evidence) : nullptr;
}

kinds::Role role_of(const std::filesystem::path& file) {
  const kinds::FileKind* kind = kind_of(file);
  return kind == nullptr ? kinds::Role::none : kind->role;
}

Error name_kind(Error error, const std::filesystem::path& file, kinds::Role expected) {
  bool form = std::find(std::begin(codes_of_form), std::end(codes_of_form), error.code) != std::end(codes_of_form);
  if (!form) return error;
  const kinds::FileKind* kind = kind_of(file);
  if (kind == nullptr || kind->role == expected) return error;
  auto expectation = std::find_if(std::begin(expectations), std::end(expectations),
                                  [&](const Expectation& each) { return each.role == expected; });
  MODELCTL_CHECK(expectation != std::end(expectations), "every expected role has its words");
  std::string forward = kind->forward.empty() ? error.hint : kinds::forward(*kind, file);
  // A package is some steps further than what the kind's own words lead to.
  if (expected == kinds::Role::package) {
    std::error_code code;
    std::string name = shell_word(file.string());
    if (std::filesystem::exists(file / project_file, code))
      forward = fmt::format("pack it, and name the package: cd {} && modelctl pack --key KEY -o PACKAGE", name);
    else if (kind->role == kinds::Role::artifact)
      forward = fmt::format("pack it first: modelctl pack {} --key KEY -o PACKAGE", name);
    else if (kind->role == kinds::Role::model) forward += ", then pack it: modelctl pack ARTIFACT --key KEY -o PACKAGE";
  }
  // What could not be verified stays untrusted, whatever it is.
  return Error(error.kind == Kind::untrusted ? Kind::untrusted : Kind::bad_input, expectation->code,
               fmt::format("cannot read '{}': it is not {}", file.string(), expectation->words))
      .at(file.string())
      .because(fmt::format("it is {}", kind->name))
      .help(std::move(forward));
}

Result<artifact::Artifact> open_artifact(const std::filesystem::path& file) {
  auto opened = artifact::open(file);
  if (!opened) return name_kind(std::move(opened).error(), file, kinds::Role::artifact);
  return opened;
}

}  // namespace modelctl::actions
