// Files of PyTorch. torch.save and torch.jit.save write ZIP archives whose members lie in a folder of any name; before
// PyTorch 1.6, torch.save wrote a pickle that begins with a magic number.
#include "kinds/file_kind.hpp"

namespace modelctl::kinds {
namespace {

bool is_torchscript(const Evidence& file) { return file.member("constants.pkl") && file.member("data.pkl"); }

bool is_checkpoint(const Evidence& file) {
  // The pickle of 0x1950a86a20f9469cfc6c, PyTorch's MAGIC_NUMBER.
  bool old = file.starts("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e");
  return old || (file.member("data.pkl") && !is_torchscript(file));
}

bool is_exported_program(const Evidence& file) {
  return !file.folder && (file.member("archive_format") || file.member("serialized_exported_program.json"));
}

bool is_executorch(const Evidence& file) { return file.at(4, "ET12"); }

constexpr FileKind kinds[] = {
    {"a checkpoint of PyTorch (torch.save)", is_checkpoint,
     "load it into its model in Python, then: torch.onnx.export(model, (example,), {\"onnx\"})"},
    {"a TorchScript program of PyTorch (torch.jit.save)", is_torchscript,
     "in Python: torch.onnx.export(torch.jit.load({\"file\"}), (example,), {\"onnx\"}, dynamo=False)"},
    {"an exported program of PyTorch (torch.export.save)", is_exported_program,
     "in Python: torch.onnx.export(torch.export.load({\"file\"}), dynamo=True).save({\"onnx\"})"},
    {"a program of ExecuTorch", is_executorch,
     "export the model that it was made from: torch.onnx.export(model, (example,), {\"onnx\"})"},
};

}  // namespace

std::span<const FileKind> pytorch_kinds() { return kinds; }

}  // namespace modelctl::kinds
