// check: can a model be built? If not, everything that is in the way, at once; if so, what it would run as.
#pragma once

#include "artifact/plan.hpp"
#include "base/host.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace modelctl::actions {

struct CheckRequest {
  std::filesystem::path model;                   // ONNX; empty: what modelctl.yaml names
  std::map<std::string, std::int64_t> bindings;  // symbolic sizes that are fixed
  int level = 2;                                 // of optimization, 0 to 3
};

struct CheckReport {
  struct Obstacle {
    Error error;             // of the first place
    std::size_t places = 1;  // how many nodes it stands for
  };
  struct Operator {
    std::string name;       // "Conv", "ai.onnx.ml::Scaler"
    std::size_t nodes = 0;  // of the model, nested graphs and functions included
    bool known = true;      // it is implemented
  };

  std::filesystem::path model;
  std::map<std::string, int> opsets;  // by domain; "" is ONNX's default one
  std::vector<Operator> operators;    // by name
  std::vector<Obstacle> obstacles;    // none: it can be built
  // Of a model that can be built:
  artifact::Signature signature;
  std::map<std::string, std::size_t> routines;  // "kernel:conv_nhwc", "op::Softmax" -> how many steps

  bool good() const { return obstacles.empty(); }
};

// A model that cannot be built is a report with obstacles, not an error. Fails only if there is no model to judge:
// the file is missing or unreadable, or something else altogether (code no-onnx); and with interrupted.
Result<CheckReport> check(const CheckRequest& request, Host& host);

}  // namespace modelctl::actions
