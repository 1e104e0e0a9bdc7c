// Parsing and printing of single elements; every f16 value is a round trip.
#include "tensor/element_text.hpp"

#include "tensor/half.hpp"
#include "tensor/utf8.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace modelctl;

namespace {

constexpr NonFinite spelling{"nan", "inf", "-inf"};

template <class T>
Parsed parse(std::string_view text, DType type, T& value) {
  return parse_element(text, type, &value);
}
template <class T>
std::string print(DType type, T value) {
  std::string out;
  CHECK(print_element(out, Tensor::of<T>(type, {1}, {value}).view(), 0, spelling));
  return out;
}

}  // namespace

TEST_CASE("a number is parsed to the nearest float") {
  float f = 0;
  double d = 0;
  CHECK(parse("-1.5e3", DType::f32, f) == Parsed::good);
  CHECK(f == -1500);
  CHECK(parse(".5", DType::f32, f) == Parsed::good);
  CHECK(f == 0.5f);
  CHECK(parse("3.", DType::f64, d) == Parsed::good);
  CHECK(d == 3);
  CHECK(parse("0.1", DType::f64, d) == Parsed::good);
  CHECK(d == 0.1);
  CHECK(parse("7", DType::f64, d) == Parsed::good);
  CHECK(d == 7);
}

TEST_CASE("a number too small for its float is zero, and one too large is refused") {
  float f = 1;
  double d = 1;
  for (const char* small :
       {"1e-60", "0.00000000000000000000000000000000000000000000000000000001", "1e-99999999999999999999"}) {
    CHECK(parse(small, DType::f32, f) == Parsed::good);
    CHECK(f == 0);
  }
  CHECK(parse("-1e-400", DType::f64, d) == Parsed::good);
  CHECK(std::signbit(d));
  CHECK(parse("1e39", DType::f32, f) == Parsed::out_of_range);
  CHECK(parse("1e400", DType::f64, d) == Parsed::out_of_range);
  CHECK(parse("1e99999999999999999999", DType::f64, d) == Parsed::out_of_range);
  CHECK(parse("1000000000000000000000000000000000000000", DType::f32, f) == Parsed::out_of_range);
  CHECK(parse("0e99999999999999999999", DType::f64, d) == Parsed::good);
  Half half;
  CHECK(parse("65519", DType::f16, half) == Parsed::good);
  CHECK(parse("65520", DType::f16, half) == Parsed::out_of_range);
}

TEST_CASE("an integer is parsed only if it is whole and fits") {
  std::int64_t i = 0;
  std::uint8_t u = 0;
  CHECK(parse("-9223372036854775808", DType::i64, i) == Parsed::good);
  CHECK(i == std::numeric_limits<std::int64_t>::min());
  CHECK(parse("9223372036854775808", DType::i64, i) == Parsed::out_of_range);
  CHECK(parse("1.0", DType::i64, i) == Parsed::no_integer);
  CHECK(parse("1e3", DType::i64, i) == Parsed::no_integer);
  CHECK(parse("255", DType::u8, u) == Parsed::good);
  CHECK(parse("256", DType::u8, u) == Parsed::out_of_range);
  CHECK(parse("-1", DType::u8, u) == Parsed::out_of_range);
  CHECK(parse("-0", DType::u8, u) == Parsed::good);
}

TEST_CASE("a text that is not a decimal number is refused") {
  float f = 0;
  for (const char* text : {"", "-", ".", "+1", " 1", "1 ", "0x10", "1e", "1e+", "nan", "inf", "1,5", "--1", "1.2.3"}) {
    CHECK_MESSAGE(parse(text, DType::f32, f) == Parsed::no_number, text);
  }
}

TEST_CASE("a printed number is the shortest that reads back as itself") {
  CHECK(print(DType::f32, 0.1f) == "0.1");
  CHECK(print(DType::f32, 1.0f) == "1.0");
  CHECK(print(DType::f32, 16777216.0f) == "16777216.0");
  CHECK(print(DType::f32, 1e30f) == "1e+30");
  CHECK(print(DType::f64, 0.1) == "0.1");
  CHECK(print(DType::f32, -0.0f) == "-0.0");
  CHECK(print(DType::f32, NAN) == "nan");
  CHECK(print(DType::f64, -std::numeric_limits<double>::infinity()) == "-inf");
  CHECK(print(DType::i8, std::int8_t{-5}) == "-5");
  CHECK(print(DType::u64, ~std::uint64_t{0}) == "18446744073709551615");
  CHECK(print(DType::boolean, true) == "true");
  CHECK(print(DType::f16, Half(0.1f)) == "0.1");
  CHECK(print(DType::bf16, BFloat16(3.14f)) == "3.14");
}

TEST_CASE("of texts of one length that read back as the same f16 or bf16, the nearest is printed") {
  CHECK(print(DType::f16, Half(65504.0f)) == "65504.0");
  CHECK(print(DType::f16, Half(-2049.0f)) == "-2048.0");
  CHECK(print(DType::bf16, BFloat16(2048.0f)) == "2048.0");
  CHECK(print(DType::f16, Half(123.375f)) == "123.4");
  CHECK(print(DType::bf16, BFloat16(1e38f)) == "1e+38");
  CHECK(print(DType::f16, Half(6e-8f)) == "6e-08");
}

namespace {

template <class T>
void check_all_texts(DType type) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    T value, back;
    value.bits = static_cast<std::uint16_t>(bits);
    if (!std::isfinite(static_cast<float>(value))) continue;
    std::string text;
    Tensor tensor(type, {1});
    tensor.mutable_view().as<T>()[0] = value;
    print_element(text, tensor.view(), 0, spelling);
    if (parse_element(text, type, &back) != Parsed::good || back.bits != value.bits) FAIL(text);
  }
}

}  // namespace

TEST_CASE("every f16 and bf16 that is a number comes back from its text") {
  check_all_texts<Half>(DType::f16);
  check_all_texts<BFloat16>(DType::bf16);
}

TEST_CASE("invalid UTF-8 is recognized") {
  CHECK(is_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
  for (const char* bad :
       {"\x80", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff", "\xc3("}) {
    CHECK(!is_utf8(bad));
  }
  std::string out;
  CHECK(!append_utf8(out, 0xd800));
  CHECK(!append_utf8(out, 0x110000));
  CHECK(append_utf8(out, 0x20ac));
  CHECK(out == "\xe2\x82\xac");
}
