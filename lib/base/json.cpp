// Strict JSON for documents that are signed or hashed: no repeated keys, limited depth, and one canonical form (keys
// sorted, no white space), so that the same content gives the same bytes.
#include "base/json.hpp"

#include <fmt/core.h>

#include <set>

namespace modelctl {
namespace {

constexpr int depth_limit = 100;

// Builds the document while it counts depth and watches for repeated keys, which nlohmann's own parser lets pass: two
// readers that disagree about which of them counts would disagree about what was signed.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Json root;
  std::string fault;
  std::size_t fault_at = 0;

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override {
    stack_.pop_back();
    return true;
  }
  bool end_array() override {
    stack_.pop_back();
    return true;
  }
  bool key(string_t& name) override {
    if (stack_.back()->contains(name)) {
      fault = fmt::format("the key '{}' stands twice in one object", name);
      return false;
    }
    key_ = name;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    if (fault.empty()) {
      fault = error.what();
      fault_at = position;
    }
    return false;
  }

 private:
  Json* place(Json value) {
    if (stack_.empty()) {
      root = std::move(value);
      return &root;
    }
    Json& top = *stack_.back();
    if (top.is_array()) {
      top.push_back(std::move(value));
      return &top.back();
    }
    return &(top[key_] = std::move(value));
  }
  bool add(Json value) {
    place(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (stack_.size() >= depth_limit) {
      fault = fmt::format("it nests deeper than {}", depth_limit);
      return false;
    }
    stack_.push_back(place(std::move(value)));
    return true;
  }
  std::vector<Json*> stack_;
  std::string key_;
};

Error wrong(const char* key, std::string_view wanted, std::string_view where) {
  return Error(Kind::bad_input, "bad-json", fmt::format("'{}' is missing or is not {}", key, wanted))
      .at(std::string(where));
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view where) {
  Builder builder;
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return Error(Kind::bad_input, "bad-json", "cannot read the JSON document")
        .at(std::string(where))
        .because(builder.fault.empty() ? "it is not JSON" : builder.fault);
  }
  return std::move(builder.root);
}

Result<std::string> json_string(const Json& object, const char* key, std::string_view where) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_string()) return wrong(key, "a string", where);
  return object[key].get<std::string>();
}

Result<std::uint64_t> json_unsigned(const Json& object, const char* key, std::string_view where) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_number_unsigned()) {
    return wrong(key, "an integer of 0 or more", where);
  }
  return object[key].get<std::uint64_t>();
}

Result<const Json*> json_array(const Json& object, const char* key, std::string_view where) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_array()) return wrong(key, "an array", where);
  return &object[key];
}

Result<const Json*> json_object(const Json& object, const char* key, std::string_view where) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_object()) return wrong(key, "an object", where);
  return &object[key];
}

std::string canonical_json(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace modelctl
