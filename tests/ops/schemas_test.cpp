// Every form that the specification gives an operator since opset 7 (schemas.txt, which schemas.py made of onnx's own
// schemas) against the table: is the newest one there, with its attributes and parameters, and are older ones brought
// to it? Exceptions are in schema_gaps.txt, which may only shrink; `./dev accept` writes it.
#include "base/files.hpp"
#include "ops/schema/operator.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

namespace modelctl::ops {
namespace {

struct Form {
  std::string since, inputs, outputs;        // "13", "2-3", "1-*"
  std::map<std::string, std::string> kinds;  // of the attributes, "integers!" if required
};

std::map<std::string, std::vector<Form>> read_forms() {
  std::map<std::string, std::vector<Form>> forms;
  std::istringstream text(*read_text_file(MODELCTL_SCHEMAS "/schemas.txt"));
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string name, attribute;
    Form form;
    words >> name >> form.since >> form.inputs >> form.outputs;
    while (words >> attribute) {
      std::size_t colon = attribute.find(':');
      form.kinds[attribute.substr(0, colon)] = attribute.substr(colon + 1);
    }
    forms[name].push_back(std::move(form));
  }
  return forms;
}

std::string kind(const AttributeDef& attribute) {
  std::string text(word(attribute.type));  // "integer", "list of integers"
  if (text.starts_with("list of ")) text = text.substr(8);
  return text + (attribute.required ? "!" : "");
}

// "X W B?" -> "2-3".
std::string count(std::string_view formals) {
  std::size_t least = 0, most = 0;
  bool any = false;
  std::istringstream words{std::string(formals)};
  for (std::string formal; words >> formal;) {
    formal = formal.substr(0, formal.find(':'));
    ++most;
    if (formal.back() != '?') least = most;
    any = any || formal.back() == '*';
  }
  return std::to_string(least) + "-" + (any ? "*" : std::to_string(most));
}

class Gaps {
 public:
  void compare(const std::string& name, const std::vector<Form>& forms) {
    std::size_t colons = name.rfind("::");
    std::string domain = colons == std::string::npos ? "" : name.substr(0, colons);
    const OpDef* def = find(domain, colons == std::string::npos ? name : name.substr(colons + 2));
    if (def == nullptr) return add(name, "", "is not there");
    const Form& newest = forms.back();
    if (newest.since == "gone") return;  // its own row names its replacement
    if (std::to_string(def->since) != newest.since) {
      add(name, newest.since, "is not the form that is there, which is " + std::to_string(def->since));
    }
    std::set<std::string> known;
    for (const AttributeDef& attribute : def->attributes) {
      std::string attribute_name(attribute.name);
      known.insert(attribute_name);
      auto there = newest.kinds.find(attribute_name);
      if (there == newest.kinds.end()) add(name, newest.since, "has no attribute '" + attribute_name + "'");
      else if (there->second != kind(attribute)) {
        add(name, newest.since, "has '" + attribute_name + "' as " + there->second + ", not " + kind(attribute));
      }
    }
    for (const auto& [attribute, its_kind] : newest.kinds) {
      if (known.count(attribute) == 0) add(name, newest.since, "has an attribute '" + attribute + "'");
    }
    if (count(def->inputs) != newest.inputs) add(name, newest.since, "takes " + newest.inputs + " inputs");
    if (count(def->outputs) != newest.outputs) add(name, newest.since, "gives " + newest.outputs + " outputs");
    for (const Form& old : forms) {
      for (const auto& [attribute, its_kind] : old.kinds) {
        if (def->upgrade == nullptr && known.count(attribute) == 0) {
          add(name, old.since, "has an attribute '" + attribute + "', and nothing upgrades it");
        }
      }
    }
  }

  std::set<std::string> all;

 private:
  void add(const std::string& name, const std::string& since, const std::string& what) {
    all.insert(name + (since.empty() ? "" : " " + since) + " " + what);
  }
};

TEST_CASE("every form of the specification since opset 7 is implemented or upgraded") {
  const std::string file = MODELCTL_SCHEMAS "/schema_gaps.txt";
  Gaps gaps;
  for (const auto& [name, forms] : read_forms()) gaps.compare(name, forms);
  if (std::getenv("MODELCTL_ACCEPT") != nullptr) {
    std::string text;
    for (const std::string& gap : gaps.all) text += gap + "\n";
    REQUIRE(write_file(file, as_bytes(text)));
    return;
  }
  std::set<std::string> accepted;
  std::istringstream text(*read_text_file(file));
  for (std::string line; std::getline(text, line);) accepted.insert(line);
  for (const std::string& gap : gaps.all) {
    // An operator that was not there may come with gaps of its own, until the list is accepted again.
    bool came = accepted.count(gap.substr(0, gap.find(' ')) + " is not there") > 0;
    CHECK_MESSAGE((came || accepted.count(gap) > 0), "the specification's " << gap);
  }
  for (const std::string& gap : accepted) {
    if (gaps.all.count(gap) == 0) MESSAGE("no longer so, './dev accept' takes it away: " << gap);
  }
}

}  // namespace
}  // namespace modelctl::ops
