// Result<T>: a value or an Error. A dropped Result is a compile error; TRY passes a failure on.
#pragma once

#include "base/error.hpp"

#include <tl/expected.hpp>

#include <type_traits>
#include <utility>

namespace modelctl {

template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}
};

namespace try_detail {
template <class T>
T take(Result<T>&& result) {
  return *std::move(result);
}
inline void take(Result<void>&&) {}
}  // namespace try_detail

}  // namespace modelctl

// TRY(expression) is the expression's value, or returns its error from the function that stands around it:
//   auto model = TRY(onnx::read(path));
//   TRY(check(model));
// A statement expression, which g++ and clang both have, keeps it usable inside a larger expression.
#define TRY(...)                                             \
  __extension__({                                            \
    auto try_result_ = (__VA_ARGS__);                        \
    if (!try_result_) return std::move(try_result_).error(); \
    ::modelctl::try_detail::take(std::move(try_result_));    \
  })

// As TRY, with one more line of because: TRY_BECAUSE(read(layer), "reading layer 3 of 'digits:1.4'").
#define TRY_BECAUSE(expression, reason)                                      \
  __extension__({                                                            \
    auto try_result_ = (expression);                                         \
    if (!try_result_) return std::move(try_result_).error().because(reason); \
    ::modelctl::try_detail::take(std::move(try_result_));                    \
  })
