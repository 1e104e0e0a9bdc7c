// Weights without a graph, and folders of the Hugging Face hub: what they compute is in the code of a library.
#include "kinds/file_kind.hpp"

#include <algorithm>
#include <cstring>

namespace modelctl::kinds {
namespace {

// The length of a JSON header, then the header.
bool is_safetensors(const Evidence& file) {
  std::uint64_t length = 0;
  if (file.head.size() < 10 || file.head[8] != '{') return false;
  std::memcpy(&length, file.head.data(), sizeof length);
  return length >= 2 && length <= file.size - sizeof length;
}

bool is_gguf(const Evidence& file) { return file.starts("GGUF"); }

bool is_hub_folder(const Evidence& file) {
  return file.folder && file.member("config.json") &&
         std::any_of(file.members.begin(), file.members.end(), [](std::string_view name) {
           return name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json") ||
                  name.starts_with("pytorch_model");
         });
}

bool is_array(const Evidence& file) { return file.starts("\x93NUMPY"); }
bool is_archive_of_arrays(const Evidence& file) {
  return !file.folder && !file.members.empty() &&
         std::all_of(file.members.begin(), file.members.end(),
                     [](std::string_view name) { return name.ends_with(".npy"); });
}

constexpr FileKind kinds[] = {
    {"a file of safetensors: weights without a graph", is_safetensors,
     "export the model of its folder: optimum-cli export onnx --model {folder} {stem}-onnx"},
    {"a GGUF file of llama.cpp: weights without a graph", is_gguf,
     "export the model that it was made from: optimum-cli export onnx --model NAME {stem}-onnx"},
    {"a folder of the Hugging Face hub", is_hub_folder, "optimum-cli export onnx --model {file} {stem}-onnx"},
    {"a NumPy array", is_array, "it is an input of a model: modelctl run ARTIFACT --input {file}"},
    {"an archive of NumPy arrays", is_archive_of_arrays,
     "it has inputs of a model: modelctl run ARTIFACT --input {file}"},
};

}  // namespace

std::span<const FileKind> weights_kinds() { return kinds; }

}  // namespace modelctl::kinds
