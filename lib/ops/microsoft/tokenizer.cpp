// Tokenizer: texts as rows of tokens, as the text pipelines of scikit-learn are exported. It has three modes: each
// character is a token (one empty separator, or the expression "."), what separators leave is one, or what an
// expression matches is one. The reference is ONNX Runtime's implementation, since its documentation leaves cases open:
// an expression takes the longest match, never a lazy one; a separator that matches nothing skips a character. One
// thing differs: an input without texts gives an axis of 0 tokens, while ONNX Runtime leaves that axis out.
//
// Smallest runner: full, since RE2 is only in that one (ops/reference/pattern.hpp).
#include "ops/reference/pattern.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "tensor/utf8.hpp"

namespace modelctl::ops {
namespace {

using graph::Shape;

using Tokens = std::vector<std::string_view>;

// Bytes of the character that begins at `at`; the text is UTF-8.
// A byte 10xxxxxx continues a character; every other one begins one. Texts are checked before, so that no character is
// cut off.
std::size_t character_bytes(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return end - at;
}

// Code points, not what a reader sees as one letter: mincharnum counts those.
std::int64_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

class Splitter {
 public:
  // The order of the checks is that of the modes. Separators come first: with them tokenexp has no effect. Both
  // spellings of "each character" are looked for before anything is compiled, since the empty separator would match
  // everywhere and "." would not match a line break.
  static Result<Splitter> of(const Attributes& attributes) {
    Splitter splitter;
    splitter.shortest_ = attributes.integer("mincharnum");
    if (splitter.shortest_ < 1) return refuse("mincharnum must be 1 or more");
    const auto& separators = attributes.texts("separators");
    std::string_view expression = attributes.text("tokenexp");
    if (separators.empty() && expression.empty()) return refuse("it must have separators or tokenexp");
    if (separators.empty() ? expression == "." : separators.size() == 1 && separators[0].empty()) {
      if (splitter.shortest_ > 1) return refuse("mincharnum must be 1 if each character is a token");
      return splitter;
    }
    for (const std::string& separator : separators) {
      splitter.separators_.push_back(TRY(Pattern::compile(separator, Pattern::Prefer::longest)));
    }
    if (separators.empty()) splitter.expression_ = TRY(Pattern::compile(expression, Pattern::Prefer::longest));
    return splitter;
  }

  // Tokens are views into the text: nothing is copied until the output is written. Each separator cuts the pieces that
  // those before it have left.
  Tokens split(std::string_view text) const {
    if (expression_) return matches(text);
    if (separators_.empty()) return each_character(text);
    Tokens tokens = {text};
    for (const Pattern& separator : separators_) {
      Tokens pieces;
      for (std::string_view token : tokens) cut(token, separator, pieces);
      tokens = std::move(pieces);
    }
    return tokens;
  }

 private:
  static Tokens each_character(std::string_view text) {
    Tokens tokens;
    for (std::size_t at = 0, size = 0; at < text.size(); at += size) {
      size = character_bytes(text, at);
      tokens.push_back(text.substr(at, size));
    }
    return tokens;
  }

  // What stands between the separators, if it is long enough. Each step goes on by a character or more.
  // The empty pieces between adjacent separators, and before the first one, are always too short: mincharnum is at
  // least 1.
  void cut(std::string_view text, const Pattern& separator, Tokens& pieces) const {
    std::size_t start = 0;
    auto add = [&](std::size_t end) {
      std::string_view piece = text.substr(start, end - start);
      if (characters(piece) >= shortest_) pieces.push_back(piece);
    };
    while (auto found = separator.find(text, start)) {
      auto at = static_cast<std::size_t>(found->data() - text.data());
      add(at);
      if (at == text.size()) return;
      start = at + (found->empty() ? character_bytes(text, at) : found->size());
    }
    add(text.size());
  }

  // What the expression matches; a match that is too short gives its characters but the first to the next one.
  // A search is linear in the text, so that the worst case, matches that are all too short, is quadratic.
  Tokens matches(std::string_view text) const {
    Tokens tokens;
    for (std::size_t start = 0; start < text.size();) {
      auto found = expression_->find(text, start);
      if (!found) break;
      auto at = static_cast<std::size_t>(found->data() - text.data());
      bool long_enough = characters(*found) >= shortest_;
      if (long_enough) tokens.push_back(*found);
      else if (at == text.size()) break;
      start = at + (long_enough ? found->size() : character_bytes(text, at));
    }
    return tokens;
  }

