#!/usr/bin/env python3
"""Differential fuzzing of modelctl against ONNX Runtime in one process; ./dev differential runs it.

Every seed makes one random graph. A worker judges graph after graph and tells this process; when it dies or hangs, that is a
finding like a wrong answer is, and another worker goes on. What fails is shrunk and saved, with its reason, in the folder of
--out; `--replay FOLDER` judges a saved graph again, `--seed N` one seed.
"""
import argparse
import collections
import json
import os
import pickle
import random
import re
import resource
import select
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy as np
import onnx

import generate
import hostile
import peer
from check import Judge, Verdict
from generate import generate as draw
from ours import Failure, Ours
from recipes import RECIPES
import recipes_experimental
import recipes_flow
import recipes_microsoft
import recipes_ml
from shrink import Shrinker

HANG = 40  # seconds without a word from the worker
MEMORY = 6 << 30
ENOUGH = 2  # how often one finding is shrunk and saved


def key_of(verdict, graph):
    operators = "+".join(sorted({node.op for node in graph.nodes})[:4])
    types = "+".join(sorted({leaf.dtype.name for leaf in graph.leaves.values()})[:3])
    if verdict.kind in ("refused", "unsupported", "bug"):
        return f"{verdict.kind} {operators} {verdict.reason}"
    return f"{verdict.kind} {verdict.reason} {operators} {types}"


class Worker:
    """The child process: judges seeds and writes a line of JSON for each thing to tell."""

    def __init__(self, options, pipe, known):
        self.options, self.pipe = options, pipe
        self.ours = Ours(options.library)
        self.judge = Judge(self.ours, lambda stage: self.tell(stage=stage))
        self.known = known

    def tell(self, **what):
        os.write(self.pipe, (json.dumps(what) + "\n").encode())

    def loop(self, seeds):
        soft = MEMORY + _memory()
        resource.setrlimit(resource.RLIMIT_AS, (soft, soft))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for seed in seeds:
            self.tell(seed=seed)
            if self.options.hostile and seed % self.options.hostile == 0:
                self.hostile(seed)
            else:
                try:
                    self.one(seed)
                except (ValueError, TypeError, IndexError, KeyError) as error:
                    if self.options.verbose:
                        raise
                    self.tell(broken=repr(error))

    def hostile(self, seed):
        self.tell(stage="generate")
        graph = draw(seed, RECIPES, self.options.only)
        if graph is None:
            return self.tell(done="none")
        data = hostile.mutate(random.Random(seed), graph.model())
        self.tell(stage="hostile")
        for level in (0, 2):
            try:
                loaded = self.ours.build(data, level)
                try:
                    for binding in range(graph.bindings):
                        loaded.run(graph.feeds(binding))
                finally:
                    loaded.close()
            except Failure as failure:
                if failure.kind == 70:
                    self.save_bytes(seed, data, graph, failure.message)
                    return self.tell(done="finding", key="hostile " + failure.message[:80])
        self.tell(done="hostile")

    def save_bytes(self, seed, data, graph, reason):
        folder = os.path.join(self.options.out, f"hostile-{seed}")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "model.onnx"), "wb") as file:
            file.write(data)
        with open(os.path.join(folder, "reason.txt"), "w", encoding="utf-8") as file:
            file.write(f"seed {seed}, hostile\n{reason}\n")
        with open(os.path.join(folder, "graph.pickle"), "wb") as file:
            pickle.dump(portable(graph), file)

    def one(self, seed):
        self.tell(stage="generate")
        graph = draw(seed, RECIPES, self.options.only)
        if graph is None:
            return self.tell(done="none")
        verdict = self.judge.judge(graph)
        if verdict.kind == "same" and seed % 4 == 0 and graph.bindings > 1:
            verdict = self.judge.judge(graph, levels=(2,), bind=True)
        operators = sorted({node.op for node in graph.nodes})
        if verdict.kind in ("wrong", "refused", "unsupported", "bug"):
            self.finding(seed, graph, verdict)
        else:
            self.tell(done=verdict.kind, reason=verdict.reason, operators=operators, opset=graph.opset)

    def finding(self, seed, graph, verdict):
        if verdict.kind == "unsupported" and "[unknown-operator]" in verdict.detail:
            for operator, opset in set(re.findall(r"operator '([^']*)' of[^,]*, opset (\d+)", verdict.detail)):
                self.tell(gap=f"operator {operator} is not there")
            return self.tell(done="gap")
        bind = verdict.reason.endswith(", bound")
        self.tell(stage="shrink")
        judge = Judge(self.ours)

        def fails(candidate):  # in a child: a candidate may take the peer down
            found = answer_of_child(lambda: judge.judge(candidate, bind=bind, levels=(2,) if bind else (0, 2)))
            return found is not None and found.kind == verdict.kind and (verdict.kind == "wrong" or found.reason == verdict.reason)

        # First which node it is; whether it is known decides about the rest.
        shrinker = Shrinker(fails, self.options.shrink)
        small = shrinker.cut(shrinker.one_output(shrinker.one_binding(graph.copy().prune())))
        found = self.judge.judge(small, bind=bind)
        if found.kind != verdict.kind:
            found, small = verdict, graph
        if found.kind == "wrong" and len(small.nodes) > 1 and self.judge.unstable(small):
            return self.tell(done="unstable", operators=sorted({node.op for node in small.nodes}))
        key = key_of(found, small)
        if self.known.get(key, 0) < ENOUGH:
            small = shrinker.shrink(small)
            found = self.judge.judge(small, bind=bind)
            if found.kind == verdict.kind:
                key = key_of(found, small)
            else:
                found = verdict
            if found.kind == "wrong" and len(small.nodes) > 1 and self.judge.unstable(small):
                return self.tell(done="unstable", operators=sorted({node.op for node in small.nodes}))
            if self.known.get(key, 0) < ENOUGH:
                save(self.options.out, seed, small, found, key)
        self.known[key] = self.known.get(key, 0) + 1
        node = small.nodes[-1]
        types = [leaf.dtype.name for leaf in small.leaves.values()]
        self.tell(done="finding", kind=found.kind, key=key, operators=[node.op], domain=node.domain, opset=small.opset, types=types,
                  detail=found.detail[:600])


