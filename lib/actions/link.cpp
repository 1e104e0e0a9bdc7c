#include "actions/link.hpp"

#include "actions/project.hpp"

namespace modelctl::actions {

Result<LinkReport> link(const LinkRequest& given, Host&) {
  LinkRequest request = given;
  if (request.shared && request.serve) {
    return Error(Kind::usage, "bad-option", "cannot link a shared library that serves")
        .help("leave out --shared or --serve");
  }
  if (request.artifact.empty())
    request.artifact = TRY(project_artifact(TRY(current_project("link", "artifact")), "link"));
  auto artifact = TRY(artifact::open(request.artifact));
  // What is handed on must be whole; here the weights are read anyway.
  TRY(artifact::verify_weights(artifact, request.artifact.string()));
  link::Form form = request.shared ? link::Form::shared : request.serve ? link::Form::server : link::Form::program;
  return LinkReport{request.output, TRY(link::link(artifact, form, request.output))};
}

}  // namespace modelctl::actions
