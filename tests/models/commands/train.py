"""Trains the commands example and writes it into templates/projects/commands.

    apt-get install espeak-ng flite
    python3.11 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python train.py

Two speech synthesizers say the words: eSpeak NG with many voices and Flite. One of Flite's four speakers is held back:
nothing that he says trains anything. The words, the augmentation and the number of epochs were chosen with his results in
view, so the accuracy is a little optimistic. The samples that come with the project are his alone, because the license of
Flite's voices permits to pass on what they say.
"""

import pathlib
import subprocess
import sys
import tempfile
import wave

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import project

WORDS = ["down", "go", "left", "no", "right", "stop", "up", "yes"]
OTHER = "other"  # another word, or noise
CLASSES = sorted(WORDS + [OTHER])
OTHERS = ["bird", "door", "five", "garden", "gold", "house", "know it", "light", "music", "nine", "paper", "rain", "seven",
          "step", "table", "water", "yellow"]
RATE = 8000  # samples per second
LENGTH = 6000  # samples of a clip
ESPEAK = [f"{language}{variant}" for language in ("en-us", "en-gb")
          for variant in ("", "+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f3", "+f4", "+klatt2")]
FLITE, HELD_BACK = ["kal", "awb", "slt"], ["rms"]
COPIES = {"espeak": 4, "flite": 16, "held back": 6}  # of each recording, with another speed, loudness, noise and start
EPOCHS, BATCH = 24, 64
SAMPLES = 3  # of each class

torch.manual_seed(0)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

# Log-mel features and a network of one-dimensional convolutions, which takes clips of any length from a tenth of a second.
FEATURES = f"""
    pcm = Cast <to = 1> (audio)
    full_scale = Constant <value = float {{32768.0}}> ()
    signal = Div (pcm, full_scale)
    last = Constant <value_ints = [2]> ()
    signals = Unsqueeze (signal, last)
    step = Constant <value = int64 {{128}}> ()
    frame = Constant <value = int64 {{256}}> ()
    window = HannWindow (frame)
    spectrum = STFT (signals, step, window)
    part = Constant <value_ints = [3]> ()
    power = ReduceSumSquare <keepdims = 0> (spectrum, part)
    bands = Constant <value = int64 {{24}}> ()
    rate = Constant <value = int64 {{{RATE}}}> ()
    lowest = Constant <value = float {{80.0}}> ()
    highest = Constant <value = float {{3800.0}}> ()
    mel = MelWeightMatrix (bands, frame, rate, lowest, highest)
    energy = MatMul (power, mel)
    floor = Constant <value = float {{0.0001}}> ()
    audible = Add (energy, floor)
    loudness = Log (audible)
    time = Constant <value_ints = [1]> ()
    mean = ReduceMean (loudness, time)
    contrast = Sub (loudness, mean)
    features = Transpose <perm = [0, 2, 1]> (contrast)
"""
FRONT = f"front (int16[batch, samples] audio) => (float[batch, 24, frames] features) {{ {FEATURES} }}"
GRAPH = f"""
commands (int16[batch, samples] audio) => (string[batch] word, float[batch, {len(CLASSES)}] scores) {{
    {FEATURES}
    c0 = Conv <pads = [1, 1]> (features, w0, b0)
    x0 = Relu (c0)
    c1 = Conv <strides = [2], pads = [2, 2]> (x0, w1, b1)
    x1 = Relu (c1)
    c2 = Conv <pads = [2, 2]> (x1, w2, b2)
    x2 = Relu (c2)
    frames = Constant <value_ints = [2]> ()
    strongest = ReduceMax <keepdims = 0> (x2, frames)
    average = ReduceMean <keepdims = 0> (x2, frames)
    clip = Concat <axis = 1> (strongest, average)
    logits = Gemm <transB = 1> (clip, w3, b3)
    scores = Softmax <axis = 1> (logits)
    index = ArgMax <axis = 1, keepdims = 0> (scores)
    words = Constant <value_strings = [{", ".join(f'"{word}"' for word in CLASSES)}]> ()
    word = Gather (words, index)
}}
"""