def portable(graph):
    """Without what cannot be pickled: the functions that draw values."""
    graph = graph.copy()
    for leaf in graph.leaves.values():
        leaf.make = None
    return graph


def save(out, seed, graph, verdict, key):
    name = re.sub(r"[^A-Za-z0-9+]+", "-", f"{verdict.kind}-{'+'.join(node.op for node in graph.nodes)}")[:60] + f"-{seed}"
    folder = os.path.join(out, name)
    os.makedirs(folder, exist_ok=True)
    model = graph.model()
    with open(os.path.join(folder, "model.onnx"), "wb") as file:
        file.write(model.SerializeToString())
    with open(os.path.join(folder, "graph.pickle"), "wb") as file:
        pickle.dump(portable(graph), file)
    with open(os.path.join(folder, "reason.txt"), "w", encoding="utf-8") as file:
        file.write(f"seed {seed}\n{key}\n{verdict.detail}\n\n{describe(graph)}\n")


def describe(graph):
    lines = [f"opset {graph.opset}, {graph.bindings} binding(s)"]
    for name, leaf in graph.leaves.items():
        for binding, array in enumerate(leaf.arrays):
            values = np.array2string(array, threshold=60, max_line_width=110).replace("\n", "\n    ")
            symbols = f" {leaf.symbols}" if leaf.symbols else ""
            lines.append(f"{leaf.kind} {name} {array.dtype}{list(array.shape)}{symbols} = {values}")
    for node in graph.nodes:
        attributes = {n: onnx.helper.printable_graph(v) if isinstance(v, onnx.GraphProto) else (onnx.numpy_helper.to_array(v).tolist() if isinstance(v, onnx.TensorProto) else v)
                      for n, v in node.attributes.items()}
        lines.append(f"{', '.join(node.outputs)} = {node.domain + '.' if node.domain else ''}{node.op}({', '.join(node.inputs)}) {attributes}")
    lines.append(f"outputs {graph.outputs}")
    return "\n".join(lines)


