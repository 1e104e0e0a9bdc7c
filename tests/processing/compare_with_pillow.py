#!/usr/bin/env python3
"""Compares the inputs that modelctl makes from image files with those of Pillow and torchvision's usual code.

    compare_with_pillow.py MODELCTL [PHOTO...]

Builds a model that returns its input for each way of making one, runs it on images in each format, orientation and of
many sizes, and compares every value. Needs Pillow, NumPy and onnx (pip install pillow numpy onnx).
"""
import json, os, random, subprocess, sys, tempfile

try:
    import numpy as np, onnx, PIL
    from PIL import Image, ImageOps
except ImportError as missing:
    print(f"skipped: {missing.name} is not installed (pip install pillow numpy onnx)")
    sys.exit(0)

BOUND = 1  # of 255, for decoders that round differently than the ones in Pillow's wheels; resizing itself adds nothing


def images(folder):
    """Noise over gradients, which shows every error of a filter, in all formats and orientations."""
    draw = random.Random(1)
    files = []
    for index, (width, height) in enumerate([(640, 427), (333, 500), (224, 224), (97, 301), (1023, 64), (50, 30)]):
        noise = np.random.default_rng(index).integers(0, 60, (height, width, 3))
        ramp = np.linspace(0, 195, width)[None, :, None] * np.ones((height, 1, 3)) * [1, 0.7, 0.4]
        image = Image.fromarray((ramp + noise).astype("uint8"))
        for form in ("jpeg", "png", "webp", "bmp"):
            exif = Image.Exif()
            exif[0x0112] = draw.randint(1, 8)
            options = {"quality": 90} if form in ("jpeg", "webp") else {}
            if form != "bmp":
                options["exif"] = exif
            files.append(os.path.join(folder, f"{index}.{form.replace('jpeg', 'jpg')}"))
            image.save(files[-1], form, **options)
    return files


def shorter(image, size, resample):  # torchvision.transforms.Resize(size)
    w, h = image.size
    to = (size, int(size * h / w)) if w <= h else (int(size * w / h), size)
    return image if to == image.size else image.resize(to, resample)


def crop(image, height, width):  # torchvision.transforms.CenterCrop((height, width))
    w, h = image.size
    if width > w or height > h:
        left, top = max(width - w, 0) // 2, max(height - h, 0) // 2
        padded = Image.new(image.mode, (max(w, width), max(h, height)))
        padded.paste(image, (left, top))
        image, (w, h) = padded, padded.size
    left, top = int(round((w - width) / 2.0)), int(round((h - height) / 2.0))
    return image.crop((left, top, left + width, top + height))


def letterbox(image, height, width, resample):  # Ultralytics' LetterBox, with Pillow's filter
    w, h = image.size
    ratio = min(height / h, width / w)
    to = (int(round(w * ratio)), int(round(h * ratio)))
    out = Image.new(image.mode, (width, height), (114,) * 3)
    out.paste(image.resize(to, resample), (int(round((width - to[0]) / 2 - 0.1)), int(round((height - to[1]) / 2 - 0.1))))
    return out


MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def normalized(image):  # ToTensor and Normalize, in float32
    x = np.asarray(image).astype(np.float32).transpose(2, 0, 1) / np.float32(255)
    return (x - np.float32(MEAN)[:, None, None]) / np.float32(STD)[:, None, None]


def cases():
    for name in ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"):
        resample = getattr(Image.Resampling, name.upper())
        yield (f"resize 256, crop 224, {name}, normalized", [3, 224, 224],
               f"resize: 256, crop: 224, filter: {name}, scale: 1/255, mean: {MEAN}, std: {STD}",
               lambda i, r=resample: normalized(crop(shorter(i, 256, r), 224, 224)), 1 / 255 / min(STD))
        yield (f"stretch, {name}, BGR", [3, 150, 170], f"resize: [150, 170], filter: {name}, color: BGR",
               lambda i, r=resample: np.asarray(i.resize((170, 150), r))[:, :, ::-1].transpose(2, 0, 1), 1)
    yield ("letterbox", [3, 320, 416], "resize: [320, 416], fit: letterbox",
           lambda i: np.asarray(letterbox(i, 320, 416, Image.Resampling.BILINEAR)).transpose(2, 0, 1), 1)
    yield ("gray", [1, 64, 64], "resize: [64, 64]",
           lambda i: np.asarray(i.convert("L").resize((64, 64), Image.Resampling.BILINEAR))[None], 1)


def main(modelctl, photos):
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()
    with tempfile.TemporaryDirectory() as folder:
        files, worst = photos + images(folder), 0.0
        for title, shape, settings, make, unit in cases():
            one = tempfile.mkdtemp(dir=folder)
            value = lambda n: onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["n"] + shape)
            graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "g", [value("x")], [value("y")])
            onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), one + "/m.onnx")
            with open(one + "/modelctl.yaml", "w") as yaml:
                yaml.write(f"model: m.onnx\nartifact: m.artifact\ninputs:\n  x:\n    image: {{{settings}}}\n")
            subprocess.run([modelctl, "build"], cwd=one, check=True, stdout=subprocess.DEVNULL)
            with open(one + "/all.csv", "w") as table:
                table.write("x\n" + "".join(file + "\n" for file in files))
            subprocess.run([modelctl, "run", "--input", "all.csv", "-o", "y.npy"], cwd=one, check=True)
            ours = np.load(one + "/y.npy")
            theirs = np.stack([make(ImageOps.exif_transpose(Image.open(f)).convert("RGB")) for f in files]).astype(np.float32)
            difference = np.abs(ours - theirs).max() / unit
            equal = (ours == theirs).mean()
            print(f"{title}: largest difference {difference:.4f} of 255, {equal:.4%} of the values equal")
            worst = max(worst, difference)
    if worst > BOUND + 1e-3:
        sys.exit(f"a value differs by {worst:.2f} of 255, and {BOUND} is allowed")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(os.path.abspath(sys.argv[1]), [os.path.abspath(photo) for photo in sys.argv[2:]])
