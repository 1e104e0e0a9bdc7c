#include "serve/json.hpp"

#include "tensor/dispatch.hpp"

#include <fmt/core.h>
#include <boost/json/src.hpp>

#include <cmath>

namespace modelctl::serve {
namespace json = boost::json;
namespace {

const json::value& deref(JsonRef ref) { return *static_cast<const json::value*>(ref.value()); }

// Follows the first element of each level: what the dimensions must be if the list is not ragged.
Dims nested_dims(const json::value& list) {
  Dims dims;
  for (const json::value* level = &list; level->is_array(); level = &level->get_array().front()) {
    dims.push_back(static_cast<std::int64_t>(level->get_array().size()));
    if (level->get_array().empty()) break;
  }
  return dims;
}

Error bad(std::string_view place, std::string what) {
  return Error(Kind::bad_input, "bad-tensor", fmt::format("cannot read {}: {}", place, what));
}

// An element as T, or false where it does not fit.
template <class T>
bool element(const json::value& value, T& out) {
  if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) return false;
    out = std::string(value.get_string());
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_bool()) return false;
    out = value.get_bool();
  } else if constexpr (std::is_integral_v<T>) {
    if (value.is_int64()) {
      std::int64_t number = value.get_int64();
      if (!std::in_range<T>(number)) return false;
      out = static_cast<T>(number);
    } else if (value.is_uint64()) {
      if (!std::in_range<T>(value.get_uint64())) return false;
      out = static_cast<T>(value.get_uint64());
    } else {
      return false;
    }
  } else {
    double number;
    if (value.is_double()) number = value.get_double();
    else if (value.is_int64()) number = static_cast<double>(value.get_int64());
    else if (value.is_uint64()) number = static_cast<double>(value.get_uint64());
    else return false;
    if constexpr (std::is_same_v<T, double>) out = number;
    else out = T(static_cast<float>(number));
  }
  return true;
}

// That every list has the dimensions of the first one at its depth: before any memory is taken on their product's
// claim.
Result<void> check_regular(const json::value& value, DimsView dims, std::string_view place) {
  if (dims.empty()) {
    if (value.is_array()) return bad(place, "the lists are ragged: some nest deeper than others");
    return {};
  }
  if (!value.is_array() || static_cast<std::int64_t>(value.get_array().size()) != dims[0]) {
    return bad(place, fmt::format("the lists are ragged: one of {} elements was expected", dims[0]));
  }
  for (const json::value& part : value.get_array()) TRY(check_regular(part, dims.subspan(1), place));
  return {};
}

// Copies the elements in order; answers the first that is none of T, or null.
template <class T>
const json::value* fill(T*& next, const json::value& value) {
  if (!value.is_array()) return element(value, *next) ? (++next, nullptr) : &value;
  for (const json::value& part : value.get_array()) {
    if (const json::value* misfit = fill(next, part)) return misfit;
  }
  return nullptr;
}

}  // namespace

bool JsonRef::is_object() const { return present() && deref(*this).is_object(); }
bool JsonRef::is_array() const { return present() && deref(*this).is_array(); }

JsonRef JsonRef::member(std::string_view name) const {
  if (!is_object()) return {};
  return JsonRef(deref(*this).get_object().if_contains({name.data(), name.size()}));
}

std::vector<std::pair<std::string, JsonRef>> JsonRef::members() const {
  std::vector<std::pair<std::string, JsonRef>> all;
  if (!is_object()) return all;
  for (const auto& entry : deref(*this).get_object())
    all.emplace_back(std::string(entry.key()), JsonRef(&entry.value()));
  return all;
}

std::vector<JsonRef> JsonRef::elements() const {
  std::vector<JsonRef> all;
  if (!is_array()) return all;
  for (const json::value& value : deref(*this).get_array()) all.emplace_back(&value);
  return all;
}

std::optional<std::string> JsonRef::text() const {
  if (!present() || !deref(*this).is_string()) return std::nullopt;
  return std::string(deref(*this).get_string());
}

std::optional<std::int64_t> JsonRef::integer() const {
  if (!present() || !deref(*this).is_int64()) return std::nullopt;
  return deref(*this).get_int64();
}

