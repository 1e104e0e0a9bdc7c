// Serialization of the plan. Each put_x has its take_x with the same order of fields; readers take everything from a
// bounded ByteReader, which yields zeros after the end.
#include "artifact/format.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::artifact {
namespace {

Error no_artifact(std::string_view name, std::string_view reason) {
  return Error(Kind::bad_input, "bad-artifact", fmt::format("cannot read '{}': it is not an artifact", name))
      .at(std::string(name))
      .because(std::string(reason))
      .help("build one: modelctl build MODEL.onnx -o ARTIFACT");
}

template <class T>
void put_list(ByteWriter& out, const std::vector<T>& list) {
  out.u32(static_cast<std::uint32_t>(list.size()));
  for (const T& item : list) out.number(item);
}
void put_list(ByteWriter& out, const std::vector<std::string>& list) {
  out.u32(static_cast<std::uint32_t>(list.size()));
  for (const std::string& item : list) out.text(item);
}
// The argument of ByteReader::count() is the size of the smallest record, empty lists and texts included (13 bytes for
// a port, 27 for a value, 32 for a step, 36 for a nested plan): a count that the bytes left cannot hold is refused
// before memory is allocated for it.
template <class T>
std::vector<T> take_list(ByteReader& in) {
  std::vector<T> list(in.count(sizeof(T)));
  for (T& item : list) item = in.number<T>();
  return list;
}
std::vector<std::string> take_texts(ByteReader& in) {
  std::vector<std::string> list(in.count(4));
  for (std::string& item : list) item = in.text();
  return list;
}

void put_tensor(ByteWriter& out, const Tensor& tensor) {
  out.u8(static_cast<std::uint8_t>(tensor.type()));
  put_list(out, tensor.dims());
  std::vector<std::byte> strings;
  if (tensor.type() == DType::string) strings = encode_strings(tensor.as<std::string>());
  ByteSpan bytes = tensor.type() == DType::string ? ByteSpan(strings) : tensor.bytes();
  out.u64(bytes.size());
  out.append(bytes);
}
std::optional<Tensor> take_tensor(ByteReader& in) {
  auto type = static_cast<DType>(in.u8());
  Dims dims = take_list<std::int64_t>(in);
  ByteSpan bytes = in.take(in.u64());
  auto count = element_count(dims);
  if (in.failed() || dims.size() > max_rank || !count) return std::nullopt;
  if (type == DType::string) {
    auto strings = decode_strings(bytes, static_cast<std::uint64_t>(*count));
    if (!strings) return std::nullopt;
    return Tensor::of_strings(std::move(dims), std::move(*strings));
  }
  if (bits(type) == 0 || byte_size(type, dims) != bytes.size()) return std::nullopt;
  Tensor tensor(type, std::move(dims));
  if (!bytes.empty()) std::memcpy(tensor.mutable_view().data, bytes.data(), bytes.size());
  return tensor;
}

// The alternatives of AttributeValue in its order: the index is what the file holds.
struct PutAttribute {
  ByteWriter& out;
  void operator()(std::int64_t value) const { out.i64(value); }
  void operator()(float value) const { out.number(value); }
  void operator()(const std::string& value) const { out.text(value); }
  void operator()(const Tensor& value) const { put_tensor(out, value); }
  template <class T>
  void operator()(const std::vector<T>& value) const {
    put_list(out, value);
  }
};
std::optional<AttributeValue> take_attribute(ByteReader& in) {
  switch (in.u8()) {
    case 0: return in.i64();
    case 1: return in.number<float>();
    case 2: return std::string(in.text());
    case 3: {
      auto tensor = take_tensor(in);
      if (!tensor) return std::nullopt;
      return std::move(*tensor);
    }
    case 4: return take_list<std::int64_t>(in);
    case 5: return take_list<float>(in);
    case 6: return take_texts(in);
    default: return std::nullopt;
  }
}

void put_ports(ByteWriter& out, const std::vector<Port>& ports) {
  out.u32(static_cast<std::uint32_t>(ports.size()));
  for (const Port& port : ports) {
    out.text(port.name);
    out.u8(static_cast<std::uint8_t>(port.type));
    out.u32(static_cast<std::uint32_t>(port.dims.size()));
    for (const PortDim& dim : port.dims) {
      out.i64(dim.size);
      out.text(dim.symbol);
    }
    put_ports(out, port.inside);
  }
}
// The depth is limited because the records are read by recursion: a file must not choose how deep the stack grows.
std::vector<Port> take_ports(ByteReader& in, int depth = 0) {
  std::vector<Port> ports(in.count(13));
  if (depth > max_port_depth) in.fail();
  for (Port& port : ports) {
    if (in.failed()) break;
    port.name = in.text();
    port.type = static_cast<DType>(in.u8());
    port.dims.resize(in.count(12));
    for (PortDim& dim : port.dims) {
      dim.size = in.i64();
      dim.symbol = in.text();
    }
    port.inside = take_ports(in, depth + 1);
  }
  return ports;
}

void put_value(ByteWriter& out, const PlanValue& value) {
  out.text(value.name);
  out.u8(static_cast<std::uint8_t>(value.type));
  out.u8(static_cast<std::uint8_t>(value.storage));
  out.u8(static_cast<std::uint8_t>((value.data_dependent ? 1 : 0) | (value.any_rank ? 2 : 0)));
  put_list(out, value.dims);
  out.u64(value.offset);
  out.u64(value.bytes);
}
PlanValue take_value(ByteReader& in) {
  PlanValue value;
  value.name = in.text();
  value.type = static_cast<DType>(in.u8());
  value.storage = static_cast<Storage>(in.u8());
  std::uint8_t flags = in.u8();
  value.data_dependent = (flags & 1) != 0;
  value.any_rank = (flags & 2) != 0;
  value.dims = take_list<std::uint32_t>(in);
  value.offset = in.u64();
  value.bytes = in.u64();
  return value;
}

void put_step(ByteWriter& out, const Step& step) {
  out.text(step.routine);
  put_list(out, step.inputs);
  put_list(out, step.outputs);
  out.u32(static_cast<std::uint32_t>(step.attributes.size()));
  for (const auto& [name, value] : step.attributes) {
    out.text(name);
    out.u8(static_cast<std::uint8_t>(value.index()));
    std::visit(PutAttribute{out}, value);
  }
  out.number(step.in_place);
  out.text(step.label);
  out.u32(static_cast<std::uint32_t>(step.bodies.size()));
  for (const StepBody& body : step.bodies) {
    out.text(body.name);
    out.u32(body.plan);
    put_list(out, body.captures);
  }
  out.u32(step.captured);
}
std::optional<Step> take_step(ByteReader& in) {
  Step step;
  step.routine = in.text();
  step.inputs = take_list<std::int32_t>(in);
  step.outputs = take_list<std::int32_t>(in);
  std::string before;
  for (std::uint32_t left = in.count(9), first = left; left > 0; --left) {
    std::string name(in.text());
    auto value = take_attribute(in);
    // Sorted and without repeats: one plan has one form.
    if (!value || (left != first && name <= before)) return std::nullopt;
    before = name;
    step.attributes.set(std::move(name), std::move(*value));
  }
  step.in_place = in.number<std::int32_t>();
  step.label = in.text();
  step.bodies.resize(in.count(12));
  for (StepBody& body : step.bodies) {
    body.name = in.text();
    body.plan = in.u32();
    body.captures = take_list<std::uint32_t>(in);
  }
  step.captured = in.u32();
  return step;
}

}  // namespace

