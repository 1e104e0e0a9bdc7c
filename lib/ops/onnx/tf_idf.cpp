// TfIdfVectorizer: how often each n-gram of a pool occurs in rows of words or numbers, as a count (TF), presence (IDF)
// or weighted count (TFIDF). Words are numbered first, so that n-grams compare integers.
//
// An n-gram is n words in a row, each s + 1 after the one before, for every skip s from 0 to max_skip_count. The time
// for a row of length L is O(skips * L * max_gram_length) whatever the size of the pool: each start follows one path in
// a trie and ends where the path does.
//
// Smallest runner: regular, since it belongs to text pipelines of scikit-learn.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <unordered_map>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

struct Settings {
  bool weighted, once;  // TFIDF and IDF multiply by weights; IDF counts an n-gram once
  std::int64_t shortest, longest, most_skipped, width;
};

// The attributes, checked against each other; `pool` is the length of the one that is given. Everything here indexes
// something later, so a model that contradicts itself is refused before the run.
Result<Settings> settings_of(const Attributes& attributes) {
  std::string_view mode = attributes.text("mode");
  Settings settings{mode != "TF",
                    mode == "IDF",
                    attributes.integer("min_gram_length"),
                    attributes.integer("max_gram_length"),
                    attributes.integer("max_skip_count"),
                    0};
  if (settings.shortest < 1 || settings.longest < settings.shortest || settings.longest > 1 << 20) {
    return refuse("min_gram_length must be positive and at most max_gram_length");
  }
  if (settings.most_skipped < 0) return refuse("max_skip_count cannot be " + std::to_string(settings.most_skipped));
  const auto& indexes = attributes.integers("ngram_indexes");
  const auto& counts = attributes.integers("ngram_counts");
  std::size_t pool = std::max(attributes.integers("pool_int64s").size(), attributes.texts("pool_strings").size());
  if (!attributes.integers("pool_int64s").empty() && !attributes.texts("pool_strings").empty()) {
    return refuse("pool_int64s and pool_strings exclude each other");
  }
  // The n-grams of length n + 1 are pool[counts[n] .. counts[n + 1]).
  std::size_t grams = 0;
  for (std::size_t n = 0; n < counts.size(); ++n) {
    std::int64_t end = n + 1 < counts.size() ? counts[n + 1] : static_cast<std::int64_t>(pool);
    if (counts[n] < 0 || end < counts[n] || end > static_cast<std::int64_t>(pool) ||
        static_cast<std::size_t>(end - counts[n]) % (n + 1) != 0) {
      return refuse("ngram_counts do not divide the pool into n-grams");
    }
    grams += static_cast<std::size_t>(end - counts[n]) / (n + 1);
  }
  if (counts.empty() || counts[0] != 0) return refuse("ngram_counts must start with 0");
  if (grams != indexes.size()) return refuse("ngram_indexes must have one number for each n-gram of the pool");
  for (std::int64_t index : indexes) {
    // The output is as wide as the greatest column says, however few columns have an n-gram. The bound keeps the width,
    // plus one, far from overflow; the allocation decides whether it is affordable.
    if (index < 0 || index >= std::int64_t{1} << 40) return refuse("ngram_indexes hold " + std::to_string(index));
    settings.width = std::max(settings.width, index + 1);
  }
  const auto& weights = attributes.numbers("weights");
  if (!weights.empty() && weights.size() != indexes.size()) {
    return refuse("there must be one weight for each n-gram of the pool");
  }
  return settings;
}

// A row of words [C] gives [width], several rows [N, C] give [N, width]. A scalar is a row of one word.
Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 0, 2));
  auto settings = settings_of(call.attributes());
  if (!settings) return call.bad(settings.error().what);
  const Shape* x = call.shape(0);
  std::optional<Shape> shape;
  if (x != nullptr) {
    shape = Shape();
    if (x->size() == 2) shape->push_back((*x)[0]);
    shape->push_back(Expr(settings->width));
  }
  call.set_output(0, DType::f32, std::move(shape));
  return {};
}

// The pool as a trie: each n-gram is a path from the root and ends at a node that holds its number. Edges are one hash
// table for all nodes, keyed by node and word, so that a step costs one look-up. An n-gram may begin another one; those
// of lengths that do not count are left out, but still numbered, since the attributes refer to their positions.
class Pool {
 public:
  static constexpr std::uint32_t root = 0, none = ~std::uint32_t{0};