std::optional<bool> JsonRef::boolean() const {
  if (!present() || !deref(*this).is_bool()) return std::nullopt;
  return deref(*this).get_bool();
}

struct JsonDocument::State {
  json::monotonic_resource memory;  // freed as one when the request is done
  json::value root;
};

JsonDocument::JsonDocument(std::unique_ptr<State> state) : state_(std::move(state)) {}
JsonDocument::~JsonDocument() = default;
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonRef JsonDocument::root() const { return JsonRef(&state_->root); }

Result<JsonDocument> JsonDocument::parse(std::string_view text) {
  auto state = std::make_unique<State>();
  json::stream_parser parser(json::storage_ptr(&state->memory), json::parse_options{.max_depth = 32});
  boost::system::error_code code;
  std::size_t read = parser.write_some(text.data(), text.size(), code);
  if (!code && read < text.size()) code = json::error::extra_data;
  if (!code) parser.finish(code);
  if (code) {
    return Error(Kind::bad_input, "bad-json", "cannot read the body as JSON")
        .because(fmt::format("at byte {}: {}", read, code.message()));
  }
  // A value built on another resource would be copied: construct in place on ours.
  new (&state->root) json::value(parser.release());
  return JsonDocument(std::move(state));
}

Result<Tensor> tensor_from_json(JsonRef list, DType type, const std::optional<Dims>& shape, std::string_view place) {
  if (!list.present()) return bad(place, "there is no data");
  const json::value& value = deref(list);
  Dims dims = nested_dims(value);
  if (dims.size() > max_rank) return bad(place, fmt::format("it nests deeper than {} lists", max_rank));
  TRY(check_regular(value, dims, place));
  Tensor tensor;
  const json::value* misfit = nullptr;
  bool known = with_type<NumbersBoolAndString>(type, [&]<class T>() {
    tensor = Tensor(type, dims);
    T* next = static_cast<T*>(tensor.mutable_view().data);
    misfit = fill(next, value);
  });
  if (!known) return bad(place, fmt::format("elements of type {} cannot be given as JSON", name(type)));
  if (misfit != nullptr)
    return bad(place, fmt::format("'{}' is no {}", json::serialize(*misfit).substr(0, 40), name(type)));
  if (!shape || *shape == dims) return tensor;
  if (dims.size() != 1 || element_count(*shape) != dims[0]) {
    return bad(place,
               fmt::format("the data is {} but its shape says {}", describe(type, dims), describe(type, *shape)));
  }
  return tensor.reshaped(*shape);
}

JsonText& JsonText::raw(std::string_view text) {
  if (!full()) text_ += text;
  return *this;
}

JsonText& JsonText::string(std::string_view text) {
  full_ = full_ || text.size() > limit_;  // it takes one byte for each, or more
  if (!full()) text_ += json::serialize(json::string_view(text.data(), text.size()));
  return *this;
}

template <class T>
void JsonText::element(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    string(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    text_ += value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    fmt::format_to(std::back_inserter(text_), "{}",
                   static_cast<std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>(value));
  } else {
    compute_t<T> number(value);
    if (std::isfinite(number)) fmt::format_to(std::back_inserter(text_), "{}", number);
    else text_ += "null";
  }
}

template <class T>
void JsonText::list(const T*& next, DimsView dims) {
  if (dims.empty()) return element(*next++);
  text_ += '[';
  for (std::int64_t i = 0; i < dims[0] && !full(); ++i) {
    if (i > 0) text_ += ',';
    list(next, dims.subspan(1));
  }
  text_ += ']';
}

JsonText& JsonText::nested(const TensorView& tensor) {
  if (full()) return *this;
  bool known = with_type<NumbersBoolAndString>(tensor.type, [&]<class T>() {
    const T* next = static_cast<const T*>(tensor.data);
    list(next, tensor.dims);
  });
  if (!known) raw("null");
  return *this;
}

JsonText& JsonText::flat(const TensorView& tensor) {
  std::int64_t count = tensor.elements();
  return nested({tensor.type, DimsView(&count, 1), tensor.data});
}

Result<std::string> JsonText::done() {
  if (full()) {
    return Error(Kind::bad_input, "response-too-large",
                 fmt::format("the response would be larger than the {} bytes that are allowed", limit_));
  }
  return std::move(text_);
}

}  // namespace modelctl::serve