  std::int64_t shortest_ = 1;  // characters
  std::vector<Pattern> separators_;
  std::optional<Pattern> expression_;
};

Result<void> infer(Inference& call) {
  DType element = call.element(0);
  if (element != DType::undefined && element != DType::string) {
    return call.bad("its input must be string, not " + std::string(name(element)));
  }
  TRY(need_rank(call, 0, 1, 2));
  auto splitter = Splitter::of(call.attributes());
  if (!splitter) return call.bad(splitter.error().what);
  std::optional<Shape> shape;
  if (const Shape* x = call.shape(0); x != nullptr) {
    shape = *x;
    shape->push_back(call.fresh_symbol());
  }
  call.set_output(0, DType::string, std::move(shape));
  return {};
}

// The tokens of each text, as views into it.
Result<std::vector<Tokens>> split_all(std::span<const std::string> texts, const Splitter& splitter) {
  std::vector<Tokens> rows;
  for (const std::string& text : texts) {
    if (!is_utf8(text)) return refuse("a text is not UTF-8");
    rows.push_back(splitter.split(text));
  }
  return rows;
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (x.type != DType::string) return refuse("the input must be string, not " + std::string(name(x.type)));
  if (x.rank() < 1 || x.rank() > 2) return refuse("the input must have rank 1 or 2, not " + std::to_string(x.rank()));
  Splitter splitter = TRY(Splitter::of(call.attributes));
  std::vector<Tokens> rows = TRY(split_all(x.as<std::string>(), splitter));
  const bool marked = call.attributes.integer("mark") != 0;
  const std::string padding(call.attributes.text("pad_value"));
  std::size_t width = 0;
  for (const Tokens& row : rows) width = std::max(width, row.size());
  // The longest row decides the width, which only the run knows. If no text has a token there are also no marks, and
  // the axis has size 0.
  if (marked && width > 0) width += 2;
  Dims dims(x.dims.begin(), x.dims.end());
  dims.push_back(static_cast<std::int64_t>(width));
  auto out = TRY(outputs.allocate(0, DType::string, dims)).as<std::string>().begin();
  // The end mark follows the last token directly; padding is behind it.
  for (const Tokens& row : rows) {
    auto end = out + static_cast<std::ptrdiff_t>(width);
    if (marked && width > 0) *out++ = "\x02";
    out = std::copy(row.begin(), row.end(), out);
    if (marked && width > 0) *out++ = "\x03";
    std::fill(out, end, padding);
    out = end;
  }
  return {};
}

constexpr AttributeDef attributes[] = {
    {"mark", AttributeType::integer, "1: each row begins with U+0002 and ends with U+0003", true},
    {"mincharnum", AttributeType::integer, "the least number of characters of a token", true},
    {"pad_value", AttributeType::text, "fills rows that have fewer tokens than the longest one", true},
    {"separators", AttributeType::texts,
     "regular expressions for what stands between tokens, applied one after the other; one empty text: each character "
     "is a token"},
    {"tokenexp", AttributeType::text, "without separators, a regular expression for the tokens"}};

constexpr OpDef defs[] = {
    {
        .domain = "com.microsoft",
        .name = "Tokenizer",
        .since = 1,
        .summary = "Texts as rows of tokens of one length.",
        .inputs = "X",
        .outputs = "Y",
        .types = "string",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              auto settings = [](std::int64_t mark, std::int64_t least, std::string padding) {
                return Attributes{{"mark", mark}, {"mincharnum", least}, {"pad_value", std::move(padding)}};
              };
              Attributes words = settings(0, 2, "#"), separated = settings(1, 1, ""), letters = settings(0, 1, "-");
              words.set("tokenexp", std::string("[a-zA-Z0-9_]+"));
              separated.set("separators", std::vector<std::string>{" ", ",|;"});
              letters.set("separators", std::vector<std::string>{""});
              return Examples{
                  {"words of two characters or more",
                   {strings({2, 1}, {"I love computer science!", "héé, you"})},
                   words,
                   {strings({2, 1, 3}, {"love", "computer", "science", "you", "#", "#"})},
                   0},
                  {"two separators, with marks",
                   {strings({2}, {"a b,c", ";"})},
                   separated,
                   {strings({2, 5}, {"\x02", "a", "b", "c", "\x03", "\x02", "\x03", "", "", ""})},
                   0},
                  {"characters", {strings({2}, {"hé", "a"})}, letters, {strings({2, 2}, {"h", "é", "a", "-"})}, 0},
                  {"no tokens", {strings({2}, {"", " "})}, words, {strings({2, 0}, {})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"com.microsoft", "Tokenizer", evaluate}};

}  // namespace

std::span<const OpDef> tokenizer_ops() { return defs; }
std::span<const OpRun> tokenizer_runs() { return runs; }

}  // namespace modelctl::ops
