"""Trains the parts example and writes it into templates/projects/parts.

    python3.11 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python train.py

The images are drawn: bolts, nuts and washers of any size, direction and brightness on a belt, with shadows, scratches and
the noise of a camera. The images that are held back come from another seed of the random numbers.
"""

import math
import pathlib
import sys

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import project

CLASSES = ["bolt", "nut", "washer"]
SIZE = 64  # pixels of an image, each way
STRIDE = 4  # pixels of a cell of the network's output
CELLS = SIZE // STRIDE
CHANNELS = 24
IMAGES, HELD_BACK, SAMPLES = 6000, 1000, 32
STEPS, BATCH = 2500, 32
SCALE = 4  # drawn this much larger, for smooth edges
THRESHOLD = 0.4

torch.manual_seed(0)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def turned(points, angle, center):
    c, s = math.cos(angle), math.sin(angle)
    return [((x * c - y * s + center[0]) * SCALE, (x * s + y * c + center[1]) * SCALE) for x, y in points]


def ring(radius, corners=36):
    return [(radius * math.cos(2 * math.pi * i / corners), radius * math.sin(2 * math.pi * i / corners))
            for i in range(corners)]


def outline(kind, size, rng):
    """The parts of a drawing: the points of each and whether it is a hole. `size` is half of the length."""
    if kind == "washer":
        return [(ring(size), False), (ring(size * rng.uniform(0.4, 0.65)), True)]
    if kind == "nut":
        return [(ring(size, 6), False), (ring(size * rng.uniform(0.4, 0.55)), True)]
    head, thick, thin = size * rng.uniform(0.3, 0.45), size * rng.uniform(0.5, 0.65), size * rng.uniform(0.2, 0.3)
    left, neck = -size, -size + head
    return [([(left, -thick), (neck, -thick), (neck, -thin), (size, -thin), (size, thin), (neck, thin), (neck, thick),
              (left, thick)], False)]


def draw(rng):
    """An image [SIZE, SIZE] of bytes, and a list of (class, left, top, right, bottom) in pixels."""
    ground = rng.uniform(40, 110)
    image = Image.new("L", (SIZE * SCALE, SIZE * SCALE), int(ground))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 6))):  # scratches
        ends = [tuple(rng.uniform(0, SIZE * SCALE, 2)) for _ in range(2)]
        pen.line(ends, fill=int(ground + rng.uniform(-25, 25)), width=int(rng.integers(1, SCALE)))
    objects, places = [], []
    for _ in range(int(rng.integers(0, 7))):
        kind = int(rng.integers(3))
        size = rng.uniform(8, 13) if kind == 0 else rng.uniform(5, 10)
        center = rng.uniform(size * 0.8, SIZE - size * 0.8, 2)
        if any(np.hypot(*(center - other)) < (size + reach) * 0.9 for other, reach in places):
            continue
        places.append((center, size))
        shapes = outline(CLASSES[kind], size, rng)
        angle = rng.uniform(0, 2 * math.pi)
        bright = rng.uniform(150, 240)
        for points, hole in shapes:
            shadow = turned(points, angle, center + 0.7)
            if not hole:
                pen.polygon(shadow, fill=int(ground * 0.5))
            pen.polygon(turned(points, angle, center), fill=int(ground * 0.8 if hole else bright))
        corners = np.array(turned(shapes[0][0], angle, center)) / SCALE
        objects.append((kind, *np.clip(corners.min(0), 0, SIZE), *np.clip(corners.max(0), 0, SIZE)))
    small = np.asarray(image.filter(ImageFilter.BoxBlur(SCALE / 2)).resize((SIZE, SIZE), Image.Resampling.BOX), np.float64)
    light = np.linspace(rng.uniform(0.8, 1.2), rng.uniform(0.8, 1.2), SIZE)
    noisy = small * light + rng.normal(0, rng.uniform(1, 6), small.shape)
    # A camera of 32 gray levels: its images take little space.
    return (np.clip(noisy, 0, 255) // 8 * 8).astype(np.uint8), objects


def targets(objects):
    """For each cell the chance that a part has its center there, by class, and the distances to the sides of the box in
    cells; and which cells know a box."""
    heat = np.zeros((3, CELLS, CELLS), np.float32)
    sides = np.zeros((4, CELLS, CELLS), np.float32)
    known = np.zeros((CELLS, CELLS), bool)
    at = (np.arange(CELLS) + 0.5) * STRIDE
    for kind, left, top, right, bottom in objects:
        x, y = (left + right) / 2, (top + bottom) / 2
        spread = 0.12 * (right - left + bottom - top)
        bell = np.exp(-((at[None, :] - x) ** 2 + (at[:, None] - y) ** 2) / (2 * spread**2))
        row, column = min(int(y / STRIDE), CELLS - 1), min(int(x / STRIDE), CELLS - 1)
        bell[row, column] = 1
        heat[kind] = np.maximum(heat[kind], bell)
        near = bell > 0.4
        box = np.stack(np.broadcast_arrays(at[None, :] - left, at[:, None] - top, right - at[None, :], bottom - at[:, None]))
        sides[:, near] = box[:, near] / STRIDE
        known |= near
    return heat, sides, known


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [1, 16, CHANNELS, CHANNELS, CHANNELS, CHANNELS]
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv2d(a, b, 3, padding=1, stride=2 if i < 2 else 1, bias=False)
            for i, (a, b) in enumerate(zip(sizes, sizes[1:]))
        )
        self.norms = torch.nn.ModuleList(torch.nn.BatchNorm2d(size) for size in sizes[1:])
        self.head = torch.nn.Conv2d(CHANNELS, 7, 1)
        torch.nn.init.constant_(self.head.bias[:3], -3.0)

    def forward(self, x):
        for convolution, norm in zip(self.convolutions, self.norms):
            x = torch.relu(norm(convolution(x)))
        return self.head(x)

    def weights(self):
        arrays = {"w5": self.head.weight, "b5": self.head.bias}
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms)):
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            arrays[f"w{i}"] = convolution.weight * scale[:, None, None, None]
            arrays[f"b{i}"] = norm.bias - norm.running_mean * scale
        return {name: array.detach().numpy() for name, array in arrays.items()}


