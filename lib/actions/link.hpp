// link: a model as one program or shared library of its own.
#pragma once

#include "actions/model_source.hpp"
#include "link/link.hpp"

namespace modelctl::actions {

struct LinkRequest {
  ModelSource model;
  std::filesystem::path output;
  bool shared = false;  // a shared library with the C ABI
  bool serve = false;   // a program that can serve, too
};

struct LinkReport {
  std::filesystem::path output;
  link::Form runtime;  // the smallest that runs the artifact
  link::Linked sizes;
};

// Fails with usage for a library that serves, with unsupported, code not-in-library, for a library of a model with an
// operator that the library's runtime lacks, and with untrusted if the artifact was altered. The output is complete or
// absent.
Result<LinkReport> link(const LinkRequest& request, Host& host);

}  // namespace modelctl::actions
