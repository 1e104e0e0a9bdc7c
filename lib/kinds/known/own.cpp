// What modelctl itself makes.
#include "artifact/appended.hpp"
#include "kinds/file_kind.hpp"
#include "package/manifest.hpp"

namespace modelctl::kinds {
namespace {

bool is_artifact(const Evidence& file) { return artifact::is_artifact(as_bytes(file.head)); }

bool is_elf(const Evidence& file) {
  return file.starts(
      "\x7f"
      "ELF");
}
bool is_linked(const Evidence& file) { return is_elf(file) && artifact::ends_in_artifact(as_bytes(file.tail)); }

// The manifest is the first entry of the tar file.
bool is_package(const Evidence& file) {
  if (file.folder) return file.member(package::manifest_path);
  return file.starts(package::manifest_path) && file.at(package::manifest_path.size(), std::string_view("\0", 1));
}

bool is_project(const Evidence& file) { return file.folder && file.member("modelctl.yaml"); }

constexpr FileKind kinds[] = {
    {"an artifact of modelctl", is_artifact, "it is built already: modelctl run {file}", Role::artifact},
    {"a program that modelctl linked", is_linked, "run it: {program} --help", Role::program},
    {"a package of modelctl", is_package, "serve it: modelctl serve {file}", Role::package},
    {"a project of modelctl", is_project, "build it: cd {file} && modelctl build"},
    {"a program without a model of modelctl in it", is_elf, "", Role::program, true},
};

}  // namespace

std::span<const FileKind> own_kinds() { return kinds; }

}  // namespace modelctl::kinds
