// Loads the input files of a run and writes its outputs, in the model's order.
#include "runtime/run_files.hpp"

#include "artifact/meaning.hpp"
#include "runtime/inputs.hpp"
#include "tensor/collection.hpp"
#include "tensor/element_text.hpp"

#include <algorithm>

namespace modelctl::runtime {

std::vector<formats::Expected> expectations(const std::vector<artifact::Port>& ports,
                                            const artifact::Metadata& metadata) {
  std::vector<formats::Expected> all;
  for (const artifact::Port& port : ports) {
    formats::Expected expected{port.name, port.type, Dims(), describe(port), port.optional};
    if (port.any_rank()) expected.dims.reset();
    else
      for (const artifact::PortDim& dim : port.dims) expected.dims->push_back(dim.size);
    const artifact::Port* inner = &port;
    while (is_collection(inner->type) && inner->inside.size() == 1) inner = &inner->inside[0];
    if (inner->type == DType::map && inner->inside.size() == 2) {
      expected.key = inner->inside[0].type;
      expected.value = inner->inside[1].type;
    } else if (inner != &port) {
      expected.value = inner->type;
    }
    artifact::Content content = artifact::meaning_of(metadata, artifact::Side::input, port.name).content;
    expected.file = content == artifact::Content::image;
    expected.missing = content == artifact::Content::column;
    all.push_back(std::move(expected));
  }
  return all;
}

Result<FileRun> run_files(Session& session, const artifact::Plan& plan, std::span<const std::string> arguments,
                          const std::filesystem::path& output, const formats::ReadOptions& options) {
  const artifact::Signature& signature = plan.signature;
  auto inputs = TRY(formats::load_inputs(arguments, expectations(signature.inputs, plan.metadata), options));
  std::vector<TensorView> views;
  for (const Tensor& input : inputs) views.push_back(input.view());
  auto outputs = TRY(session.run(views));
  FileRun run;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    run.outputs.push_back({signature.outputs[i].name, std::move(outputs[i])});
  }
  if (!output.empty()) run.written = TRY(formats::save_outputs(output, run.outputs));
  return run;
}

namespace {

std::string preview_collection(const TensorView& value, std::int64_t most) {
  if (value.type == DType::optional) {
    const Tensor& held = optional_in(value).value;
    return held.present() ? preview(held.view(), most) : "none";
  }
  std::string text;
  if (value.type == DType::map) {
    const Tensor &keys = map_in(value).keys, &values = map_in(value).values;
    return keys.present() ? "{" + preview(keys.view(), most) + "}: " + preview(values.view(), most) : "{}";
  }
  std::int64_t left = most;
  for (const Tensor& item : sequence_in(value).items) {
    if (left-- == 0) return text + " …";
    text += (text.empty() ? "[" : " [") + preview(item.view(), most) + "]";
  }
  return text.empty() ? "[]" : text;
}

}  // namespace

std::string preview(const TensorView& tensor, std::int64_t most) {
  if (is_collection(tensor.type)) return preview_collection(tensor, most);
  std::string text;
  std::int64_t count = tensor.elements();
  for (std::int64_t i = 0; i < std::min(count, most); ++i) {
    if (i > 0) text += ' ';
    if (tensor.type == DType::string) {
      text += '"' + tensor.as<std::string>()[static_cast<std::size_t>(i)].substr(0, 40) + '"';
    } else if (!print_element(text, tensor, i, {"nan", "inf", "-inf"})) {
      return "(" + std::string(name(tensor.type)) + ")";
    }
  }
  if (count > most) text += " …";
  return text;
}

}  // namespace modelctl::runtime