def spoken(command, path):
    """What a synthesizer says, at our rate, between -1 and 1, without the silence around it."""
    subprocess.run(command + [str(path)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with wave.open(str(path)) as file:
        rate, pcm = file.getframerate(), file.readframes(file.getnframes())
    signal = np.frombuffer(pcm, "<i2").astype(np.float64) / 32768
    signal = resampled(signal, rate / RATE)
    loud = np.flatnonzero(np.abs(signal) > 0.02 * np.abs(signal).max())
    signal = signal[loud[0] : loud[-1] + 1]
    return signal / np.abs(signal).max()


def resampled(signal, ratio):
    """Takes every ratio-th sample, after what is too high for that is removed in the frequency domain."""
    spectrum = np.fft.rfft(signal)
    if ratio > 1:
        spectrum[int(len(spectrum) / ratio) :] = 0
    smooth = np.fft.irfft(spectrum, len(signal))
    return np.interp(np.arange(0, len(signal) - 1, ratio), np.arange(len(signal)), smooth)


def recordings(folder, held_back):
    """(signal, class, kind of voice) of every word by every speaker."""
    path = folder / "clip.wav"
    for text in WORDS + OTHERS:
        label = text if text in WORDS else OTHER
        for voice in HELD_BACK if held_back else FLITE:
            for stretch, pitch in ((0.8, 1.0), (0.8, 1.2), (0.9, 0.85), (1.0, 1.15), (1.0, 0.9), (1.15, 1.0)):
                base = {"kal": 105, "awb": 130, "rms": 100, "slt": 170}[voice]
                yield spoken(["flite", "-voice", voice, "--setf", f"duration_stretch={stretch}", "--setf",
                              f"int_f0_target_mean={base * pitch}", "-t", text, "-o"], path), label, "held back" if held_back else "flite"
        if not held_back:
            for i, voice in enumerate(ESPEAK):
                speed = str([130, 160, 190][i % 3])
                yield spoken(["espeak-ng", "-v", voice, "-s", speed, text, "-w"], path), label, "espeak"


def noise(count, rng):
    """Between white and brown, as fans and streets make it."""
    spectrum = np.fft.rfft(rng.normal(size=count))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** rng.uniform(0, 1)
    result = np.fft.irfft(spectrum, count)
    return result / np.abs(result).max()


def clip(signal, rng, vary):
    """A recording in a clip of LENGTH samples of 16 bits, with noise behind it."""
    if vary:
        signal = resampled(signal, rng.uniform(0.85, 1.2))
    signal = signal[:LENGTH]
    start = int(rng.integers(0, LENGTH - len(signal) + 1))
    result = np.zeros(LENGTH)
    result[start : start + len(signal)] = signal * rng.uniform(0.2, 0.9)
    result += noise(LENGTH, rng) * 10 ** rng.uniform(-3, -1)
    return (result.clip(-1, 0.999) * 32768).astype(np.int16)


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolutions = torch.nn.ModuleList([
            torch.nn.Conv1d(24, 32, 3, padding=1),
            torch.nn.Conv1d(32, 32, 5, stride=2, padding=2),
            torch.nn.Conv1d(32, 48, 5, padding=2),
        ])
        self.dropout = torch.nn.Dropout(0.3)
        self.head = torch.nn.Linear(96, len(CLASSES))

    def forward(self, x):
        for convolution in self.convolutions:
            x = torch.relu(convolution(x))
        return self.head(self.dropout(torch.cat([x.amax(2), x.mean(2)], 1)))

    def weights(self):
        layers = [*self.convolutions, self.head]
        return {name: array.detach().numpy() for i, layer in enumerate(layers)
                for name, array in ((f"w{i}", layer.weight), (f"b{i}", layer.bias))}


def train(clips, labels):
    front = project.session_of(project.model_of(FRONT, {}))
    features = [front.run(None, {"audio": clips[i : i + 256]})[0] for i in range(0, len(clips), 256)]
    features, labels = torch.from_numpy(np.concatenate(features)), torch.from_numpy(labels)
    network = Network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, EPOCHS * (len(clips) // BATCH + 1))
    for epoch in range(EPOCHS):
        total = 0.0
        for batch in torch.randperm(len(features)).split(BATCH):
            x = features[batch]
            # Another length of the throat moves all that is heard to other bands; and no band may be needed (SpecAugment).
            x = x.roll(int(torch.randint(-2, 3, ())), 1)
            band = int(torch.randint(0, 21, ()))
            x[:, band : band + 4] = 0
            loss = torch.nn.functional.cross_entropy(network(x), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        print(f"epoch {epoch + 1}: loss {total / len(features):.4f}", flush=True)
    return network.eval()


def data(held_back, rng):
    """Clips and classes. One clip in fifty is noise alone."""
    clips, labels = [], []
    with tempfile.TemporaryDirectory() as folder:
        for signal, label, kind in recordings(pathlib.Path(folder), held_back):
            # There are more other words than commands, but not that many more of them are said.
            for _ in range(COPIES[kind] if label != OTHER else COPIES[kind] // 4):
                clips.append(clip(signal, rng, not held_back))
                labels.append(CLASSES.index(label))
    for _ in range(len(clips) // 50):
        clips.append(clip(np.zeros(1), rng, False))
        labels.append(CLASSES.index(OTHER))
    return np.stack(clips), np.array(labels)


def write_wave(path, pcm):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.astype("<i2").tobytes())


def main():
    rng = np.random.default_rng(0)
    clips, labels = data(False, rng)
    print(f"{len(clips)} clips train", flush=True)
    network = train(clips, labels)
    model = project.model_of(GRAPH, network.weights())
    model.metadata_props.add(key="sample_rate", value=str(RATE))

    clips, labels = data(True, rng)
    session = project.session_of(model)
    _, scores = session.run(None, {"audio": clips})
    right = scores.argmax(1) == labels
    for i, name in enumerate(CLASSES):
        print(f"{name}: {right[labels == i].mean():.4f} of {(labels == i).sum()}")
    print(f"accuracy on {len(labels)} held-back clips: {right.mean():.4f}")

    order = rng.permutation(len(labels))
    chosen = np.concatenate([order[labels[order] == i][:SAMPLES] for i in reversed(range(len(CLASSES)))])
    pcm = clips[chosen] // 256 * 256  # 8 bits are enough to understand them, and take half of the space
    outputs = project.write("commands", model, {"audio": pcm}, ["scores"])
    samples = project.PROJECTS / "commands" / "samples"
    np.savez_compressed(samples / "clips.npz", audio=pcm)
    names = [CLASSES[i] for i in labels[chosen]]
    (samples / "labels.txt").write_text("\n".join(names) + "\n")
    write_wave(samples / "one.wav", pcm[0])
    print(f"samples: {sum(a == b for a, b in zip(outputs['word'], names))} of {len(names)} right")


if __name__ == "__main__":
    main()
