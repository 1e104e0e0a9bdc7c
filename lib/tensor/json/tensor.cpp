// Two passes over the text: the first finds the dimensions and kinds of the elements, the second converts them. Both
// are loops over characters: together they take no more time than building a document does (measured against
// Boost.JSON), and no memory but the tensor's.
#include "tensor/json/tensor.hpp"

#include "tensor/dispatch.hpp"
#include "tensor/small.hpp"

#include <fmt/format.h>

#include <type_traits>

namespace modelctl::json {
namespace {

struct V2Type {
  std::string_view name;
  DType type;
};
constexpr V2Type v2_types[] = {{"BOOL", DType::boolean}, {"UINT8", DType::u8},    {"UINT16", DType::u16},
                               {"UINT32", DType::u32},   {"UINT64", DType::u64},  {"INT8", DType::i8},
                               {"INT16", DType::i16},    {"INT32", DType::i32},   {"INT64", DType::i64},
                               {"FP16", DType::f16},     {"FP32", DType::f32},    {"FP64", DType::f64},
                               {"BF16", DType::bf16},    {"BYTES", DType::string}};

constexpr std::string_view float_names[] = {"NaN", "Infinity", "-Infinity"};

// What a list turned out to be.
struct Layout {
  Dims dims;
  bool strings = false, bools = false, fractions = false, integers = false;
  bool names = false;  // strings that stand for floats, if there are numbers beside them
  std::int64_t count = 0;

  // The type of a list of which none is expected; undefined if it mixes kinds.
  DType type() const {
    bool numbers = fractions || integers, texts = strings || (names && !numbers);
    if (texts + bools + numbers > 1) return DType::undefined;
    return texts ? DType::string : bools ? DType::boolean : fractions || names || !integers ? DType::f64 : DType::i64;
  }
};

// The first pass.
class Scan {
 public:
  Scan(Cursor& in, const Wanted& wanted) : in_(in), wanted_(wanted) {}

  // The first list at each depth sets its size, and all others are compared with it. How deep a list nests is known
  // once an element or an empty list was seen: [[], [1]] is ragged, [[], []] is not.
  bool run(Layout& layout, std::size_t depth = 0) {
    if (in_.peek() != '[') return element(layout);
    if (depth == max_rank) return in_.fail(fmt::format("the list nests deeper than {}", max_rank));
    bool first = depth == layout.dims.size() && !rank_known_;
    if (first) layout.dims.push_back(0);
    if (depth >= layout.dims.size()) return in_.fail("the list is ragged: there is a list, but an element is expected");
    std::size_t start = in_.at();
    std::int64_t size = 0;
    in_.eat('[');
    if (!in_.eat(']')) {
      do {
        bool list = in_.peek() == '[';
        if (!list && depth + 1 < layout.dims.size()) {
          return in_.fail("the list is ragged: there is an element, but a list is expected");
        }
        if (!run(layout, depth + 1)) return false;
        ++size;
      } while (in_.eat(','));
      if (!in_.eat(']')) return in_.fail("a ',' or ']' is expected");
    }
    rank_known_ = true;
    if (first) layout.dims[depth] = size;
    if (layout.dims[depth] == size) return true;
    in_.go_to(start);
    return in_.fail(fmt::format("the list is ragged: it has {} elements, but the first list at this depth has {}", size,
                                layout.dims[depth]));
  }

 private:
  bool element(Layout& layout) {
    rank_known_ = true;
    ++layout.count;
    Number number;
    switch (in_.peek()) {
      case '"': return text(layout);
      case 't':
      case 'f': layout.bools = true; return in_.skip();
      case 'n':
        if (wanted_.non_finite != NonFiniteForm::null) return unexpected();
        layout.fractions = true;
        return in_.skip();
      case '{':
        if (wanted_.string_object == nullptr) return unexpected();
        layout.strings = true;
        return in_.skip();
      default:
        if (!in_.number(number)) return false;
        (number.whole ? layout.integers : layout.fractions) = true;
        return true;
    }
  }

  bool text(Layout& layout) {
    if (layout.strings || wanted_.type) return in_.skip();
    std::string value;
    if (!in_.string(value)) return false;
    bool name = wanted_.non_finite != NonFiniteForm::reject &&
                std::find(std::begin(float_names), std::end(float_names), value) != std::end(float_names);
    (name ? layout.names : layout.strings) = true;
    return true;
  }

  bool unexpected() { return in_.fail("a number, string, bool or list is expected"); }

  Cursor& in_;
  const Wanted& wanted_;
  bool rank_known_ = false;  // an element, or the end of a list, has shown how deep the list nests
};

// The second pass, over a list that the first has accepted.
template <class T>
class Fill {
 public:
  Fill(Cursor& in, const Wanted& wanted, T* next) : in_(in), wanted_(wanted), next_(next) {}

  bool run() {
    if (!in_.eat('[')) return element(*next_++);
    if (in_.eat(']')) return true;
    do {
      if (!run()) return false;
    } while (in_.eat(','));
    return in_.eat(']');
  }

