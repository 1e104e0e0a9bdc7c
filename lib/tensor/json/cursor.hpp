// A cursor over JSON text (RFC 8259) that reads one value at a time and holds none of them: a request of a million
// numbers takes no more memory than its text and the tensor that it becomes.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::json {

// A member of an object: its key, and where its value begins.
struct Member {
  std::string key;
  std::size_t at = 0;
};

// The member of that key, or null.
const Member* find(const std::vector<Member>& members, std::string_view key);

struct Number {
  std::string_view text;  // as it is spelled
  bool whole = false;     // no fraction and no exponent
};

// Members that return bool return false on invalid text; fault() then reports the first failure and its position.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  std::size_t at() const { return at_; }
  // Only to a position that at() returned before: nothing is checked. Returns true, so that it can stand in a
  // condition.
  bool go_to(std::size_t at) {
    at_ = at;
    return true;
  }
  // The next character that is not white space, or 0 at the end; not consumed.
  char peek() {
    for (; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c > ' ' || (c != ' ' && c != '\n' && c != '\r' && c != '\t')) return c;
    }
    return '\0';
  }
  bool at_end() { return peek() == '\0' && at_ == text_.size(); }
  // Consumes `c` if it is next; it is not a fault if it is not.
  bool eat(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  // Reads one value of the kind.
  bool string(std::string& value);
  bool number(Number& number);
  bool boolean(bool& value);
  // Reads an object: calls visit(key) with the cursor at the value, which it must consume. The same key twice is a
  // fault, because readers disagree about which of the two counts.
  bool object(const std::function<bool(const std::string& key)>& visit);
  // Reads an object's keys and skips its values.
  bool object(std::vector<Member>& members);
  // Checks and skips any value, nested 100 deep at most.
  bool skip();

  bool fail(std::string reason);  // returns false
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

// Appends the text as a JSON string; false if it is not UTF-8.
bool quote(std::string& out, std::string_view text);

}  // namespace modelctl::json
