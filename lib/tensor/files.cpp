// Assigns files to the inputs of a model, and outputs to files. Names in arguments and in files take precedence; what
// has no name fills the remaining inputs in order.
#include "tensor/files.hpp"

#include "base/files.hpp"
#include "base/links.hpp"
#include "base/suggest.hpp"
#include "tensor/json/cursor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace modelctl::formats {
namespace fs = std::filesystem;
namespace {

// A tensor from a file, and the file's name for messages.
struct Given {
  Tensor tensor;
  std::string where;
};

// Collects the inputs one by one, and reports the missing ones at the end, all together.
class Inputs {
 public:
  Inputs(std::span<const Expected> expected, const ReadOptions& options)
      : expected_(expected), options_(options), given_(expected.size()) {}

  // The first input without a tensor; nullptr if there is none.
  const Expected* next() const {
    auto found = std::find_if(given_.begin(), given_.end(), [](const auto& given) { return !given; });
    return found == given_.end() ? nullptr : &expected_[static_cast<std::size_t>(found - given_.begin())];
  }
  const Expected* find(std::string_view name) const {
    auto found = std::find_if(expected_.begin(), expected_.end(), [&](const Expected& e) { return e.name == name; });
    return found == expected_.end() ? nullptr : &*found;
  }

  Result<void> put(const Expected& input, Tensor tensor, const std::string& where) {
    auto& given = given_[static_cast<std::size_t>(&input - expected_.data())];
    if (given) {
      return Error(Kind::usage, "input-given-twice",
                   fmt::format("cannot take '{}' as '{}': '{}' is that already", where, input.name, given->where));
    }
    if (options_.convert) tensor = TRY(options_.convert(std::move(tensor), input, where));
    TRY(check(tensor, input, where));
    given = Given{std::move(tensor), where};
    return {};
  }

  Result<std::vector<Tensor>> finish() && {
    Faults faults;
    std::vector<Tensor> tensors;
    for (std::size_t i = 0; i < given_.size(); ++i) {
      if (given_[i]) tensors.push_back(std::move(given_[i]->tensor));
      else if (expected_[i].optional) tensors.emplace_back();
      else {
        faults.add(
            Error(Kind::usage, "missing-input",
                  fmt::format("no file is given for the input '{}', {}", expected_[i].name, describe(expected_[i])))
                .help(fmt::format("add --input {}=FILE", expected_[i].name)));
      }
    }
    if (!faults.none()) return std::move(faults).sum("cannot run the model");
    return tensors;
  }

  Error unknown(std::string_view name, std::string_view where) const {
    std::vector<std::string> names;
    for (const Expected& input : expected_) names.push_back(input.name);
    Error error(Kind::usage, "unknown-input", fmt::format("cannot use '{}': the model has no input '{}'", where, name));
    std::string meant = nearest(name, names);
    if (!meant.empty()) error.hint = fmt::format("did you mean '{}'?", meant);
    else if (!names.empty()) error.hint = fmt::format("its inputs are: {}", fmt::join(names, ", "));
    return error;
  }

 private:
  std::span<const Expected> expected_;
  const ReadOptions& options_;
  std::vector<std::optional<Given>> given_;
};

// The text for messages: a literal may be long.
std::string shown(const std::string& text) {
  constexpr std::size_t most = 60;
  if (text == standard_stream) return "standard input";
  return is_literal(text) && text.size() > most ? text.substr(0, most) + "…" : text;
}

// A file, standard input, or a text that is tensors itself. The whole file is read: the formats need their end (a .zip
// has its directory there), and read_file() bounds the size.
class Content {
 public:
  static Result<Content> open(const std::string& text, const ReadOptions& options) {
    Content content;
    content.where_ = shown(text);
    if (is_literal(text)) {
      content.format_ = TRY(format_of(".json"));
      ByteSpan bytes = as_bytes(text);
      content.bytes_.assign(bytes.begin(), bytes.end());
    } else if (text == standard_stream) {
      content.bytes_ = TRY(options.open ? options.open(text) : read_file("/dev/stdin"));
      if (content.bytes_.empty())
        return unreadable(content.where_, "it is empty").help("only one input can be read from it");
      content.format_ = TRY(format_of_content(content.bytes_, content.where_));
    } else {
      content.format_ = TRY(format_of(text));
      content.bytes_ = TRY(options.open ? options.open(text) : read_file(text));
    }
    return content;
  }

