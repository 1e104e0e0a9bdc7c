// modelctl.yaml: what modelctl should know of a project, so that commands need no flags. Every command works without
// it; project_merge.hpp defines how it combines with flags. docs/reference/modelctl-yaml.md describes it,
// docs/reference/modelctl.schema.json is for editors; a test holds both to what is read here.
#pragma once

#include "base/result.hpp"
#include "processing/processing.hpp"
#include "serve/settings.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace modelctl::actions {

inline constexpr std::string_view project_file = "modelctl.yaml";
// A likely mistake. It is not read, because a file has one name; it is reported instead.
inline constexpr std::string_view misnamed_project_file = "modelctl.yml";

// The one that artifacts are built for.
#if defined(__x86_64__)
inline constexpr std::string_view this_architecture = "x86_64";
#elif defined(__aarch64__)
inline constexpr std::string_view this_architecture = "aarch64";
#else
inline constexpr std::string_view this_architecture = "unknown";
#endif

// Paths are as they stand in the file, joined to its folder. What the file leaves out is empty.
struct Project {
  std::filesystem::path file;  // the modelctl.yaml that was read

  std::filesystem::path model;               // `build` reads it
  std::filesystem::path artifact;            // `build` writes it, what comes after reads it
  std::map<std::string, std::int64_t> bind;  // symbolic sizes that are fixed
  std::string target;                        // architecture that the artifact is for: this build's, or refused
  processing::Processing processing;         // `inputs` and `outputs`; files of labels are not read yet

  struct Quality {
    std::string metric;  // "accuracy"
    double value = 0;
    std::string data_set;  // what it was measured on
  };
  struct Package {
    std::string name, version;
    std::string description;
    std::string license;  // SPDX expression
    std::vector<Quality> quality;
    std::vector<std::filesystem::path> documents;    // travel along: a model card, a README
    std::map<std::string, std::string> annotations;  // for everyone else's needs
  } package;

  // Inputs of the model, with the outputs that are expected for them, or the right answer for each row.
  struct Sample {
    std::string name;
    std::vector<std::pair<std::string, std::filesystem::path>> inputs, outputs;  // by the names of the model's
    std::filesystem::path labels;

    // As `run --input` takes them: NAME=FILE.
    static std::vector<std::string> arguments(const std::vector<std::pair<std::string, std::filesystem::path>>& files);
  };
  std::vector<Sample> samples;

  struct Evaluate {
    std::filesystem::path classes;                 // names of the classes
    std::string label_column;                      // of the labels of samples
    std::map<std::string, double> minima, maxima;  // what metrics must reach, or must not exceed
  } evaluate;

  serve::GivenSettings serve;  // the flags of `serve`

  std::vector<std::filesystem::path> files;  // all that it names, whatever the key, but `artifact`
};

// Reads a project, and reports every fault that it finds with its line. Errors are bad_config, but not_found and io for
// the file itself.
Result<Project> read_project(const std::filesystem::path& file);

// As read_project, of a text that would stand in `file`.
Result<Project> parse_project(std::string_view text, const std::filesystem::path& file);

// Every key that may stand in the file, as "package.quality[].metric", sorted.
std::vector<std::string> project_keys();

}  // namespace modelctl::actions