# The boxes of all cells of all classes go into NonMaxSuppression, and what it selects is gathered: the number of parts is
# known only when it has run. `counts` is a product of two matrices of ones and zeros: which part is in which image, and
# which is of which class.
GRAPH = f"""
parts (uint8[batch, {SIZE}, {SIZE}, 1] image)
    => (float[batch, 3] counts, float[found, 4] boxes, int64[found] classes, float[found] scores,
        int64[found] image_index) {{
    bytes = Cast <to = 1> (image)
    most = Constant <value = float {{255.0}}> ()
    brightness = Div (bytes, most)
    x = Transpose <perm = [0, 3, 1, 2]> (brightness)
    c0 = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, w0, b0)
    x0 = Relu (c0)
    c1 = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x0, w1, b1)
    x1 = Relu (c1)
    c2 = Conv <pads = [1, 1, 1, 1]> (x1, w2, b2)
    x2 = Relu (c2)
    c3 = Conv <pads = [1, 1, 1, 1]> (x2, w3, b3)
    x3 = Relu (c3)
    c4 = Conv <pads = [1, 1, 1, 1]> (x3, w4, b4)
    x4 = Relu (c4)
    head = Conv (x4, w5, b5)
    by_cell = Constant <value_ints = [0, 7, {CELLS * CELLS}]> ()
    cells = Reshape (head, by_cell)
    widths = Constant <value_ints = [3, 4]> ()
    class_scores, side_logs = Split <axis = 1> (cells, widths)
    chances = Sigmoid (class_scores)
    side_cells = Exp (side_logs)
    stride = Constant <value = float {{{STRIDE}.0}}> ()
    side_pixels = Mul (side_cells, stride)
    signed_sides = Mul (side_pixels, signs)
    corners = Add (signed_sides, centers)
    least = Constant <value = float {{0.0}}> ()
    size = Constant <value = float {{{SIZE}.0}}> ()
    inside = Clip (corners, least, size)
    all_boxes = Transpose <perm = [0, 2, 1]> (inside)

    limit = Constant <value_ints = [20]> ()
    overlap = Constant <value = float {{0.3}}> ()
    threshold = Constant <value = float {{{THRESHOLD}}}> ()
    selected = NonMaxSuppression (all_boxes, chances, limit, overlap, threshold)
    places = Constant <value_ints = [0, 2]> ()
    image_and_cell = Gather <axis = 1> (selected, places)
    boxes = GatherND (all_boxes, image_and_cell)
    scores = GatherND (chances, selected)
    first = Constant <value = int64 {{0}}> ()
    second = Constant <value = int64 {{1}}> ()
    image_index = Gather <axis = 1> (selected, first)
    classes = Gather <axis = 1> (selected, second)

    batch_size = Shape <start = 0, end = 1> (image)
    values = Constant <value_floats = [0.0, 1.0]> ()
    class_count = Constant <value_ints = [3]> ()
    is_in_image = OneHot <axis = 0> (image_index, batch_size, values)
    is_of_class = OneHot <axis = 1> (classes, class_count, values)
    counts = MatMul (is_in_image, is_of_class)
}}
"""


