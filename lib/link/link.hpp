// Linking: an artifact becomes part of a prebuilt program or shared library. No compiler is called: the artifact is
// appended to the template (artifact/appended.hpp), which finds it in its own file when it starts.
#pragma once

#include "artifact/artifact.hpp"

#include <filesystem>

namespace modelctl::link {

enum class Form {
  small,    // --help and run, without the operators whose files say "Smallest runner: regular"
  regular,  // with those, without the ones that stand on libraries of their own
  full,     // with every operator
  server,   // every operator, and the serve command
  shared,   // a library with the C ABI of modelrt.h and the operators of `regular`
};
std::string_view word(Form form);  // "small", "regular", "full", "serving", "shared"

struct Linked {
  std::uint64_t template_bytes;
  std::uint64_t artifact_bytes;
  std::uint64_t file_bytes;
};

// Writes `output`, mode 0755, complete or absent. Fails with unsupported if this build has no template of the form.
Result<Linked> link(const artifact::Artifact& artifact, Form form, const std::filesystem::path& output);

// The same with another program as the template.
Result<Linked> link(const artifact::Artifact& artifact, ByteSpan program, const std::filesystem::path& output);

}  // namespace modelctl::link
