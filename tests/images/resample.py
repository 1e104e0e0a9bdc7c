#!/usr/bin/env python3
# Writes resample.txt: what Pillow makes of a small image, for each filter, and of an image in each EXIF orientation. The
# image is computed here and in resample_test.cpp alike. Run it with Pillow installed: python3 resample.py > resample.txt
import io
import PIL
from PIL import Image, ImageOps

FILTERS = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
# Smaller, larger, both at once, one axis alone, one pixel, a ratio that is no simple fraction, and much less high.
SIZES = [(5, 4), (29, 21), (7, 20), (13, 4), (5, 9), (1, 1), (12, 8), (12, 4), (20, 3)]
WIDTH, HEIGHT = 13, 9


def pixels(channels):
    """Noise with edges: a linear congruential generator, whose high byte is taken."""
    state, values = 1, []
    for _ in range(WIDTH * HEIGHT * channels):
        state = (state * 1103515245 + 12345) % 2**31
        value = state >> 23
        values.append(0 if value < 40 else 255 if value > 215 else value)
    return bytes(values)


print("# Made by resample.py with Pillow", PIL.__version__)
for channels, mode in ((3, "RGB"), (1, "L")):
    image = Image.frombytes(mode, (WIDTH, HEIGHT), pixels(channels))
    for name in FILTERS:
        for size in SIZES:
            result = image.resize(size, getattr(Image.Resampling, name.upper()))
            print(name, channels, *size, result.tobytes().hex())
image = Image.frombytes("RGB", (WIDTH, HEIGHT), pixels(3))
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for form in ("png", "webp"):
        file = io.BytesIO()
        image.save(file, form, exif=exif, lossless=True)
        turned = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
        print(form, orientation, *turned.size, file.getvalue().hex(), turned.tobytes().hex())
    file = io.BytesIO()
    image.save(file, "jpeg", exif=exif, quality=95, subsampling=0)
    turned = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
    print("jpeg", orientation, *turned.size, file.getvalue().hex(), turned.tobytes().hex())
