// An area begins with a header and one record per tensor; the tensors' bytes follow, each 64-byte aligned. Strings are
// encoded as an artifact's are.
#include "serve/isolation/exchange.hpp"

#include "artifact/strings.hpp"
#include "base/bytes.hpp"
#include "base/files.hpp"
#include "tensor/utf8.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <climits>

namespace modelctl::serve {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t alignment = 64;
constexpr std::uint64_t most_error_bytes = 16 << 10;
// What a slot keeps of its areas between two predictions.
constexpr std::uint64_t kept_bytes = 1 << 20;

struct Header {
  std::uint32_t tensors = 0;
  std::uint32_t error_bytes = 0;  // that follow, instead of tensors
  std::uint64_t bytes = 0;        // of everything
};
struct Record {
  std::int32_t type = 0;
  std::uint32_t rank = 0;
  std::int64_t dims[max_rank] = {};
  std::uint64_t offset = 0;  // in the area
  std::uint64_t bytes = 0;
};

std::uint64_t aligned(std::uint64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

Error disagreement(std::string why) {
  return Error(Kind::bug, "worker-disagrees", "the worker process gave something that is not an answer")
      .because(std::move(why));
}

// A copy: whoever shares the memory may write to it at any time.
template <class T>
T copied(std::span<const std::byte> area, std::uint64_t offset) {
  T value;
  std::memcpy(&value, area.data() + offset, sizeof value);
  return value;
}

void write_text(ByteWriter& out, std::string_view text) { out.text(text.substr(0, 2000)); }

void encode(const Error& error, ByteWriter& out, std::size_t depth) {
  out.u8(static_cast<std::uint8_t>(error.kind));
  for (const std::string* text : {&error.code, &error.what, &error.where, &error.hint}) write_text(out, *text);
  out.u32(static_cast<std::uint32_t>(std::min<std::size_t>(error.why.size(), 8)));
  for (std::size_t i = 0; i < std::min<std::size_t>(error.why.size(), 8); ++i) write_text(out, error.why[i]);
  auto faults = depth == 0 ? std::min<std::size_t>(error.faults.size(), 8) : 0;
  out.u32(static_cast<std::uint32_t>(faults));
  for (std::size_t i = 0; i < faults; ++i) encode(error.faults[i], out, depth + 1);
}

// Whatever the bytes are, the result is an error whose texts can be shown.
Error decode_error(ByteReader& in, std::size_t depth) {
  auto kind = in.u8();
  auto text = [&] { return to_utf8(in.text()); };
  std::string code = text(), what = text(), where = text(), hint = text();
  Error error(kind <= static_cast<std::uint8_t>(Kind::interrupted) ? static_cast<Kind>(kind) : Kind::bug, code, what);
  error.where = std::move(where);
  error.hint = std::move(hint);
  for (std::uint32_t left = in.count(4); left > 0; --left) error.why.push_back(text());
  std::uint32_t faults = in.count(depth == 0 ? 25 : most_error_bytes);
  for (; faults > 0 && !in.failed(); --faults) error.faults.push_back(decode_error(in, depth + 1));
  return error;
}

bool records_fit(std::size_t count, std::span<const std::byte> area) {
  return count <= (area.size() - sizeof(Header)) / sizeof(Record);
}

// The record and the bytes of a tensor lie in the area, and agree with each other.
Result<void> check(const Record& record, std::span<const std::byte> area) {
  if (record.rank > max_rank || record.offset > area.size() || record.bytes > area.size() - record.offset)
    return disagreement("a tensor lies outside of the shared memory");
  auto type = static_cast<DType>(record.type);
  if (record.type < 0 || record.type > 255 || (type != DType::string && !is_plain(type)))
    return disagreement("a tensor has no type that there is");
  DimsView dims(record.dims, record.rank);
  auto elements = element_count(dims);
  if (!elements) return disagreement("a tensor has no size that there is");
  auto bytes = type == DType::string ? std::optional(record.bytes) : byte_size(type, dims);
  if (bytes != record.bytes || record.offset % alignment != 0) return disagreement("the size of a tensor is wrong");
  return {};
}

Result<Tensor> decode_strings(ByteSpan bytes, Dims dims) {
  auto strings = artifact::decode_strings(bytes, static_cast<std::uint64_t>(*element_count(dims)));
  if (!strings) return disagreement("the strings of a tensor are cut");
  return Tensor::of_strings(std::move(dims), std::move(*strings));
}

bool fits(const Record& record, const artifact::Port& port) {
  if (record.type != static_cast<std::int32_t>(port.type)) return false;
  if (port.any_rank()) return true;
  if (record.rank != port.dims.size()) return false;
  for (std::uint32_t i = 0; i < record.rank; ++i) {
    if (port.dims[i].size >= 0 && port.dims[i].size != record.dims[i]) return false;
  }
  return true;
}

Error no_memory() { return system_error(errno, "cannot make memory for a worker process", "memory file"); }

}  // namespace

std::uint64_t SharedMemory::control_bytes() const {
  return (size_.slots * sizeof(SlotControl) + page - 1) / page * page;
}

// Its size is fixed before anybody else has it: the other side can then neither cut it, which would end this process
// with SIGBUS, nor extend it. Pages take memory only once they are written to.
Result<std::unique_ptr<SharedMemory>> SharedMemory::create(Size size) {
  Descriptor file(::memfd_create("modelctl-tensors", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  std::unique_ptr<SharedMemory> memory(new SharedMemory(std::move(file), size));
  const auto bytes = static_cast<off_t>(memory->bytes());
  if (!memory->file_.is_open() || ::ftruncate(memory->descriptor(), bytes) != 0 ||
      ::fcntl(memory->descriptor(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return no_memory();
  TRY(memory->map());
  return memory;
}

Result<std::unique_ptr<SharedMemory>> SharedMemory::map(Descriptor file, Size size) {
  std::unique_ptr<SharedMemory> memory(new SharedMemory(std::move(file), size));
  TRY(memory->map());
  return memory;
}

Result<void> SharedMemory::map() {
  void* address = ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor(), 0);
  if (address == MAP_FAILED) return no_memory();
  memory_ = static_cast<std::byte*>(address);
  return {};
}

SharedMemory::~SharedMemory() {
  if (memory_ != nullptr) ::munmap(memory_, bytes());
}

Slot SharedMemory::slot(std::uint64_t index) const {
  auto* control = reinterpret_cast<SlotControl*>(memory_) + index;
  std::byte* request = memory_ + control_bytes() + index * 2 * size_.area_bytes;
  return {control, {request, size_.area_bytes}, {request + size_.area_bytes, size_.area_bytes}};
}

void SharedMemory::release(const Slot& slot, std::uint64_t used_bytes) const {
  if (used_bytes <= kept_bytes) return;
  for (std::span<std::byte> area : {slot.request, slot.response}) {
    if (area.size() > kept_bytes) ::madvise(area.data() + kept_bytes, area.size() - kept_bytes, MADV_REMOVE);
  }
}

std::uint64_t write_tensors(std::span<std::byte> area, std::span<const TensorView> tensors) {
  std::vector<Record> records(tensors.size());
  std::vector<std::vector<std::byte>> strings(tensors.size());
  std::uint64_t at = aligned(sizeof(Header) + records.size() * sizeof(Record));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorView& tensor = tensors[i];
    Record& record = records[i];
    record.type = static_cast<std::int32_t>(tensor.type);
    record.rank = static_cast<std::uint32_t>(tensor.dims.size());
    std::copy(tensor.dims.begin(), tensor.dims.end(), record.dims);
    if (tensor.type == DType::string) {
      strings[i] = artifact::encode_strings(tensor.as<std::string>());
      record.bytes = strings[i].size();
    } else if (tensor.present()) {
      record.bytes = byte_size(tensor.type, tensor.dims).value_or(area.size());
    }
    record.offset = at;
    if (at > area.size() || record.bytes > area.size() - at) return 0;
    at = aligned(at + record.bytes);
  }
  const Header header{static_cast<std::uint32_t>(records.size()), 0, at};
  std::memcpy(area.data(), &header, sizeof header);
  std::copy_n(reinterpret_cast<const std::byte*>(records.data()), records.size() * sizeof(Record),
              area.data() + sizeof header);
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].bytes == 0) continue;
    const void* from = tensors[i].type == DType::string ? strings[i].data() : tensors[i].data;
    std::memcpy(area.data() + records[i].offset, from, records[i].bytes);
  }
  return at;
}

void write_error(std::span<std::byte> area, const Error& error) {
  ByteWriter out;
  encode(error, out, 0);
  const auto bytes = std::min<std::uint64_t>(out.size(), most_error_bytes);
  const Header header{0, static_cast<std::uint32_t>(bytes), sizeof header + bytes};
  std::memcpy(area.data(), &header, sizeof header);
  std::memcpy(area.data() + sizeof header, out.bytes().data(), bytes);
}

Result<std::vector<Tensor>> read_outputs(std::span<const std::byte> area, std::span<const artifact::Port> outputs,
                                         std::uint64_t& used) {
  const auto header = copied<Header>(area, 0);
  used = header.bytes;
  if (header.error_bytes > 0) {
    if (header.error_bytes > most_error_bytes) return disagreement("an error is too long");
    std::vector<std::byte> bytes(header.error_bytes);
    std::memcpy(bytes.data(), area.data() + sizeof header, bytes.size());
    ByteReader in(bytes);
    return decode_error(in, 0);
  }
  if (header.tensors != outputs.size() || !records_fit(header.tensors, area))
    return disagreement("the number of outputs is wrong");
  std::vector<Tensor> tensors;
  std::uint64_t left = area.size();  // records that overlap must not take more memory than the area
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto record = copied<Record>(area, sizeof(Header) + i * sizeof(Record));
    TRY(check(record, area));
    if (record.bytes > left) return disagreement("tensors overlap");
    left -= record.bytes;
    if (!fits(record, outputs[i]))
      return disagreement(fmt::format("the output '{}' is of another type or shape", outputs[i].name));
    Dims dims(record.dims, record.dims + record.rank);
    ByteSpan bytes = area.subspan(record.offset, record.bytes);
    if (outputs[i].type == DType::string) {
      const std::vector<std::byte> own(bytes.begin(), bytes.end());
      tensors.push_back(TRY(decode_strings(own, std::move(dims))));
      continue;
    }
    Tensor tensor(outputs[i].type, std::move(dims));
    if (!bytes.empty()) std::memcpy(tensor.mutable_view().data, bytes.data(), bytes.size());
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

Result<ReceivedTensors> read_inputs(std::span<const std::byte> area, std::size_t most) {
  const auto header = copied<Header>(area, 0);
  if (header.tensors > most || !records_fit(header.tensors, area)) return disagreement("there are too many inputs");
  ReceivedTensors received;
  received.dims.resize(header.tensors);  // the views point to them
  received.strings.resize(header.tensors);
  for (std::size_t i = 0; i < header.tensors; ++i) {
    const auto record = copied<Record>(area, sizeof(Header) + i * sizeof(Record));
    if (record.type == static_cast<std::int32_t>(DType::undefined)) {
      received.views.emplace_back();
      continue;
    }
    TRY(check(record, area));
    received.dims[i].assign(record.dims, record.dims + record.rank);
    ByteSpan bytes = area.subspan(record.offset, record.bytes);
    auto type = static_cast<DType>(record.type);
    if (type == DType::string) {
      received.strings[i] = TRY(decode_strings(bytes, received.dims[i]));
      received.views.push_back(received.strings[i].view());
    } else {
      received.views.push_back({type, received.dims[i], bytes.data()});
    }
  }
  return received;
}

namespace {

void futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* time) {
  ::syscall(SYS_futex, &word, operation, value, time, nullptr, 0);
}

}  // namespace

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, std::chrono::nanoseconds most) {
  const timespec time{static_cast<time_t>(most.count() / 1'000'000'000),
                      static_cast<long>(most.count() % 1'000'000'000)};
  futex(word, FUTEX_WAIT, expected, &time);
}

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected) {
  futex(word, FUTEX_WAIT, expected, nullptr);
}

void futex_wake(std::atomic<std::uint32_t>& word) { futex(word, FUTEX_WAKE, INT_MAX, nullptr); }

}  // namespace modelctl::serve