 private:
  bool element(T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      if (in_.peek() == '{' && wanted_.string_object != nullptr) return wanted_.string_object(in_, value);
      return in_.peek() == '"' ? in_.string(value) : in_.fail("a string is expected");
    } else if constexpr (std::is_same_v<T, bool>) {
      return in_.boolean(value);
    } else {
      if (in_.peek() == '"') return named(value);
      if (in_.peek() == 'n') {
        if (!set_non_finite(dtype_of<T>, 0, &value)) return in_.fail(why_not(Parsed::no_number, "null", dtype_of<T>));
        return in_.skip();
      }
      std::size_t start = in_.at();
      Number number;
      if (!in_.number(number)) return false;
      Parsed result = parse_decimal(number.text, number.whole, value);
      if (result == Parsed::good) return true;
      in_.go_to(start);
      return in_.fail(why_not(result, number.text, dtype_of<T>));
    }
  }

  // A float that JSON has no number for.
  bool named(T& value) {
    std::size_t start = in_.at();
    std::string text;
    if (!in_.string(text)) return false;
    if (wanted_.non_finite != NonFiniteForm::reject) {
      if (text == float_names[0] && set_non_finite(dtype_of<T>, 0, &value)) return true;
      if (text == float_names[1] && set_non_finite(dtype_of<T>, 1, &value)) return true;
      if (text == float_names[2] && set_non_finite(dtype_of<T>, -1, &value)) return true;
    }
    in_.go_to(start);
    return in_.fail(why_not(Parsed::no_number, text, dtype_of<T>));
  }

  Cursor& in_;
  const Wanted& wanted_;
  T* next_;
};

// A small type by way of one of C++, which holds each of its values.
bool read_small(Cursor& in, const Wanted& wanted, DType type, Tensor& tensor) {
  Wanted wide = wanted;
  wide.type = is_float(type) ? DType::f64 : DType::i64;
  Tensor read;
  in.peek();
  std::size_t start = in.at();
  if (!read_tensor(in, wide, read)) return false;
  tensor = Tensor(type, read.dims());
  for (std::int64_t i = 0; i < read.view().elements(); ++i) {
    auto at = static_cast<std::size_t>(i);
    double value = is_float(type) ? read.as<double>()[at] : static_cast<double>(read.as<std::int64_t>()[at]);
    if (set_small_element(type, tensor.mutable_view().data, i, value)) continue;
    in.go_to(start);
    return in.fail(fmt::format("element {}, {}, is not a value of {}", i, value, name(type)));
  }
  return true;
}

}  // namespace

bool read_tensor(Cursor& in, const Wanted& wanted, Tensor& tensor) {
  if (wanted.type && is_small(*wanted.type)) return read_small(in, wanted, *wanted.type, tensor);
  Layout layout;
  in.peek();
  std::size_t start = in.at();
  if (!Scan(in, wanted).run(layout)) return false;
  std::size_t end = in.at();
  in.go_to(start);
  DType type = wanted.type.value_or(layout.type());
  if (type == DType::undefined) return in.fail("the list mixes numbers, bools and strings");
  if (!has_form(type)) return in.fail(fmt::format("{} has no form in JSON", name(type)));
  if (wanted.shape) {
    bool flat = layout.dims.size() == 1 && element_count(*wanted.shape) == layout.count;
    if (!flat && layout.dims != *wanted.shape) {
      return in.fail(fmt::format("the data are {}, and the shape says {}", describe(type, layout.dims),
                                 describe(type, *wanted.shape)));
    }
  }
  if (byte_size(type, layout.dims).value_or(std::numeric_limits<std::uint64_t>::max()) > wanted.memory_bytes) {
    return in.fail(fmt::format("{} takes more than the {} bytes that are allowed", describe(type, layout.dims),
                               wanted.memory_bytes));
  }
  tensor = Tensor(type, wanted.shape ? *wanted.shape : std::move(layout.dims));
  bool good = false;
  [[maybe_unused]] bool known = with_type<NumbersBoolAndString>(
      type, [&]<class T>() { good = Fill<T>(in, wanted, static_cast<T*>(tensor.mutable_view().data)).run(); });
  return good && in.go_to(end);
}

bool read_shape(Cursor& in, Dims& dims) {
  dims.clear();
  if (!in.eat('[')) return in.fail("the shape is not a list");
  if (in.eat(']')) return true;
  do {
    Number number;
    std::int64_t dim = 0;
    in.peek();
    std::size_t start = in.at();
    if (!in.number(number)) return false;
    if (parse_decimal(number.text, number.whole, dim) != Parsed::good || dim < 0) {
      in.go_to(start);
      return in.fail(fmt::format("'{}' is not a size", number.text.substr(0, 40)));
    }
    if (dims.size() == max_rank) return in.fail(fmt::format("the shape has more than {} dimensions", max_rank));
    dims.push_back(dim);
  } while (in.eat(','));
  return in.eat(']') || in.fail("a ',' or ']' is expected");
}

bool has_form(DType type) { return is_small(type) || !v2_name(type).empty(); }

std::optional<DType> type_of_v2(std::string_view name) {
  for (const V2Type& row : v2_types) {
    if (row.name == name) return row.type;
  }
  return std::nullopt;
}

std::string_view v2_name(DType type) {
  for (const V2Type& row : v2_types) {
    if (row.type == type) return row.name;
  }
  return {};
}

}  // namespace modelctl::json
