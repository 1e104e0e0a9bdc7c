// StringConcat, StringSplit and StringNormalizer.
//
// Smallest runner: regular, since most models see numbers instead of words.
#include "ops/reference/broadcast.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "tensor/letter_case.hpp"
#include "tensor/utf8.hpp"

#include <unordered_set>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

Result<std::span<const std::string>> texts_of(const TensorView& view) {
  if (view.type != DType::string) return refuse("the input must be string, not " + std::string(name(view.type)));
  return view.as<std::string>();
}

Result<void> need_strings(const Inference& call, std::size_t index) {
  DType element = call.element(index);
  if (element == DType::undefined || element == DType::string) return {};
  return call.bad("input " + std::to_string(index) + " must be string, not " + std::string(name(element)));
}

Result<void> infer_concat(Inference& call) {
  TRY(need_strings(call, 0));
  TRY(need_strings(call, 1));
  return infer_broadcast(call);
}

// Bytes are joined, with numpy's broadcasting; neither text need be valid UTF-8.
Result<void> concat(const Call& call, Outputs& outputs) {
  const TensorView &a = call.input(0), &b = call.input(1);
  auto first = TRY(texts_of(a)), second = TRY(texts_of(b));
  Dims dims = TRY(broadcast_dims(a.dims, b.dims));
  MutableTensorView y = TRY(outputs.allocate(0, DType::string, dims));
  auto out = y.as<std::string>();
  for_each_index<2>(dims, {broadcast_strides(a.dims, dims), broadcast_strides(b.dims, dims)},
                    [&](std::int64_t i, const std::array<std::int64_t, 2>& at) {
                      out[static_cast<std::size_t>(i)] =
                          first[static_cast<std::size_t>(at[0])] + second[static_cast<std::size_t>(at[1])];
                    });
  return {};
}

// The number of pieces is data: output 0 has one more axis, of an open size. So X needs a rank below the limit.
Result<void> infer_split(Inference& call) {
  TRY(need_strings(call, 0));
  TRY(need_rank(call, 0, 0, max_rank - 1));
  const Shape* x = call.shape(0);
  std::optional<Shape> pieces, counts;
  if (x != nullptr) {
    counts = *x;
    pieces = *x;
    pieces->push_back(call.fresh_symbol());
  }
  call.set_output(0, DType::string, pieces);
  if (call.node().outputs().size() > 1) call.set_output(1, DType::i64, counts);
  return {};
}

constexpr std::string_view blanks = " \t\n\v\f\r";

// At most `most` splits; the rest is the last piece. Without a delimiter, runs of spaces separate. As Python's
// str.split: a delimiter separates even empty pieces, so that "" is one empty piece and "a--" ends with one; blanks
// never do, so that "" has none. The rest after the last split keeps its blanks at the end, but not those before it.
// Blanks are ASCII's: the bytes of a longer UTF-8 sequence are never among them.
std::vector<std::string_view> pieces_of(std::string_view text, std::string_view delimiter, std::size_t most) {
  std::vector<std::string_view> pieces;
  if (!delimiter.empty()) {
    for (std::size_t at; pieces.size() < most && (at = text.find(delimiter)) != text.npos;) {
      pieces.push_back(text.substr(0, at));
      text.remove_prefix(at + delimiter.size());
    }
    pieces.push_back(text);
    return pieces;
  }
  // npos, if only blanks are left, becomes the whole rest.
  auto skip = [&] { text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size())); };
  for (skip(); !text.empty(); skip()) {
    std::size_t end = pieces.size() < most ? std::min(text.find_first_of(blanks), text.size()) : text.size();
    pieces.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return pieces;
}

// The last axis of the result is as long as the longest list of pieces; shorter ones are filled with empty strings.
// Pieces are views until that length is known; the strings are made once, in the output.
Result<void> split(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  auto texts = TRY(texts_of(x));
  if (x.rank() >= max_rank) return refuse("the output has too many axes");
  std::int64_t limit = call.attributes.integer("maxsplit", -1);
  std::size_t most = limit < 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(limit);
  std::vector<std::vector<std::string_view>> all;
  std::size_t width = 0;
  for (const std::string& text : texts) {
    all.push_back(pieces_of(text, call.attributes.text("delimiter"), most));
    width = std::max(width, all.back().size());
  }
  Dims dims(x.dims.begin(), x.dims.end());
  dims.push_back(static_cast<std::int64_t>(width));
  auto pieces = TRY(outputs.allocate(0, DType::string, dims)).as<std::string>();
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::copy(all[i].begin(), all[i].end(), pieces.begin() + static_cast<std::ptrdiff_t>(i * width));
  }
  if (!outputs.wanted(1)) return {};
  auto counts = TRY(outputs.allocate(1, DType::i64, x.dims)).as<std::int64_t>();
  std::transform(all.begin(), all.end(), counts.begin(),
                 [](const auto& found) { return static_cast<std::int64_t>(found.size()); });
  return {};
}

enum class Case { none, lower, upper };
constexpr std::string_view cases = "NONE LOWER UPPER";

// Upper and lower case by Unicode's simple mappings, whatever the locale: results must not depend on the machine. A
// simple mapping is one code point to one, so that a sharp s stays, which the full mapping would make two letters.
Result<std::string> changed(const std::string& text, Case to) {
  if (to == Case::none) return text;
  auto letters = from_utf8(text);
  if (!letters) return refuse("'" + text.substr(0, 40) + "' is not UTF-8");
  std::string out;
  for (char32_t letter : *letters) append_utf8(out, to == Case::upper ? upper_case(letter) : lower_case(letter));
  return out;
}

