"""Trains the digits example and writes it into templates/projects/digits.

    python3.11 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python train.py

One fifth of the images, chosen before anything else, is held back: it trains nothing and chooses nothing. The recipe is
fixed, and on one machine two runs write the same bytes.
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

EPOCHS = 60
BATCH = 64
FOLDER = pathlib.Path(__file__).resolve().parents[3] / "templates" / "projects" / "digits"

torch.manual_seed(0)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


class Digits(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(1, 16, 3, padding=1),
            torch.nn.BatchNorm2d(16),
            torch.nn.ReLU(),
            torch.nn.Conv2d(16, 32, 3, padding=1),
            torch.nn.BatchNorm2d(32),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(32, 32, 3, padding=1),
            torch.nn.BatchNorm2d(32),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Flatten(),
        )
        self.dropout = torch.nn.Dropout(0.3)
        self.head = torch.nn.Linear(128, 10)

    def forward(self, image):
        return self.head(self.dropout(self.features(image)))


class Scores(torch.nn.Module):
    """What is exported: the network, then probabilities."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        return torch.softmax(self.network(image), dim=1)


def shifted(images):
    """Each image moved by -1, 0 or 1 pixel each way; what enters is background."""
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    moved = torch.empty_like(images)
    for i, (row, column) in enumerate(torch.randint(0, 3, (len(images), 2)).tolist()):
        moved[i] = padded[i, :, row : row + 8, column : column + 8]
    return moved


def train(images, labels):
    network = Digits()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-3)
    steps = EPOCHS * ((len(images) + BATCH - 1) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.train()
    for epoch in range(EPOCHS):
        total = 0.0
        for batch in torch.randperm(len(images)).split(BATCH):
            loss = torch.nn.functional.cross_entropy(network(shifted(images[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {total / len(images):.4f}")
    return network.eval()


def export(network, path):
    program = torch.onnx.export(
        Scores(network).eval(),
        (torch.zeros(2, 1, 8, 8),),
        dynamo=True,
        input_names=["image"],
        output_names=["scores"],
        dynamic_shapes={"image": {0: torch.export.Dim("batch")}},
        external_data=False,
    )
    model = program.model_proto
    # The exporter notes the path of every source line that made a node: of no use elsewhere, and no two machines agree.
    for part in [model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer,
                 *model.graph.input, *model.graph.output]:
        del part.metadata_props[:]
    del model.graph.value_info[:]
    model.graph.name = "digits"
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return model


def main():
    data = load_digits()
    images = (data.images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    labels = data.target.astype(np.int64)
    train_images, images, train_labels, labels = train_test_split(
        images, labels, test_size=0.2, random_state=0, stratify=labels
    )
    network = train(torch.from_numpy(train_images), torch.from_numpy(train_labels))

    samples = FOLDER / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    model = export(network, FOLDER / "digits.onnx")
    np.save(samples / "images.npy", images)
    np.save(samples / "labels.npy", labels)
    np.save(samples / "one.npy", images[:1])
    request = {"inputs": [{"name": "image", "shape": [1, 1, 8, 8], "datatype": "FP32",
                           "data": [float(x) for x in images[0].ravel()]}]}
    (samples / "request.json").write_text(json.dumps(request) + "\n")

    session = onnxruntime.InferenceSession(str(FOLDER / "digits.onnx"), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["batch", 1, 8, 8], session.get_inputs()[0].shape
    (scores,) = session.run(None, {"image": images})
    np.save(samples / "scores.npy", scores)
    right = int((scores.argmax(1) == labels).sum())
    print("opset", model.opset_import[0].version, "operators", sorted({node.op_type for node in model.graph.node}))
    print(f"{(FOLDER / 'digits.onnx').stat().st_size} bytes; the first sample is a {labels[0]}, judged {scores[0].argmax()}")
    print(f"accuracy on {len(labels)} held-back images: {right / len(labels):.4f} ({right} right)")


if __name__ == "__main__":
    main()