void encode(const Header& header, ByteWriter& out) {
  out.append(as_bytes(magic));
  out.u32(format_version);
  out.u32(0);
  out.u64(header.plan_bytes);
  out.u64(header.weights_bytes);
  out.append(std::as_bytes(std::span(header.digest.bytes)));
}

Result<Header> decode_header(ByteSpan bytes, std::string_view name) {
  ByteReader in(bytes);
  if (as_text(in.take(magic.size())) != magic) return no_artifact(name, "it does not begin as artifacts do");
  std::uint32_t version = in.u32();
  if (!in.failed() && version != format_version) {
    return Error(Kind::bad_input, "artifact-version",
                 fmt::format("cannot read '{}': it is an artifact of version {}, and this program reads version {}",
                             name, version, format_version))
        .at(std::string(name))
        .help("build the model again with this version of modelctl");
  }
  std::uint32_t reserved = in.u32();
  Header header;
  header.plan_bytes = in.u64();
  header.weights_bytes = in.u64();
  ByteSpan digest = in.take(sizeof header.digest.bytes);
  if (in.failed()) return no_artifact(name, "its header is cut");
  std::memcpy(header.digest.bytes.data(), digest.data(), digest.size());
  // Far beyond any file, and small enough that the sums in weights_offset() and open() cannot wrap.
  constexpr std::uint64_t sane = std::uint64_t{1} << 62;
  if (reserved != 0 || header.plan_bytes > sane || header.weights_bytes > sane) {
    return no_artifact(name, "its header makes no sense");
  }
  return header;
}

