// OPENSSL_cleanse is used because the compiler may remove a plain memset of memory that is freed next.
#include "package/secret.hpp"

#include <openssl/crypto.h>

namespace modelctl::package {

Secret& Secret::operator=(Secret&& other) {
  if (this != &other) {
    wipe(text_);
    text_ = other.text_;
    wipe(other.text_);
  }
  return *this;
}

void Secret::wipe(std::string& text) {
  text.resize(text.capacity());  // what an earlier, longer content left behind goes too
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

}  // namespace modelctl::package
