#!/usr/bin/env python3
"""Writes the image files of templates/projects/scans from the held-back images of the example digits.

Needs Pillow and NumPy. The model is a copy of that of digits.
"""
import pathlib, shutil

import numpy as np
from PIL import Image

projects = pathlib.Path(__file__).parents[3] / "templates/projects"
digits, scans = projects / "digits", projects / "scans"
shutil.copy(digits / "digits.onnx", scans / "digits.onnx")
images, labels = np.load(digits / "samples/images.npy"), np.load(digits / "samples/labels.npy")
random = np.random.default_rng(3)
rows = ["image,digit"]
for i in range(20):
    height = int(random.integers(40, 72))
    width = int(height * random.uniform(0.8, 1))
    # Ink that is not quite black, on white paper.
    scan = Image.fromarray((255 - images[i, 0] * 235).round().astype("uint8")).resize((width, height), Image.BICUBIC)
    name = f"{i:02d}.jpg" if i % 4 == 3 else f"{i:02d}.png"
    if name.endswith("jpg"):
        scan.convert("RGB").save(scans / "samples" / name, quality=88)
    else:
        scan.quantize(32).save(scans / "samples" / name, optimize=True)
    rows.append(f"{name},{labels[i]}")
(scans / "samples/scans.csv").write_text("\n".join(rows) + "\n")
