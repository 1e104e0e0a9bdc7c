// The orientation of a photograph: cameras store the pixels as the sensor has them, and note in the file's EXIF data
// how to turn them.
#pragma once

#include "images/images.hpp"

namespace modelctl::images {

// The tag Orientation of a JPEG, PNG or WebP file, 1 to 8; 1, which is upright, if the file has none or a damaged one.
int orientation(ByteSpan file);

// The image as it is meant to be seen, as Pillow's ImageOps.exif_transpose turns it.
Image upright(Image image, int orientation);

}  // namespace modelctl::images
