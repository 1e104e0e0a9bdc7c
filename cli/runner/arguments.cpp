// The runner's argument parser. It accepts no abbreviations and no joined letters, so every argument has one meaning.
#include "cli/runner/runner.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace modelctl::runner {
namespace {

Error usage(std::string what) { return Error(Kind::usage, "usage", std::move(what)).help("see --help"); }

// An option as a person writes it.
std::string spelled(std::string_view name) { return (name.size() == 1 ? "-" : "--") + std::string(name); }

// Whether a word is an option. "-" is standard input or output, and "-1" is a value.
bool is_option(std::string_view word) {
  bool letter = word.size() == 2 && word[0] == '-' && std::isalpha(static_cast<unsigned char>(word[1])) != 0;
  return letter || word.starts_with("--");
}

}  // namespace

// Each occurrence of an option takes one value, unless it takes none and has the empty one. A word that starts with
// "--" is none, so a file name that starts with
// "--" must be given as --name=value.
Result<Arguments> Arguments::parse(std::span<const std::string> words, std::span<const Option> options) {
  Arguments parsed;
  for (std::size_t i = 0; i < words.size();) {
    std::string_view word = words[i++];
    if (!is_option(word)) {
      parsed.rest_.emplace_back(word);
      continue;
    }
    bool letter = word[1] != '-';
    word.remove_prefix(letter ? 1 : 2);
    std::size_t equals = letter ? word.npos : word.find('=');
    std::string_view name = word.substr(0, equals);
    auto option = std::find_if(options.begin(), options.end(), [&](const Option& known) {
      return known.name == name && (known.name.size() == 1) == letter;
    });
    if (option == options.end())
      return usage("unknown option '" + std::string(letter ? "-" : "--") + std::string(name) + "'");
    bool joined = equals != std::string_view::npos, in_next_word = !joined && !option->value.empty();
    if (joined && option->value.empty()) return usage("the option '" + spelled(name) + "' takes no value");
    if (in_next_word && (i == words.size() || is_option(words[i]))) {
      return usage("the option '" + spelled(name) + "' needs a value");
    }
    std::string value = in_next_word ? words[i++] : joined ? std::string(word.substr(equals + 1)) : std::string();
    auto before = std::find_if(parsed.values_.begin(), parsed.values_.end(),
                               [&](const auto& entry) { return entry.first == option->name; });
    if (before == parsed.values_.end()) {
      parsed.values_.emplace_back(option->name, std::vector{std::move(value)});
    } else if (option->several) {
      before->second.push_back(std::move(value));
    } else {
      return usage("the option '" + spelled(name) + "' is given twice");
    }
  }
  for (const Option& option : options) {
    if (option.required && parsed.all(option.name).empty()) {
      return usage("the option '" + spelled(option.name) + "' is missing");
    }
  }
  return parsed;
}

const std::vector<std::string>& Arguments::all(std::string_view option) const {
  static const std::vector<std::string> none;
  auto found = std::find_if(values_.begin(), values_.end(), [&](const auto& entry) { return entry.first == option; });
  return found == values_.end() ? none : found->second;
}

std::string Arguments::one(std::string_view option, std::string_view otherwise) const {
  const auto& values = all(option);
  return values.empty() ? std::string(otherwise) : values.front();
}

Result<int> Arguments::number(std::string_view option, int otherwise, int least) const {
  const auto& values = all(option);
  if (values.empty()) return otherwise;
  const std::string& text = values.front();
  int number = 0;
  auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size() || number < least) {
    return usage("'--" + std::string(option) + " " + text + "' is not a number of at least " + std::to_string(least));
  }
  return number;
}

}  // namespace modelctl::runner
