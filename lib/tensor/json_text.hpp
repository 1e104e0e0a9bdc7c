// A cursor over JSON text (RFC 8259) that reads one value at a time and holds none of them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace modelctl::formats {

// Members that answer bool answer false on bad text; fault() then says why, of the first that failed, and where.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text) : text_(text) {}

  std::size_t at() const { return at_; }
  bool go_to(std::size_t at) {
    at_ = at;
    return true;
  }
  // The next character that is no white space, or 0 at the end; not consumed.
  char peek();
  bool at_end() { return peek() == '\0' && at_ == text_.size(); }
  // Consumes `c` if it is next; no fault if not.
  bool eat(char c);
  // Reads one value of the kind.
  bool string(std::string& value);
  bool number(std::string_view& text);  // as it is spelled
  bool boolean(bool& value);
  // Checks and passes over any value, nested 100 deep at most.
  bool skip();

  bool fail(std::string reason);  // answers false
  std::string fault() const;      // "line 3, column 7: a ',' or ']' is expected"

 private:
  bool word(std::string_view expected);
  bool escape(std::string* value);
  bool hex(unsigned& value);
  bool skip_nested(int depth);
  bool pass_string(std::string* value);  // value may be null

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t failed_at_ = 0;
  std::string reason_;
};

// Appends the text as a JSON string; false where it is not UTF-8.
bool quote_json(std::string& out, std::string_view text);

}  // namespace modelctl::formats
