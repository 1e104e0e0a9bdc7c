// .npy: one array, as numpy.lib.format documents it: magic, version, a Python dictionary as text, the raw elements. The
// dictionary is parsed by a grammar for exactly what NumPy writes; NumPy's own reader evaluates it as Python, which
// this must never do. Element types that need Python (object arrays are pickles) are refused.
#include "tensor/formats/npy.hpp"

#include "tensor/small.hpp"
#include "tensor/utf8.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

namespace modelctl::formats {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
// NumPy's own limit for headers of untrusted files (max_header_size).
constexpr std::size_t header_limit = 10'000;
constexpr std::int64_t empty_strings_limit = 1'000'000;  // strings of width 0 have no bytes to check a claim against

struct Header {
  std::string descr;  // "<f4"
  bool fortran_order = false;
  Dims dims;
};

// Parses the dictionary of the header: {'descr': '<f4', 'fortran_order': False, 'shape': (1, 8), }
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  // Returns what is wrong, or an empty string. All three keys must be there, each once, and nothing else: that is what
  // NumPy writes. Nothing is evaluated.
  std::string parse(Header& header) {
    bool descr = false, order = false, shape = false;
    if (!eat('{')) return "its header is not a Python dictionary";
    while (!eat('}')) {
      std::string key;
      if (!quoted(key) || !eat(':')) return "its header is not a Python dictionary";
      bool* seen = key == "descr" ? &descr : key == "fortran_order" ? &order : key == "shape" ? &shape : nullptr;
      if (seen == nullptr) return fmt::format("its header has the unknown key '{}'", key);
      if (std::exchange(*seen, true)) return fmt::format("its header has the key '{}' twice", key);
      if (seen == &descr && !quoted(header.descr)) {
        space();
        return at_ < text_.size() && text_[at_] == '['
                   ? "it is a structured array; only arrays of one plain type are tensors"
                   : "'descr' in its header is not a string";
      }
      if (seen == &order && !boolean(header.fortran_order)) {
        return "'fortran_order' in its header is neither True nor False";
      }
      if (seen == &shape) {
        if (std::string fault = tuple(header.dims); !fault.empty()) return fault;
      }
      if (!eat(',')) {
        if (!eat('}')) return "its header is not a Python dictionary";
        break;
      }
    }
    space();
    if (at_ != text_.size()) return "its header has something after the dictionary";
    if (!descr || !order || !shape) {
      return fmt::format("its header has no '{}'", !descr ? "descr" : !order ? "fortran_order" : "shape");
    }
    return {};
  }

 private:
  // NumPy writes single spaces, other writers none; the header ends with padding.
  void space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool eat(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // Python strings without escapes: no key or descr of NumPy needs one.
  bool quoted(std::string& value) {
    space();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return false;
    std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return false;
    value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return true;
  }
  bool boolean(bool& value) {
    space();
    value = text_.substr(at_).starts_with("True");
    if (!value && !text_.substr(at_).starts_with("False")) return false;
    at_ += value ? 4 : 5;
    return true;
  }
  // "()", "(3,)", "(3, 4)": a tuple of one needs its comma, but a missing one is accepted.
  std::string tuple(Dims& dims) {
    const char* bad = "'shape' in its header is not a tuple of sizes";
    if (!eat('(')) return bad;
    while (!eat(')')) {
      space();
      std::int64_t dim = 0;
      auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), dim);
      if (error == std::errc::result_out_of_range) return "'shape' in its header has a size beyond 2^63";
      if (error != std::errc() || dim < 0) return bad;
      at_ = static_cast<std::size_t>(end - text_.data());
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2's notation of long integers
      if (dims.size() == max_rank) return fmt::format("it has more than {} dimensions", max_rank);
      dims.push_back(dim);
      if (!eat(',')) {
        if (!eat(')')) return bad;
        break;
      }
    }
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// The meaning of 'descr': how the file stores an element, and which element type it becomes.
struct Element {
  DType type = DType::undefined;
  char kind = 0;          // NumPy's kind: b i u f c U S V
  std::size_t width = 0;  // bytes in the file; of one character for U, of a part that is byte-swapped for c
  std::size_t parts = 1;  // characters of U, halves of c
  bool swap = false;

