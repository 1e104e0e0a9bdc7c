"""The cost and accuracy of real models, measured now: one row per model.

    python models.py libmodelrt.so modelctl ROUNDS FOLDER…

FOLDER is one that `./dev models` makes, or one of its models. For each model: whether all its sets of inputs match their
references at -O0 and -O2, and by how much they are off at most; how long `build` takes, the memory that it takes at its
peak (the pages of the mapped model are part of it), and what it writes; how long a run of the largest set of inputs takes
here and with ONNX Runtime, on one thread, in turns, in medians. Needs numpy and onnxruntime; the runtime and modelctl
should be of the release preset, and the machine quiet.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

import latency

MIB = 1 << 20


# A process begins with the peak of the one that starts it: numpy's must not count, so a bare interpreter stands between.
MEASURE = """
import os, sys, time
start, child = time.perf_counter(), os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
                                                   file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), time.perf_counter() - start, usage.ru_maxrss * 1024)
"""


def measured(command):
    """Exit code, seconds and peak bytes."""
    told = subprocess.run(
        [sys.executable, "-I", "-S", "-c", MEASURE, *command], capture_output=True, check=True, text=True
    )
    code, seconds, peak = told.stdout.split()
    return int(code), float(seconds), int(peak)


def answers(modelctl, artifact, case, scratch):
    """The outputs of one set of inputs, as numpy has them; maps as rows of their values."""
    inputs = [word for path in sorted(case.glob("input_?.npy")) for word in ("--input", path)]
    maps = [int(path.name.split("_")[1].split(".")[0]) for path in case.glob("output_*.keys.npy")]
    target = scratch / ("answers.json" if maps else "answers")
    subprocess.run(
        [modelctl, "-q", "run", artifact, "--threads", "1", "--output", target, *inputs],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    if not maps:
        return [np.load(target / f"output_{i}.npy") for i in range(len(list(case.glob("output_*.npy"))))]
    outputs = list(json.loads(target.read_text()).values())
    return [
        np.array([list(item["map"].values()) for item in output["sequence"]], np.float32)
        if "sequence" in output
        else np.array(output["data"])
        for output in outputs
    ]


def errors(modelctl, artifact, model, cases, scratch):
    """"matches" or what does not, and the largest difference."""
    largest = 0.0
    for case in cases:
        for i, got in enumerate(answers(modelctl, artifact, case, scratch)):
            want = np.load(case / f"output_{i}.npy")
            if got.shape != want.shape:
                return f"{case.name}: shape", largest
            if want.dtype.kind != "f":
                if not np.array_equal(got, want):
                    return f"{case.name}: differs", largest
                continue
            largest = max(largest, float(np.max(np.abs(got - want), initial=0)))
            if not np.allclose(got, want, rtol=1e-3, atol=1e-4, equal_nan=True):
                return f"{case.name}: off", largest
    return "yes", largest


def row(library, modelctl, rounds, model, scratch):
    cases = sorted(path for path in model.iterdir() if path.is_dir()) or [model]
    size = (model / "model.onnx").stat().st_size
    shown = subprocess.run(
        [modelctl, "--output", "json", "inspect", model / "model.onnx"], capture_output=True, check=True
    )
    cells = [model.name, str(json.loads(shown.stdout)["steps"]), f"{size / MIB:.2f}"]
    matches, largest = [], 0.0
    for level in (0, 2):
        artifact = scratch / f"{model.name}.{level}"
        code, seconds, peak = measured(
            [modelctl, "-q", "build", model / "model.onnx", "-o", artifact, "-O", str(level)]
        )
        if code != 0:
            return [*cells, "refused"]
        match, off = errors(modelctl, artifact, model, cases, scratch)
        matches.append(match)
        largest = max(largest, off)
    _, _, idle = measured([modelctl, "--version"])
    cells += [*matches, f"{largest:.1e}", f"{seconds:.3f}", f"{artifact.stat().st_size / MIB:.2f}"]
    cells += [f"{peak / MIB:.0f}", f"{(peak - idle) / size:.2f}"]
    sets = [inputs for inputs in map(latency.inputs_of, cases) if inputs]
    if not sets:
        return [*cells, "", "", ""]
    inputs = max(sets, key=lambda arrays: sum(array.nbytes for array in arrays))
    (ours, theirs), _ = latency.compare(
        latency.Ours(library, artifact, inputs).run, latency.theirs(model / "model.onnx", inputs), rounds
    )
    return [*cells, f"{ours:.3f}", f"{theirs:.3f}", f"{theirs / ours:.2f}"]


def main():
    library, modelctl, rounds = latency.load(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve(), int(sys.argv[3])
    titles = ["model", "nodes", "MiB", "-O0", "-O2", "largest error", "build s", "artifact MiB", "peak MiB", "beyond an idle modelctl / size"]
    titles += ["ms", f"ONNX Runtime {onnxruntime.__version__} ms", "ratio"]
    print("| " + " | ".join(titles) + " |\n" + "|---" * len(titles) + "|")
    with tempfile.TemporaryDirectory() as scratch:
        for model in latency.models_in(sys.argv[4:]):
            try:
                cells = row(library, modelctl, rounds, model, pathlib.Path(scratch))
            except Exception as error:  # the others are worth telling
                cells = [model.name, str(error)]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
