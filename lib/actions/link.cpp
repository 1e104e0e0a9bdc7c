#include "actions/link.hpp"

namespace modelctl::actions {

Result<LinkReport> link(const LinkRequest& request, Host&) {
  if (request.shared && request.serve) {
    return Error(Kind::usage, "bad-option", "cannot link a shared library that serves")
        .help("leave out --shared or --serve");
  }
  auto artifact = TRY(artifact::open(request.artifact));
  // What is handed on must be whole; here the weights are read anyway.
  TRY(artifact::verify_weights(artifact, request.artifact.string()));
  link::Form form = request.shared ? link::Form::shared : request.serve ? link::Form::server : link::Form::program;
  return LinkReport{request.output, TRY(link::link(artifact, form, request.output))};
}

}  // namespace modelctl::actions