  // `tokens` are the pool's words as small numbers.
  Pool(const std::vector<std::uint32_t>& tokens, const std::vector<std::int64_t>& counts, const Settings& settings) {
    std::uint32_t gram = 0;
    for (std::size_t n = 0; n < counts.size(); ++n) {
      auto at = static_cast<std::size_t>(counts[n]);
      std::size_t end = n + 1 < counts.size() ? static_cast<std::size_t>(counts[n + 1]) : tokens.size();
      auto length = static_cast<std::int64_t>(n + 1);
      bool used = length >= settings.shortest && length <= settings.longest;
      for (; at < end; at += n + 1, ++gram) {
        std::uint32_t node = root;
        for (std::size_t i = 0; used && i <= n; ++i) {
          auto next = static_cast<std::uint32_t>(grams_.size());
          auto [edge, added] = edges_.try_emplace(key(node, tokens[at + i]), next);
          if (added) grams_.push_back(none);
          node = edge->second;
        }
        if (used) grams_[node] = gram;
      }
    }
  }

  // No edge: no n-gram of the pool begins with this path.
  std::uint32_t next(std::uint32_t node, std::uint32_t token) const {
    auto found = edges_.find(key(node, token));
    return found == edges_.end() ? none : found->second;
  }
  std::uint32_t gram(std::uint32_t node) const { return grams_[node]; }

 private:
  static std::uint64_t key(std::uint32_t node, std::uint32_t token) { return std::uint64_t{node} << 32 | token; }
  std::unordered_map<std::uint64_t, std::uint32_t> edges_;
  std::vector<std::uint32_t> grams_{none};  // by node
};

// Words as small numbers: those of the pool are numbered in order, all others are Pool::none.
template <class Word>
class Dictionary {
 public:
  std::vector<std::uint32_t> learn(const std::vector<Word>& pool) {
    std::vector<std::uint32_t> tokens;
    for (const Word& word : pool) {
      tokens.push_back(numbers_.try_emplace(word, static_cast<std::uint32_t>(numbers_.size())).first->second);
    }
    return tokens;
  }
  template <class List>
  std::vector<std::uint32_t> look_up(const List& words) const {
    std::vector<std::uint32_t> tokens;
    for (const auto& word : words) {
      auto found = numbers_.find(Word(word));
      tokens.push_back(found == numbers_.end() ? Pool::none : found->second);
    }
    return tokens;
  }

 private:
  std::unordered_map<Word, std::uint32_t> numbers_;
};

// Calls found(gram) for each n-gram of a row, its words 1 to most_skipped + 1 apart. Steps beyond the row's length find
// no second word, so that a huge max_skip_count costs nothing.
template <class Found>
void for_each_gram(std::span<const std::uint32_t> row, const Pool& pool, const Settings& settings, Found&& found) {
  std::int64_t shortest = settings.shortest;
  auto length = static_cast<std::int64_t>(row.size());
  for (std::int64_t step = 1; step <= std::min(settings.most_skipped, length) + 1; ++step) {
    for (std::int64_t start = 0; start < length; ++start) {
      std::uint32_t node = Pool::root;
      std::int64_t n = 1;
      for (std::int64_t at = start; at < length && n <= settings.longest; at += step, ++n) {
        std::uint32_t token = row[static_cast<std::size_t>(at)];
        node = token == Pool::none ? Pool::none : pool.next(node, token);
        if (node == Pool::none) break;
        if (n >= shortest && pool.gram(node) != Pool::none) found(pool.gram(node));
      }
    }
    // A single word has nothing to skip: it counts only for skip 0.
    if (shortest == 1 && ++shortest > settings.longest) break;
  }
}