def _memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def answer_of_child(body):
    """What body() answers in a child of this process; None if that dies."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            os.write(writing, pickle.dumps(body())[:60000])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        ready, _, _ = select.select([file], [], [], 10)
        if not ready:
            os.kill(child, signal.SIGKILL)
        data = file.read()
    os.waitpid(child, 0)
    return pickle.loads(data) if data else None


def in_child(body, seconds=HANG):
    """How a child that runs body() ends: its exit code, minus its signal, or None if it hung."""
    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            soft = MEMORY + _memory()
            resource.setrlimit(resource.RLIMIT_AS, (soft, soft))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            body()
        finally:
            os._exit(0)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


class Campaign:
    def __init__(self, options):
        self.options = options
        self.counts = collections.Counter()
        self.operators = collections.Counter()
        self.findings, self.details = collections.Counter(), {}
        self.peer, self.gaps = collections.Counter(), collections.Counter()
        self.known = {}
        self.started = time.monotonic()

    def run(self):
        seed = self.options.start
        while time.monotonic() - self.started < self.options.seconds:
            seed = self.batch(seed, seed + 2000)
        self.report()

    def batch(self, first, last):
        """Runs a worker from seed `first`; answers the seed to go on with."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            if not self.options.verbose:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            try:
                Worker(self.options, writing, dict(self.known)).loop(range(first, last))
            except BaseException as error:
                if self.options.verbose:
                    import traceback
                    traceback.print_exc()
                os.write(writing, (json.dumps({"broken": repr(error)}) + "\n").encode())
            os._exit(0)
        os.close(writing)
        seed, stage, rest, hung, over = first, "", b"", False, False
        while True:
            ready, _, _ = select.select([reading], [], [], HANG)
            if not ready:
                hung = True
                os.kill(child, signal.SIGKILL)
            data = os.read(reading, 1 << 16)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                event = json.loads(line)
                if "gap" in event:
                    self.gaps[event["gap"]] += 1
                seed, stage = event.get("seed", seed), event.get("stage", stage)
                if "done" in event:
                    self.note(seed, event)
                if "broken" in event:
                    self.counts["fuzzer fault"] += 1
                    print(f"seed {seed}: the fuzzer failed: {event['broken']}", flush=True)
            if time.monotonic() - self.started > self.options.seconds and not over:
                over = True
                os.kill(child, signal.SIGTERM)
        os.close(reading)
        _, status = os.waitpid(child, 0)
        if over:
            return seed
        if hung or os.WIFSIGNALED(status):
            how = "hang" if hung else f"signal {os.WTERMSIG(status)}"
            self.died(seed, stage, how)
            return seed + 1
        return seed + 1

    def note(self, seed, event):
        kind = event["done"]
        self.counts["graphs"] += kind != "none"
        self.counts[event.get("kind", kind)] += 1
        for operator in event.get("operators", ()):
            self.operators[operator] += 1
        if kind == "finding":
            key = event["key"]
            self.known[key] = self.known.get(key, 0) + 1
            self.findings[key] += 1
            if key not in self.details:
                self.details[key] = event
                print(f"seed {seed}: {key}\n    {event.get('detail', '')[:300]}", flush=True)
        elif kind == "peer":
            self.peer[f"{'+'.join(event['operators'])}: {event['reason']}"] += 1
        if self.counts["graphs"] % 2000 == 0:
            self.report()

    def died(self, seed, stage, how):
        self.counts["graphs"] += 1
        if stage in ("peer", "generate"):
            self.counts["peer died"] += 1
            return print(f"seed {seed}: the peer ended with {how} ({stage})", flush=True)
        self.counts["crash"] += 1
        print(f"seed {seed}: modelctl ended with {how} ({stage})", flush=True)
        child = os.fork()
        if child == 0:
            try:
                self.examine(seed, stage, how)
            finally:
                os._exit(0)
        os.waitpid(child, 0)

    def examine(self, seed, stage, how):
        """Shrinks what took the worker down, in a child."""
        graph = draw(seed, RECIPES, self.options.only)
        verdict = Verdict("crash" if how != "hang" else "hang", f"{how} ({stage})")
        if stage == "hostile":
            data = hostile.mutate(random.Random(seed), graph.model())
            Worker(self.options, 0, {}).save_bytes(seed, data, graph, how)
            return

        def body(candidate):
            judge = Judge(Ours(self.options.library))
            for level in (0, 2):
                try:
                    loaded = judge.ours.build(candidate.serialized(), level)
                    for binding in range(candidate.bindings):
                        try:
                            loaded.run(candidate.feeds(binding))
                        except Failure:
                            pass
                    loaded.close()
                except Failure:
                    pass

        if os.environ.get("MODELCTL_DIFFERENTIAL_NO_SHRINK") is None:
            fails = lambda candidate: (code := in_child(lambda: body(candidate), 20)) is None or code < 0
            graph = Shrinker(fails, self.options.shrink).shrink(graph.prune())
        key = f"{verdict.kind} {'+'.join(sorted({n.op for n in graph.nodes}))}"
        save(self.options.out, seed, graph, verdict, key)
        print(f"    {key}", flush=True)

    def report(self):
        hours = (time.monotonic() - self.started) / 3600
        lines = [f"{self.counts['graphs']} graphs in {hours:.3f} h: " + ", ".join(
            f"{count} {kind}" for kind, count in self.counts.most_common() if kind != "graphs")]
        lines += [f"  {count:6} {key}" for key, count in self.findings.most_common()]
        lines += ["not there:"] + [f"  {count:6} {key}" for key, count in sorted(self.gaps.items())]
        lines += ["peers:"] + [f"  {count:6} {key}" for key, count in self.peer.most_common(60)]
        lines += ["operators judged: " + " ".join(f"{name}:{count}" for name, count in sorted(self.operators.items()))]
        with open(os.path.join(self.options.out, "report.txt"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        print(lines[0], flush=True)


def main():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--library", default=f"{root}/build/dev/tests/differential/libmodelctl_differential.so")
    parser.add_argument("--out", default=f"{root}/build/differential", help="where findings go")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="judge the graph of this seed alone, and print it")
    parser.add_argument("--replay", nargs="+", help="folders of findings to judge again")
    parser.add_argument("--only", nargs="+", help="operators to draw, as 'Conv' or 'ai.onnx.ml.Scaler'")
    parser.add_argument("--hostile", type=int, default=8, help="every how many seeds the model is tampered with; 0: never")
    parser.add_argument("--shrink", type=float, default=20, help="seconds to shrink one finding for")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    if options.only:
        options.only = [tuple(name.rpartition(".")[::2]) for name in options.only]
    os.makedirs(options.out, exist_ok=True)
    if options.replay:
        return replay(options)
    if options.seed is not None:
        graph = draw(options.seed, RECIPES, options.only)
        if graph is None:
            return print("no graph")
        print(describe(graph))
        print(Judge(Ours(options.library)).judge(graph))
        return
    Campaign(options).run()


def replay(options):
    judge = Judge(Ours(options.library))
    for folder in options.replay:
        if "hostile" in os.path.basename(folder.rstrip("/")):
            with open(os.path.join(folder, "model.onnx"), "rb") as file:
                data = file.read()
            with open(os.path.join(folder, "graph.pickle"), "rb") as file:
                graph = pickle.load(file)

            def body():
                for level in (0, 2):
                    try:
                        loaded = judge.ours.build(data, level)
                        loaded.run(graph.feeds())
                    except Failure as failure:
                        if failure.kind == 70:
                            os._exit(70)
            print(f"{folder}: ended with {in_child(body)}", flush=True)
            continue
        with open(os.path.join(folder, "graph.pickle"), "rb") as file:
            graph = pickle.load(file)
        if options.verbose:
            print(describe(graph))
        code = in_child(lambda: print(f"{folder}: {judge.judge(graph)}", flush=True))
        if code != 0:
            print(f"{folder}: ended with {code}", flush=True)


if __name__ == "__main__":
    main()