  const std::string& where() const { return where_; }

  // The columns that are inputs of those expected; nothing if the content has another form.
  Result<std::vector<NamedTensor>> columns(std::span<const Expected> expected, const Expected* next,
                                           const ReadOptions& options) const {
    if (!options.records) return std::vector<NamedTensor>();
    return options.records(*format_, {bytes_, where_, expected, next, options});
  }

  Result<std::vector<NamedTensor>> read(std::span<const Expected> expected, const Expected* next,
                                        const ReadOptions& options) const {
    auto found = TRY(columns(expected, next, options));
    if (!found.empty()) return found;
    // A file of one tensor is for the next input, whatever the others are.
    if (!format_->several && next != nullptr) expected = {next, 1};
    return format_->read({bytes_, where_, expected, next, options});
  }

 private:
  std::string where_;
  std::vector<std::byte> bytes_;
  const Format* format_ = nullptr;
};

// NAME=INPUT for content that is to be this input, whatever it says of itself.
Result<void> load_one(Inputs& inputs, const Expected& input, const Content& content, const ReadOptions& options) {
  auto tensors = TRY(content.read({&input, 1}, &input, options));
  const std::string& file = content.where();
  auto named = std::find_if(tensors.begin(), tensors.end(), [&](const NamedTensor& t) { return t.name == input.name; });
  if (named == tensors.end() && tensors.size() != 1) {
    return Error(Kind::bad_input, "ambiguous-input",
                 fmt::format("cannot use '{}' as '{}': it holds {} tensors, none of "
                             "that name",
                             file, input.name, tensors.size()));
  }
  Tensor& tensor = named == tensors.end() ? tensors.front().tensor : named->tensor;
  return inputs.put(input, std::move(tensor), file);
}

// NAME=INPUT of the same content for each of these inputs. Columns of a table are read together: a column that one of
// them takes is not surplus for the others.
Result<void> load_each(Inputs& inputs, const std::vector<const Expected*>& each, const std::string& text,
                       const ReadOptions& options) {
  Content content = TRY(Content::open(text, options));
  std::vector<NamedTensor> columns;
  if (each.size() > 1) {
    std::vector<Expected> expected;
    for (const Expected* input : each) expected.push_back(*input);
    columns = TRY(content.columns(expected, nullptr, options));
  }
  for (const Expected* input : each) {
    auto column =
        std::find_if(columns.begin(), columns.end(), [&](const NamedTensor& t) { return t.name == input->name; });
    if (column != columns.end()) TRY(inputs.put(*input, column->tensor, content.where()));
    else TRY(load_one(inputs, *input, content, options));
  }
  return {};
}

// Each tensor goes to the input of its name. A name that no input has is an error even if an input is left: it would be
// filled with what was meant for another model.
Result<void> load_all(Inputs& inputs, std::span<const Expected> expected, const std::string& text,
                      const ReadOptions& options) {
  Content content = TRY(Content::open(text, options));
  auto tensors = TRY(content.read(expected, inputs.next(), options));
  const std::string& file = content.where();
  for (NamedTensor& named : tensors) {
    const Expected* input = inputs.find(named.name);
    if (input == nullptr && !named.name.empty() && !is_made_up(named.name)) return inputs.unknown(named.name, file);
    if (input == nullptr) input = inputs.next();
    if (input == nullptr) {
      return Error(Kind::usage, "too-many-inputs",
                   fmt::format("cannot use '{}': all {} inputs of the model are given already", file, expected.size()));
    }
    TRY(inputs.put(*input, std::move(named.tensor), file));
  }
  return {};
}

bool is_format(const fs::path& path) { return format_of(path.string()).has_value(); }

// Each file is complete or absent, but not all of them together: a full disk may leave the first ones.
Result<std::vector<fs::path>> write_all(const std::vector<std::pair<fs::path, std::vector<std::byte>>>& files) {
  std::vector<fs::path> written;
  for (const auto& [file, bytes] : files) {
    TRY(write_file(file, bytes));
    written.push_back(file);
  }
  return written;
}

}  // namespace