  std::size_t size() const { return width * parts; }
};

// NumPy's codes without byte order.
struct Row {
  std::string_view code;
  DType type;
};
constexpr Row plain[] = {{"b1", DType::boolean}, {"i1", DType::i8},   {"i2", DType::i16}, {"i4", DType::i32},
                         {"i8", DType::i64},     {"u1", DType::u8},   {"u2", DType::u16}, {"u4", DType::u32},
                         {"u8", DType::u64},     {"f2", DType::f16},  {"f4", DType::f32}, {"f8", DType::f64},
                         {"c8", DType::c64},     {"c16", DType::c128}};

// Bytes of an element in a file, for types that NumPy has no name for; 0 for all others.
std::size_t raw_width(DType type) {
  bool named = std::any_of(std::begin(plain), std::end(plain), [&](const Row& row) { return row.type == type; });
  return named ? 0 : static_cast<std::size_t>((bits(type) + 7) / 8);
}

// The first character of descr is the byte order: '<' little, '>' big, '|' not applicable, '=' native to the writer,
// which is taken as little-endian.
//
// NumPy has no names for the types that the Python package ml_dtypes adds (bfloat16, float8_*, int4, …). It writes them
// as raw bytes, "<V2" or "<V1", and one element of int4 takes a byte of its own. float8_e5m2 alone says "<f1".
Result<Element> element_of(std::string_view descr, const Expected* expected, std::string_view where) {
  auto unknown = [&](std::string_view reason) {
    return Error(Kind::unsupported, "unsupported-type",
                 fmt::format("cannot read '{}': its element type '{}' {}", where, descr, reason))
        .at(std::string(where));
  };
  if (descr.size() < 2 || std::string_view("<>|=").find(descr[0]) == std::string_view::npos) {
    return unknown("is not supported");
  }
  Element element;
  element.kind = descr[1];
  std::string_view digits = descr.substr(2);
  std::uint32_t count = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  bool counted = error == std::errc() && end == digits.data() + digits.size();
  if (descr[1] == 'O') return unknown("means Python objects, which cannot be read without running code");
  if (!counted || count > (1u << 28)) return unknown("is not supported");
  element.swap = descr[0] == '>';
  for (const Row& row : plain) {
    if (row.code != descr.substr(1)) continue;
    element.type = row.type;
    element.parts = element.kind == 'c' ? 2 : 1;
    element.width = count / element.parts;
    return element;
  }
  if (element.kind == 'U' || element.kind == 'S') {
    element.type = DType::string;
    element.width = element.kind == 'U' ? 4 : 1;
    element.parts = count;
    return element;
  }
  DType wanted = expected == nullptr ? DType::undefined : expected->type;
  if (descr.substr(1) == "f1") wanted = DType::f8e5m2;
  else if (element.kind != 'V') return unknown("is not supported");
  if (wanted == DType::undefined) return unknown("is raw bytes of an unknown type");
  if (count == 0 || raw_width(wanted) != count)
    return unknown(fmt::format("is raw bytes that cannot be {}", name(wanted)));
  element.type = wanted;
  element.width = count;
  return element;
}

// Copies one element as `parts` parts of `width` bytes and reverses each part: big-endian to little-endian.
void copy_swapped(std::byte* to, const std::byte* from, std::size_t width, std::size_t parts) {
  for (std::size_t part = 0; part < parts; ++part) {
    for (std::size_t i = 0; i < width; ++i) to[part * width + i] = from[part * width + width - 1 - i];
  }
}

// Calls visit(i, j) for the i-th element in the file with its index j in C order. In Fortran order the first axis
// varies fastest; the index is advanced like an odometer, so there is no division per element.
template <class F>
void for_each_element(DimsView dims, bool fortran_order, std::int64_t count, F&& visit) {
  if (!fortran_order || dims.size() < 2 || count == 0) {
    for (std::int64_t i = 0; i < count; ++i) visit(i, i);
    return;
  }
  std::vector<std::int64_t> index(dims.size()), stride(dims.size(), 1);
  for (std::size_t axis = dims.size() - 1; axis > 0; --axis) stride[axis - 1] = stride[axis] * dims[axis];
  std::int64_t target = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    visit(i, target);
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {  // the first axis varies fastest
      target += stride[axis];
      if (++index[axis] < dims[axis]) break;
      target -= stride[axis] * dims[axis];
      index[axis] = 0;
    }
  }
}