void encode(const Plan& plan, ByteWriter& out) {
  put_ports(out, plan.signature.inputs);
  put_ports(out, plan.signature.outputs);
  out.u32(static_cast<std::uint32_t>(plan.shapes.size()));
  for (const ShapeInstruction& instruction : plan.shapes) {
    out.u8(static_cast<std::uint8_t>(instruction.op));
    out.i64(instruction.a);
    out.i64(instruction.b);
  }
  out.u32(static_cast<std::uint32_t>(plan.values.size()));
  for (const PlanValue& value : plan.values) put_value(out, value);
  put_list(out, plan.inputs);
  put_list(out, plan.outputs);
  out.u32(static_cast<std::uint32_t>(plan.steps.size()));
  for (const Step& step : plan.steps) put_step(out, step);
  out.u32(static_cast<std::uint32_t>(plan.metadata.size()));
  for (const auto& [key, value] : plan.metadata) {
    out.text(key);
    out.text(value);
  }
  out.u32(static_cast<std::uint32_t>(plan.bodies.size()));
  for (const Plan& body : plan.bodies) encode(body, out);
}

namespace {

Result<Plan> take_plan(ByteReader& in, std::string_view name, int depth) {
  auto cut = [&](std::string_view where) {
    return Error(Kind::bad_input, "bad-artifact", fmt::format("cannot read '{}': its plan is damaged", name))
        .at(std::string(name))
        .because(fmt::format("the {} at byte {} of the plan cannot be read", where, in.at()));
  };
  if (depth > max_plan_depth) return cut("plan nested too deeply");
  Plan plan;
  plan.signature.inputs = take_ports(in);
  plan.signature.outputs = take_ports(in);
  if (in.failed()) return cut("signature");
  plan.shapes.resize(in.count(17));
  for (ShapeInstruction& instruction : plan.shapes) {
    instruction.op = static_cast<ShapeOp>(in.u8());
    instruction.a = in.i64();
    instruction.b = in.i64();
  }
  if (in.failed()) return cut("shape program");
  plan.values.resize(in.count(27));
  for (PlanValue& value : plan.values) value = take_value(in);
  plan.inputs = take_list<std::int32_t>(in);
  plan.outputs = take_list<std::int32_t>(in);
  if (in.failed()) return cut("list of values");
  plan.steps.resize(in.count(32));
  for (Step& step : plan.steps) {
    auto taken = take_step(in);
    if (!taken || in.failed()) return cut("step");
    step = std::move(*taken);
  }
  for (std::uint32_t left = in.count(8); left > 0; --left) {
    std::string key(in.text());
    plan.metadata.insert_or_assign(std::move(key), std::string(in.text()));
  }
  if (in.failed()) return cut("metadata");
  for (std::uint32_t left = in.count(36); left > 0; --left) plan.bodies.push_back(TRY(take_plan(in, name, depth + 1)));
  if (in.failed()) return cut("list of nested plans");
  return plan;
}

}  // namespace

Result<Plan> decode_plan(ByteSpan bytes, std::string_view name) {
  ByteReader in(bytes);
  Plan plan = TRY(take_plan(in, name, 0));
  mark_optional(plan);
  if (in.left() == 0) return plan;
  return Error(Kind::bad_input, "bad-artifact", fmt::format("cannot read '{}': its plan is damaged", name))
      .at(std::string(name))
      .because(fmt::format("{} bytes follow the plan", in.left()));
}

std::vector<std::byte> encode_strings(std::span<const std::string> strings) {
  ByteWriter out;
  for (const std::string& text : strings) out.text(text);
  return std::move(out.bytes());
}

std::optional<std::vector<std::string>> decode_strings(ByteSpan bytes, std::uint64_t count) {
  if (count > bytes.size() / 4) return std::nullopt;
  ByteReader in(bytes);
  std::vector<std::string> strings(static_cast<std::size_t>(count));
  for (std::string& text : strings) text = in.text();
  if (in.failed() || in.left() > 0) return std::nullopt;
  return strings;
}

}  // namespace modelctl::artifact
