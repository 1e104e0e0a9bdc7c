// Images and sound: data for a model, and not a model.
#include "kinds/file_kind.hpp"

namespace modelctl::kinds {
namespace {

bool is_riff(const Evidence& file, std::string_view form) { return file.starts("RIFF") && file.at(8, form); }

bool is_jpeg(const Evidence& file) { return file.starts("\xff\xd8\xff"); }
bool is_png(const Evidence& file) { return file.starts("\x89PNG\r\n\x1a\n"); }
bool is_webp(const Evidence& file) { return is_riff(file, "WEBP"); }
bool is_gif(const Evidence& file) { return file.starts("GIF87a") || file.starts("GIF89a"); }
bool is_tiff(const Evidence& file) {
  return file.starts(std::string_view("II*\0", 4)) || file.starts(std::string_view("MM\0*", 4));
}
// BMP: the reserved fields behind its size are zero.
bool is_bmp(const Evidence& file) { return file.starts("BM") && file.at(6, std::string_view("\0\0\0\0", 4)); }
bool is_wave(const Evidence& file) { return is_riff(file, "WAVE"); }

constexpr char as_input[] = "it is an input of a model: modelctl run MODEL --input {file}";

constexpr FileKind kinds[] = {
    {"a JPEG image", is_jpeg, as_input, Role::none, true},
    {"a PNG image", is_png, as_input, Role::none, true},
    {"a WebP image", is_webp, as_input, Role::none, true},
    {"a TIFF image", is_tiff, as_input, Role::none, true},
    {"a BMP image", is_bmp, as_input, Role::none, true},
    {"a GIF image", is_gif, "convert it to PNG: it is an input of a model then", Role::none, true},
    {"sound (WAVE)", is_wave, as_input, Role::none, true},
};

}  // namespace

std::span<const FileKind> media_kinds() { return kinds; }

}  // namespace modelctl::kinds
