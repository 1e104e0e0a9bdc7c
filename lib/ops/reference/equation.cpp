// Reads the equation of an Einsum. The axes of an ellipsis are numbered from the last one, as broadcasting aligns them,
// so that operands with ellipses of different ranks agree on the numbers.
#include "ops/reference/equation.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace modelctl::ops {
namespace {

// One operand's labels; its ellipsis stands for `free` axes.
Result<Subscripts> read_subscripts(std::string_view term, std::size_t free, bool& has_ellipsis) {
  Subscripts labels;
  has_ellipsis = false;
  for (std::size_t i = 0; i < term.size(); ++i) {
    auto c = static_cast<unsigned char>(term[i]);
    if (c == ' ') continue;
    if (term.substr(i, 3) == "..." && !has_ellipsis) {
      has_ellipsis = true;
      for (std::size_t axis = free; axis-- > 0;) labels.push_back(first_of_ellipsis + static_cast<int>(axis));
      i += 2;
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      labels.push_back(c);
    } else {
      return refuse("the equation's '" + std::string(term) + "' is not a list of letters");
    }
  }
  return labels;
}

}  // namespace

bool contains(const Subscripts& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// Two passes over each operand: the letters give the rank of the ellipsis, which then gives the numbers of its axes.
Result<Equation> read_equation(std::string_view text, std::span<const std::size_t> ranks) {
  std::size_t arrow = text.find("->");
  std::string_view left = text.substr(0, arrow);
  Equation equation;
  std::map<int, int> uses;
  std::size_t free_axes = 0;
  for (std::size_t at = 0; at <= left.size();) {
    std::size_t end = std::min(left.find(',', at), left.size());
    std::string_view term = left.substr(at, end - at);
    at = end + 1;
    std::size_t index = equation.operands.size();
    if (index == ranks.size()) return refuse("the equation has more operands than there are inputs");
    bool has_ellipsis = false;
    std::size_t named = TRY(read_subscripts(term, 0, has_ellipsis)).size();
    if (named > ranks[index] || (!has_ellipsis && named < ranks[index])) {
      return refuse("the equation's '" + std::string(term) + "' does not fit an input of rank " +
                    std::to_string(ranks[index]));
    }
    std::size_t free = ranks[index] - named;
    free_axes = std::max(free_axes, free);
    equation.operands.push_back(TRY(read_subscripts(term, free, has_ellipsis)));
    for (int label : equation.operands.back()) ++uses[label];
  }
  if (equation.operands.size() != ranks.size()) return refuse("the equation has fewer operands than there are inputs");
  if (arrow != std::string_view::npos) {
    bool has_ellipsis = false;
    equation.output = TRY(read_subscripts(text.substr(arrow + 2), free_axes, has_ellipsis));
    if (std::set<int>(equation.output.begin(), equation.output.end()).size() != equation.output.size()) {
      return refuse("the equation's output has a label twice");
    }
  } else {
    for (std::size_t axis = free_axes; axis-- > 0;) {
      equation.output.push_back(first_of_ellipsis + static_cast<int>(axis));
    }
    for (auto [label, count] : uses) {
      if (count == 1 && label < first_of_ellipsis) equation.output.push_back(label);
    }
  }
  for (int label : equation.output) {
    if (uses.count(label) == 0) return refuse("the equation's output has a label that no operand has");
  }
  return equation;
}

}  // namespace modelctl::ops