def train(images, all_targets):
    network = Network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, STEPS)
    heats, sides, known = (torch.from_numpy(np.stack(part)) for part in zip(*all_targets))
    pixels = torch.from_numpy(np.stack(images)[:, None].astype(np.float32) / 255)
    for step in range(STEPS):
        batch = torch.randint(len(images), (BATCH,))
        found = network(pixels[batch])
        heat, mask = heats[batch], known[batch]
        # The focal loss of CenterNet (Zhou et al., 2019): cells near a center count less.
        chance = torch.sigmoid(found[:, :3]).clamp(1e-4, 1 - 1e-4)
        center = heat == 1
        loss = -(torch.where(center, (1 - chance) ** 2 * chance.log(),
                             (1 - heat) ** 4 * chance**2 * (1 - chance).log())).sum() / center.sum().clamp(min=1)
        error = (found[:, 3:] - sides[batch].clamp(min=0.1).log()).abs().sum(1)
        loss = loss + 0.5 * error[mask].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 250 == 249:
            print(f"step {step + 1}: loss {loss.item():.3f}", flush=True)
    return network.eval()


def overlap(a, b):
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = sides.clip(0).prod()
    return common / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - common)


def matched(outputs, truth):
    """Of each found part, best first: whether it is right, which is so if it covers half of a part of its class that no
    better one has."""
    taken, right = set(), np.zeros(len(outputs["scores"]), bool)
    for i in np.argsort(-outputs["scores"], kind="stable"):
        image, kind = outputs["image_index"][i], outputs["classes"][i]
        fits = [(overlap(outputs["boxes"][i], np.array(box)), j) for j, (other, *box) in enumerate(truth[image])
                if other == kind and (image, j) not in taken]
        best = max(fits, default=(0, 0))
        if best[0] >= 0.5:
            taken.add((image, best[1]))
            right[i] = True
    return right


def report(name, outputs, truth):
    right = matched(outputs, truth)
    parts = sum(len(objects) for objects in truth)
    precisions = []
    for kind in range(3):
        mine = outputs["classes"] == kind
        order = np.argsort(-outputs["scores"][mine], kind="stable")
        hits = right[mine][order].cumsum()
        precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
        total = sum(object_[0] == kind for objects in truth for object_ in objects)
        precisions.append(np.diff(hits, prepend=0) @ precision / total)
    counts = np.array([[sum(o[0] == kind for o in objects) for kind in range(3)] for objects in truth])
    print(f"{name}: {len(truth)} images with {parts} parts, {len(right)} found, {right.sum()} of them right: precision "
          f"{right.mean():.4f}, recall {right.sum() / parts:.4f}; average precision (IoU 0.5) "
          + ", ".join(f"{c} {p:.3f}" for c, p in zip(CLASSES, precisions)) + f", mean {np.mean(precisions):.3f}; "
          f"all counts right in {(outputs['counts'] == counts).all(1).mean():.4f}, "
          f"MAE {np.abs(outputs['counts'] - counts).mean():.4f}")
    return counts


def main():
    rng = np.random.default_rng(0)
    drawn = [draw(rng) for _ in range(IMAGES)]
    network = train([image for image, _ in drawn], [targets(objects) for _, objects in drawn])
    weights = network.weights()
    row, column = np.divmod(np.arange(CELLS * CELLS), CELLS)
    x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
    weights["centers"] = np.stack([x, y, x, y])[None].astype(np.float32)
    weights["signs"] = np.array([-1, -1, 1, 1], np.float32).reshape(1, 4, 1)
    model = project.model_of(GRAPH, weights)

    rng = np.random.default_rng(1)
    held_back = [draw(rng) for _ in range(HELD_BACK)]
    images = np.stack([image for image, _ in held_back])[..., None]
    session = project.session_of(model)
    names = [output.name for output in session.get_outputs()]
    report("held back", dict(zip(names, session.run(None, {"image": images}))), [objects for _, objects in held_back])

    images, truth = images[:SAMPLES], [objects for _, objects in held_back[:SAMPLES]]
    outputs = project.write("parts", model, {"image": images}, ["boxes", "classes", "scores", "image_index"])
    samples = project.PROJECTS / "parts" / "samples"
    counts = report("samples", outputs, truth)
    np.savez_compressed(samples / "images.npz", image=images)
    project.save(samples / "counts.npy", counts.astype(np.int64))
    rows = [[i, CLASSES[o[0]], *(round(float(side), 1) for side in o[1:])] for i, objects in enumerate(truth) for o in objects]
    (samples / "truth.csv").write_text(
        "image,class,left,top,right,bottom\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    Image.fromarray(images[0, :, :, 0]).save(samples / "one.png", optimize=True)


if __name__ == "__main__":
    main()