// Which words remain is data: the last axis is open.
Result<void> infer_normalizer(Inference& call) {
  TRY(need_strings(call, 0));
  TRY(need_rank(call, 0, 1, 2));
  const Shape* x = call.shape(0);
  if (x == nullptr) {
    call.set_output(0, DType::string, std::nullopt);
    return {};
  }
  Shape shape = *x;
  if (shape.size() == 2) TRY(same_size(call, shape[0], Expr(1)));
  shape.back() = call.fresh_symbol();
  call.set_output(0, DType::string, std::move(shape));
  return {};
}

// Stop words are removed before the case is changed, as the specification orders it. If the comparison ignores case,
// both sides are compared in lower case; what is kept has its own.
Result<void> normalize(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  auto texts = TRY(texts_of(x));
  if (x.rank() != 1 && (x.rank() != 2 || x.dim(0) != 1)) {
    return refuse("the input must be one row: [C] or [1,C], not " + describe(x.type, x.dims));
  }
  auto action = choice_of<Case>(call.attributes, "case_change_action", cases);
  // The default of is_case_sensitive is 0.
  Case compared = call.attributes.integer("is_case_sensitive") != 0 ? Case::none : Case::lower;
  std::unordered_set<std::string> stopwords;
  for (const std::string& word : call.attributes.texts("stopwords")) stopwords.insert(TRY(changed(word, compared)));
  std::vector<std::string> kept;
  for (const std::string& text : texts) {
    if (!stopwords.empty() && stopwords.count(TRY(changed(text, compared))) != 0) continue;
    kept.push_back(TRY(changed(text, action)));
  }
  if (kept.empty()) kept.emplace_back();  // the specification demands one empty string instead of none
  Dims dims(x.dims.begin(), x.dims.end());
  dims.back() = static_cast<std::int64_t>(kept.size());
  auto out = TRY(outputs.allocate(0, DType::string, dims)).as<std::string>();
  std::move(kept.begin(), kept.end(), out.begin());
  return {};
}

constexpr AttributeDef of_split[] = {
    {"delimiter", AttributeType::text, "the separator; if absent or empty, runs of spaces"},
    {"maxsplit", AttributeType::integer, "how often to split at most; no limit if absent"}};
constexpr AttributeDef of_normalizer[] = {
    text_choice("case_change_action", cases, "the case that the words get"),
    {"is_case_sensitive", AttributeType::integer, "1: stop words must match exactly; 0, if absent: in any case"},
    {"locale", AttributeType::text, "has no effect: case follows Unicode's rules alone"},
    {"stopwords", AttributeType::texts, "the words to leave out"}};

constexpr OpDef defs[] = {
    {
        .name = "StringConcat",
        .since = 20,
        .summary = "Texts joined, element by element.",
        .inputs = "X Y:X",
        .outputs = "Z",
        .types = "string",
        .infer = infer_concat,
        .examples =
            [] {
              return Examples{{"one ending for all",
                               {strings({2}, {"über", ""}), strings({}, {".de"})},
                               {},
                               {strings({2}, {"über.de", ".de"})},
                               0}};
            },
    },
    {
        .name = "StringSplit",
        .since = 20,
        .summary = "Strings split into pieces, short rows filled with empty strings, and the number of pieces.",
        .inputs = "X",
        .outputs = "Y Z",
        .types = "string",
        .attributes = of_split,
        .infer = infer_split,
        .examples =
            [] {
              return Examples{{"at blanks",
                               {strings({2}, {" a  bc ", ""})},
                               {},
                               {strings({2, 2}, {"a", "bc", "", ""}), i64({2}, {2, 0})},
                               0},
                              {"at a delimiter, once",
                               {strings({2}, {"a--b--c", "--"})},
                               {{"delimiter", std::string("--")}, {"maxsplit", std::int64_t{1}}},
                               {strings({2, 2}, {"a", "b--c", "", ""}), i64({2}, {2, 2})},
                               0},
                              {"at blanks, once",
                               {strings({1}, {" a b c "})},
                               {{"maxsplit", std::int64_t{1}}},
                               {strings({1, 2}, {"a", "b c "}), i64({1}, {2})},
                               0}};
            },
    },
    {
        .name = "StringNormalizer",
        .since = 10,
        .summary = "Words without those on a list, in lower or upper case.",
        .inputs = "X",
        .outputs = "Y",
        .types = "string",
        .attributes = of_normalizer,
        .infer = infer_normalizer,
        .examples =
            [] {
              return Examples{
                  {"a stop word in any case",
                   {strings({1, 3}, {"The", "Größe", "the"})},
                   {{"stopwords", std::vector<std::string>{"the"}}, {"case_change_action", std::string("LOWER")}},
                   {strings({1, 1}, {"größe"})},
                   0},
                  {"nothing is left",
                   {strings({1}, {"a"})},
                   {{"stopwords", std::vector<std::string>{"a"}}, {"is_case_sensitive", std::int64_t{1}}},
                   {strings({1}, {""})},
                   0}};
            },
    },
};
constexpr OpRun runs[] = {
    {"", "StringConcat", concat}, {"", "StringSplit", split}, {"", "StringNormalizer", normalize}};

}  // namespace

std::span<const OpDef> strings_ops() { return defs; }
std::span<const OpRun> strings_runs() { return runs; }

}  // namespace modelctl::ops