// Each occurrence adds 1 (TF) or the n-gram's weight (TFIDF) to its column, or sets the column to the weight (IDF), so
// that IDF is the weight of what occurs at all, and TFIDF the count times the weight. If n-grams share a column, TF
// and TFIDF are sums over them, and of IDF the last one found counts: the specification leaves that open, and ONNX
// Runtime computes it so.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (!x.present()) return refuse("the input is absent");
  if (x.rank() > 2) return refuse("the input must have rank 2 or less, not " + std::to_string(x.rank()));
  Settings settings = TRY(settings_of(call.attributes));
  std::vector<std::uint32_t> pool, words;
  if (x.type == DType::string) {
    Dictionary<std::string> dictionary;
    pool = dictionary.learn(call.attributes.texts("pool_strings"));
    words = dictionary.look_up(x.as<std::string>());
  } else {
    Dictionary<std::int64_t> dictionary;
    pool = dictionary.learn(call.attributes.integers("pool_int64s"));
    TRY(for_type<IndexTypes>(x.type, [&]<class T>() -> Result<void> {
      words = dictionary.look_up(x.as<T>());
      return {};
    }));
  }
  // Words need pool_strings and numbers need pool_int64s: the other pool could never match.
  if (pool.empty() && !call.attributes.integers("ngram_indexes").empty()) {
    return refuse("the pool does not hold elements of type " + std::string(name(x.type)));
  }
  Dims dims;
  if (x.rank() == 2) dims.push_back(x.dim(0));
  dims.push_back(settings.width);
  auto out = TRY(outputs.allocate(0, DType::f32, dims)).as<float>();
  std::fill(out.begin(), out.end(), 0.0f);
  Pool grams(pool, call.attributes.integers("ngram_counts"), settings);
  const auto& indexes = call.attributes.integers("ngram_indexes");
  const auto& weights = call.attributes.numbers("weights");
  std::size_t rows = x.rank() == 2 ? static_cast<std::size_t>(x.dim(0)) : 1,
              length = rows == 0 ? 0 : words.size() / rows;
  for (std::size_t row = 0; row < rows; ++row) {
    auto sums = out.subspan(row * static_cast<std::size_t>(settings.width), static_cast<std::size_t>(settings.width));
    for_each_gram(std::span(words).subspan(row * length, length), grams, settings, [&](std::uint32_t gram) {
      float& sum = sums[static_cast<std::size_t>(indexes[gram])];
      float weight = settings.weighted && !weights.empty() ? weights[gram] : 1;
      sum = settings.once ? weight : sum + weight;
    });
  }
  return {};
}

constexpr AttributeDef attributes[] = {
    {"max_gram_length", AttributeType::integer, "words in the longest n-gram that counts", true},
    {"max_skip_count", AttributeType::integer, "words that may be skipped between two of an n-gram", true},
    {"min_gram_length", AttributeType::integer, "words in the shortest n-gram that counts", true},
    text_choice("mode", "TF IDF TFIDF", "how often; the weight, if at all; how often times the weight", true),
    {"ngram_counts", AttributeType::integers, "where in the pool the n-grams of one word begin, of two, and so on",
     true},
    {"ngram_indexes", AttributeType::integers, "the output's column of each n-gram", true},
    {"pool_int64s", AttributeType::integers, "the n-grams, those of one word first"},
    {"pool_strings", AttributeType::texts, "the n-grams of words; this or pool_int64s"},
    {"weights", AttributeType::numbers, "of each n-gram; 1 if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "TfIdfVectorizer",
        .since = 9,
        .summary = "How often each n-gram of a pool occurs in a row.",
        .inputs = "X",
        .outputs = "Y",
        .types = "i32 i64 string",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              Attributes words{{"min_gram_length", std::int64_t{1}},
                               {"max_gram_length", std::int64_t{2}},
                               {"max_skip_count", std::int64_t{0}},
                               {"ngram_counts", Ints{0, 2}},
                               {"ngram_indexes", Ints{1, 0, 2}},
                               {"pool_strings", std::vector<std::string>{"a", "b", "a", "b"}},
                               {"weights", std::vector<float>{10, 20, 0.5f}}};
              Attributes counted = words, weighted = words;
              counted.set("mode", std::string("TF"));
              weighted.set("mode", std::string("TFIDF"));
              Attributes shared = weighted;
              shared.set("max_gram_length", std::int64_t{1});
              shared.set("ngram_indexes", Ints{0, 0, 0});
              Attributes once = shared;
              once.set("mode", std::string("IDF"));
              return Examples{
                  {"one word and two", {strings({4}, {"a", "b", "c", "a"})}, counted, {f32({3}, {1, 2, 1})}, 0},
                  {"weighted",
                   {strings({2, 2}, {"a", "b", "a", "a"})},
                   weighted,
                   {f32({2, 3}, {20, 10, 0.5f, 0, 20, 0})},
                   0},
                  {"weighted, two words in one column", {strings({3}, {"a", "b", "a"})}, shared, {f32({1}, {40})}, 0},
                  {"in one column, the last word's weight", {strings({3}, {"a", "a", "b"})}, once, {f32({1}, {20})}, 0},
                  {"pairs with a number between them, once",
                   {i64({5}, {7, 1, 8, 1, 8})},
                   {{"mode", std::string("IDF")},
                    {"min_gram_length", std::int64_t{2}},
                    {"max_gram_length", std::int64_t{2}},
                    {"max_skip_count", std::int64_t{1}},
                    {"ngram_counts", Ints{0, 0}},
                    {"ngram_indexes", Ints{0, 1}},
                    {"pool_int64s", Ints{7, 8, 8, 7}}},
                   {f32({2}, {1, 0})},
                   0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "TfIdfVectorizer", evaluate}};

}  // namespace

std::span<const OpDef> tf_idf_ops() { return defs; }
std::span<const OpRun> tf_idf_runs() { return runs; }

}  // namespace modelctl::ops