// The text of one U or S element. NumPy pads with zeros, so trailing zeros are not part of the text.
bool read_string(const std::byte* at, const Element& element, std::string& out) {
  if (element.kind == 'S') {
    out.assign(reinterpret_cast<const char*>(at), element.parts);
    out.erase(out.find_last_not_of('\0') + 1);
    return is_utf8(out);
  }
  std::size_t padded = 0;  // zeros that count only if something follows
  for (std::size_t i = 0; i < element.parts; ++i) {
    std::byte raw[4];
    copy_swapped(raw, at + i * 4, element.swap ? 4 : 1, element.swap ? 1 : 4);
    std::uint32_t code_point = 0;
    std::memcpy(&code_point, raw, 4);
    if (code_point == 0) {
      ++padded;
      continue;
    }
    out.append(std::exchange(padded, 0), '\0');
    if (!append_utf8(out, code_point)) return false;
  }
  return true;
}

// Packs elements that have a byte each. Bits that the type does not have must be zero, as ml_dtypes leaves them.
Result<Tensor> pack(const Tensor& bytes, DType type, std::string_view where) {
  Tensor tensor(type, bytes.dims());
  void* target = tensor.mutable_view().data;
  std::int64_t at = 0;
  for (std::uint8_t byte : bytes.as<std::uint8_t>()) {
    if (byte >> bits(type) != 0) {
      return unreadable(where, fmt::format("element {} is {}, which is not of type {}", at, byte, name(type)));
    }
    set_packed(target, at++, bits(type), byte);
  }
  return tensor;
}

// Three paths: strings are decoded one by one; little-endian elements in C order are copied as a block; everything else
// is copied element by element. Bools are checked, because a bool with another byte is undefined behavior.
Result<Tensor> read_elements(ByteSpan data, const Header& header, const Element& element, std::int64_t count,
                             std::string_view where) {
  if (element.type == DType::string) {
    std::vector<std::string> strings(static_cast<std::size_t>(count));
    std::optional<std::int64_t> bad;
    for_each_element(header.dims, header.fortran_order, count, [&](std::int64_t from, std::int64_t to) {
      const std::byte* at = data.data() + static_cast<std::size_t>(from) * element.size();
      if (!read_string(at, element, strings[static_cast<std::size_t>(to)]) && !bad) bad = from;
    });
    if (bad) return unreadable(where, fmt::format("the text of element {} is not Unicode", *bad));
    return Tensor::of_strings(header.dims, std::move(strings));
  }
  Tensor tensor(is_packed(element.type) ? DType::u8 : element.type, header.dims);
  auto* target = static_cast<std::byte*>(tensor.mutable_view().data);
  bool straight = !element.swap && (!header.fortran_order || header.dims.size() < 2);
  if (straight) {
    if (!data.empty()) std::memcpy(target, data.data(), data.size());
  } else {
    std::size_t width = element.swap ? element.width : 1;
    std::size_t parts = element.size() / width;
    for_each_element(header.dims, header.fortran_order, count, [&](std::int64_t from, std::int64_t to) {
      copy_swapped(target + static_cast<std::size_t>(to) * element.size(),
                   data.data() + static_cast<std::size_t>(from) * element.size(), width, parts);
    });
  }
  if (element.type == DType::boolean) {
    for (std::size_t i = 0; i < data.size(); ++i) {
      // Here and not by a conversion to 1: a file with other bytes was not written as bools.
      if (data[i] > std::byte{1}) {
        return unreadable(where,
                          fmt::format("element {} is {}, which is not a bool", i, std::to_integer<int>(data[i])));
      }
    }
  }
  if (is_packed(element.type)) return pack(tensor, element.type, where);
  return tensor;
}

Result<std::vector<NamedTensor>> read(const Source& source) {
  std::vector<NamedTensor> tensors(1);
  tensors[0].tensor = TRY(read_npy(source.bytes, source.find(""), source.where));
  return tensors;
}

Result<std::vector<std::byte>> write(std::span<const NamedTensor> tensors) { return write_npy(tensors[0].tensor); }

// Strings as UCS-4, each as wide as the longest.
Result<std::size_t> encode_strings(const Tensor& tensor, ByteWriter& data) {
  std::size_t width = 1;
  std::vector<std::u32string> decoded;
  for (const std::string& text : tensor.as<std::string>()) {
    auto code_points = from_utf8(text);
    if (!code_points) {
      return Error(Kind::unsupported, "unsupported-type", "cannot write a string that is not UTF-8 to a .npy file");
    }
    width = std::max(width, code_points->size());
    decoded.push_back(std::move(*code_points));
  }
  for (std::u32string& text : decoded) {
    text.resize(width);
    data.append(std::as_bytes(std::span(text)));
  }
  return width;
}

void unpack(const Tensor& tensor, ByteWriter& data) {
  for (std::int64_t i = 0; i < tensor.elements(); ++i) data.u8(packed(tensor.view().data, i, bits(tensor.type())));
}

}  // namespace

