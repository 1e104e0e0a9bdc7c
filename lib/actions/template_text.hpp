// Templates are texts with @names@ in place of what differs from project to project.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace modelctl::actions {

using TemplateValues = std::map<std::string, std::string, std::less<>>;

// The template with each @name@ of `values` replaced. What is put in is not searched again. A value of several lines
// that takes the place of a whole, indented line is indented as that was.
std::string fill(std::string_view text, const TemplateValues& values);

}  // namespace modelctl::actions