bool is_made_up(std::string_view name) {
  if (!name.starts_with("arr_")) return false;
  std::string_view digits = name.substr(4);
  return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_literal(const std::string& text) {
  json::Cursor in(text);
  char first = in.peek();
  return first == '[' || first == '{' || first == '"' || (in.skip() && in.at_end());
}

Result<std::vector<Tensor>> load_inputs(std::span<const std::string> arguments, std::span<const Expected> expected,
                                        const ReadOptions& options) {
  Inputs inputs(expected, options);
  // Named files first: those without a name fill what they leave.
  std::vector<std::pair<std::string, std::vector<const Expected*>>> by_name;  // the inputs that are from one text
  std::vector<std::string> positional;
  for (const std::string& argument : arguments) {
    const Expected* named = nullptr;  // names may hold '=' themselves: the longest that fits is meant
    for (const Expected& input : expected) {
      bool fits =
          argument.size() > input.name.size() && argument.starts_with(input.name) && argument[input.name.size()] == '=';
      if (fits && (named == nullptr || input.name.size() > named->name.size())) named = &input;
    }
    std::size_t equals = argument.find('=');
    if (named != nullptr) {
      std::string text = argument.substr(named->name.size() + 1);
      auto same = std::find_if(by_name.begin(), by_name.end(), [&](const auto& each) { return each.first == text; });
      if (same == by_name.end()) same = by_name.insert(same, {text, {}});
      same->second.push_back(named);
    } else if (std::error_code code;
               equals != std::string::npos && !is_literal(argument) && !fs::exists(argument, code)) {
      return inputs.unknown(argument.substr(0, equals), argument);
    } else {
      positional.push_back(argument);
    }
  }
  for (const auto& [text, each] : by_name) TRY(load_each(inputs, each, text, options));
  // After all named ones, wherever those stand on the command line: only then is known which inputs are left.
  for (const std::string& file : positional) TRY(load_all(inputs, expected, file, options));
  return std::move(inputs).finish();
}

Result<std::vector<NamedTensor>> load(const fs::path& file, std::span<const Expected> expected,
                                      const ReadOptions& options, const Expected* next) {
  if (next == nullptr && expected.size() == 1) next = &expected.front();
  return TRY(Content::open(file.string(), options)).read(expected, next, options);
}

Result<std::vector<fs::path>> save_outputs(const fs::path& path, std::span<const NamedTensor> outputs) {
  std::vector<std::pair<fs::path, std::vector<std::byte>>> files;
  auto encode = [&](fs::path file, const Format& format, std::span<const NamedTensor> tensors) -> Result<void> {
    auto bytes = format.write(tensors);
    if (!bytes) return std::move(bytes).error().at(file.string());
    files.emplace_back(std::move(file), std::move(*bytes));
    return {};
  };
  if (path == standard_stream) {
    TRY(encode("/dev/stdout", *TRY(format_of(".json")), outputs));
    TRY(write_all(files));
    return std::vector{path};
  }
  if (is_stream(path) && !is_format(path)) {
    TRY(encode(path, *TRY(format_of(".json")), outputs));
    return write_all(files);
  }
  std::error_code code;
  bool is_folder = fs::is_directory(path, code) || !path.has_filename() || !path.has_extension();
  if (is_folder && !is_format(path)) {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const Format* format = TRY(format_of(is_collection(outputs[i].tensor.type()) ? ".json" : ".npy"));
      TRY(encode(path / fmt::format("output_{}{}", i, format->extension), *format, outputs.subspan(i, 1)));
    }
    TRY(make_folder(path));
    return write_all(files);
  }
  const Format* format = TRY(format_of(path.string()));
  if (format->write == nullptr) {
    return Error(Kind::usage, "read-only-format",
                 fmt::format("cannot write '{}': {} files are only read", path.string(), format->extension))
        .help("name a folder, or a file that ends in .npy, .npz or .json");
  }
  if (!format->several && outputs.size() != 1) {
    return Error(Kind::usage, "too-many-outputs",
                 fmt::format("cannot write {} outputs to '{}': a {} file holds one", outputs.size(), path.string(),
                             format->extension))
        .help("name a folder, or a file that ends in .npz or .json");
  }
  TRY(encode(path, *format, outputs));
  return write_all(files);
}

}  // namespace modelctl::formats