// Header and shape are checked completely against the length of the file before memory is allocated.
Result<Tensor> read_npy(ByteSpan bytes, const Expected* expected, std::string_view where) {
  ByteReader reader(bytes);
  if (as_text(reader.take(magic.size())) != magic) return unreadable(where, "it does not begin like a .npy file");
  std::uint8_t major = reader.u8(), minor = reader.u8();
  if (!reader.failed() && (major < 1 || major > 3 || minor != 0)) {
    return unreadable(where, fmt::format("it is of format version {}.{}; 1.0, 2.0 and 3.0 can be read", major, minor));
  }
  std::uint64_t size = major == 1 ? reader.number<std::uint16_t>() : reader.u32();
  std::string_view text = as_text(reader.take(size));
  if (reader.failed()) return unreadable(where, "it ends within its header");
  if (size > header_limit) return unreadable(where, fmt::format("its header is larger than {} bytes", header_limit));
  Header header;
  if (std::string fault = HeaderParser(text).parse(header); !fault.empty()) return unreadable(where, std::move(fault));
  Element element = TRY(element_of(header.descr, expected, where));

  auto count = element_count(header.dims);
  std::uint64_t left = reader.left(), width = element.size();
  std::string shape = modelctl::describe(element.type, header.dims);
  // Strings of width 0 take no bytes in the file but memory in the tensor, so only their count can be limited.
  if (!count || (width == 0 && *count > empty_strings_limit) ||
      (width > 0 && static_cast<std::uint64_t>(*count) > (std::uint64_t{1} << 62) / width)) {
    return unreadable(where, fmt::format("its shape {} exceeds any memory", shape));
  }
  std::uint64_t needed = static_cast<std::uint64_t>(*count) * width;
  if (needed > left) {
    return unreadable(where, fmt::format("its shape {} takes {} bytes, and {} follow its header", shape, needed, left));
  }
  if (needed < left) return unreadable(where, fmt::format("{} bytes follow the last element", left - needed));
  return read_elements(reader.take(left), header, element, *count, where);
}

// Byte for byte what numpy.save writes, so that digests of files do not depend on who wrote them. The one exception is
// f8e5m2, which numpy.load could not read as "<f1".
Result<std::vector<std::byte>> write_npy(const Tensor& tensor) {
  ByteWriter data;
  std::string descr;
  if (tensor.type() == DType::string) {
    descr = fmt::format("<U{}", TRY(encode_strings(tensor, data)));
  } else if (std::size_t width = raw_width(tensor.type()); width > 0) {
    descr = fmt::format("<V{}", width);
    if (is_packed(tensor.type())) unpack(tensor, data);
  } else {
    for (const Row& row : plain) {
      if (row.type == tensor.type()) descr = fmt::format("{}{}", bits(row.type) == 8 ? '|' : '<', row.code);
    }
    if (descr.empty()) {
      return Error(Kind::unsupported, "unsupported-type",
                   fmt::format("cannot write {} to a .npy file: NumPy has no such type", name(tensor.type())))
          .help("write to a .json file");
    }
  }
  std::string shape;
  for (std::int64_t dim : tensor.dims()) shape += fmt::format("{}, ", dim);
  if (tensor.dims().size() == 1) shape.pop_back();  // (3,) and (3, 4), as Python prints tuples
  else if (!shape.empty()) shape.resize(shape.size() - 2);
  std::string dict = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, shape);
  // As NumPy does: spaces so that the first size can be rewritten in place, then padding and a line feed up to a
  // multiple of 64, which keeps the elements aligned in a mapped file.
  std::size_t growth = tensor.dims().empty() ? 0 : 21 - std::to_string(tensor.dims().front()).size();
  std::size_t used = magic.size() + 4 + dict.size() + growth + 1;
  dict.append(growth + 64 - used % 64, ' ');
  dict += '\n';

  ByteWriter out;
  out.append(as_bytes(magic));
  out.u8(1);
  out.u8(0);
  out.number(static_cast<std::uint16_t>(dict.size()));
  out.append(as_bytes(dict));
  bool encoded = tensor.type() == DType::string || is_packed(tensor.type());
  out.append(encoded ? ByteSpan(data.bytes()) : tensor.bytes());
  return std::move(out.bytes());
}

std::span<const Format> npy_format() {
  static constexpr Format table[] = {{".npy", "one array, as NumPy saves it", false, read, write,
                                      [](std::string_view content) { return content.starts_with(magic); },
                                      "application/x-npy"}};
  return table;
}

}  // namespace modelctl::formats
