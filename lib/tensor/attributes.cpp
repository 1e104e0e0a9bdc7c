// A sorted vector instead of a std::map: operators have a handful of attributes, and a runner reads them for every
// step.
#include "tensor/attributes.hpp"

#include <algorithm>

namespace modelctl {
namespace {

constexpr auto by_name = [](const auto& entry, std::string_view name) { return entry.first < name; };

template <class T>
const T* get(const Attributes& attributes, std::string_view name) {
  const AttributeValue* value = attributes.find(name);
  return value == nullptr ? nullptr : std::get_if<T>(value);
}

template <class T>
T get_or(const Attributes& attributes, std::string_view name, T otherwise) {
  const T* value = get<T>(attributes, name);
  return value == nullptr ? otherwise : *value;
}

// Returns a reference to a static empty list if absent, so that callers can iterate without a check.
template <class T>
const std::vector<T>& get_list(const Attributes& attributes, std::string_view name) {
  static const std::vector<T> none;
  const auto* list = get<std::vector<T>>(attributes, name);
  return list == nullptr ? none : *list;
}

}  // namespace

Attributes::Attributes(std::initializer_list<std::pair<std::string, AttributeValue>> values) {
  for (const auto& [name, value] : values) set(name, value);
}

// Setting replaces: a name has one value, and the order of calls leaves no trace in an artifact's bytes.
void Attributes::set(std::string name, AttributeValue value) {
  auto at = std::lower_bound(values_.begin(), values_.end(), std::string_view(name), by_name);
  if (at != values_.end() && at->first == name) {
    at->second = std::move(value);
  } else {
    values_.emplace(at, std::move(name), std::move(value));
  }
}

void Attributes::erase(std::string_view name) {
  std::erase_if(values_, [&](const auto& entry) { return entry.first == name; });
}

const AttributeValue* Attributes::find(std::string_view name) const {
  auto at = std::lower_bound(values_.begin(), values_.end(), name, by_name);
  return at != values_.end() && at->first == name ? &at->second : nullptr;
}

std::int64_t Attributes::integer(std::string_view name, std::int64_t otherwise) const {
  return get_or<std::int64_t>(*this, name, otherwise);
}
float Attributes::number(std::string_view name, float otherwise) const { return get_or<float>(*this, name, otherwise); }
std::string_view Attributes::text(std::string_view name, std::string_view otherwise) const {
  const auto* value = get<std::string>(*this, name);
  return value == nullptr ? otherwise : std::string_view(*value);
}
const std::vector<std::int64_t>& Attributes::integers(std::string_view name) const {
  return get_list<std::int64_t>(*this, name);
}
const std::vector<float>& Attributes::numbers(std::string_view name) const { return get_list<float>(*this, name); }
const std::vector<std::string>& Attributes::texts(std::string_view name) const {
  return get_list<std::string>(*this, name);
}
const Tensor* Attributes::tensor(std::string_view name) const { return get<Tensor>(*this, name); }

}  // namespace modelctl
