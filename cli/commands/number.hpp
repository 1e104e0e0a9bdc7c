// The type of every option that is a number with fractions. CLI::Range accepts "nan", which no comparison refuses.
#pragma once

#include <fmt/format.h>
#include <CLI/Validators.hpp>

#include <limits>

namespace modelctl::cli {

inline CLI::Validator number_between(double least, double most = std::numeric_limits<double>::max()) {
  return CLI::Validator(
      [=](std::string& text) -> std::string {
        double value = 0;
        if (CLI::detail::lexical_cast(text, value) && value >= least && value <= most) return {};
        if (most == std::numeric_limits<double>::max()) return fmt::format("'{}' is not a number from {}", text, least);
        return fmt::format("'{}' is not a number from {} to {}", text, least, most);
      },
      "NUMBER");
}

}  // namespace modelctl::cli
