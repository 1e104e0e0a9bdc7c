"""A row of run.py: requests while versions are swapped and the binary is replaced, none of which may fail.

Two files hold the version that serves and the next one. A swap puts a package of the next version into the idle file,
loads it by the repository API, which unloads the version before the last, and gives it the requests, by a label or by
its weight. A replacement writes the routing to the file of --routing, as an operator would, and sends SIGUSR2.
"""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import onnx
from onnx import TensorProto, helper

HERE = pathlib.Path(__file__).resolve().parent
BODY = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [0]}]}


class AdminConnection(http.client.HTTPConnection):
    """To the unix socket of --admin."""

    def __init__(self, path):
        super().__init__("admin", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


class Swapping:
    def __init__(self, bench, free_port, server):
        self.bench, self.options = bench, bench.options
        self.folder = bench.folder / "swaps"
        self.folder.mkdir(exist_ok=True)
        for old in self.folder.iterdir():
            old.unlink()
        self.program = self.folder / "modelctl"
        self.program.symlink_to(self.options.modelctl)
        self.run("key", "generate", "-o", self.folder / "bench")
        for version in (1, 2):
            self.pack(version)
        self.routing(2)
        self.events = open(self.folder / "events", "ab")
        bench.running.callback(self.events.close)
        port = free_port()
        self.server = bench.start(server(
            "modelctl", [self.program, "--output", "json", "serve", *(self.file(version) for version in (1, 2)),
                         "--key", self.folder / "bench.pub", "--listen", f"127.0.0.1:{port}", "--admin",
                         f"unix:{self.folder}/admin", "--routing", self.folder / "routing", "--drain", "1"],
            port, self.events))
        self.process = self.server.process.pid
        self.server.wait("/v2/models/swaps/infer", json.dumps(BODY).encode())

    def run(self, *command):
        subprocess.run([self.options.modelctl, "--quiet", *command], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "MODELCTL_PASSWORD": "of the bench"})

    def file(self, version):
        return self.folder / f"slot-{version % 2}.tar"

    def pack(self, version):
        """A model that returns its version, as a package, in the place of the version before the last."""
        floats = TensorProto.FLOAT
        graph = helper.make_graph(
            [helper.make_node("Add", ["x", "version"], ["y"])], "swaps",
            [helper.make_tensor_value_info("x", floats, ["n", 1])],
            [helper.make_tensor_value_info("y", floats, ["n", 1])],
            [helper.make_tensor("version", floats, [1, 1], [version])])
        model = self.folder / "swaps.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)
        artifact, package = self.folder / "swaps.artifact", self.folder / "new.tar"
        self.run("build", model, "-o", artifact)
        self.run("pack", artifact, "--name", "swaps", "--version", str(version), "--key", self.folder / "bench.key",
                 "-o", package)
        package.rename(self.file(version))

    def routing(self, version):
        rules = {"labels": {"stable": str(version)}} if version % 4 < 2 else {"weights": {str(version): 1}}
        (self.folder / "routing").write_text(json.dumps({"swaps": rules}))
        return rules

    def admin(self, method, path, body):
        with contextlib.closing(AdminConnection(self.folder / "admin")) as connection:
            connection.request(method, path, json.dumps(body))
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                raise RuntimeError(f"{method} {path}: {response.status} {answer}")

    def swap(self, version):
        self.pack(version)
        self.admin("POST", "/v2/repository/models/swaps/load", {})
        self.admin("PUT", "/admin/models/swaps/routing", self.routing(version))

    def replace(self):
        """Returns when the new process serves and the old one has ended."""
        old = self.process
        os.kill(old, signal.SIGUSR2)
        for _ in range(1200):
            events = map(json.loads, (self.folder / "events").read_text().splitlines())
            replaced = [event for event in events if event.get("event") == "replaced"]
            if replaced and "error" in replaced[-1]:
                raise RuntimeError(f"not replaced: see {self.folder}/events")
            if replaced and replaced[-1]["pid"] != old:
                self.process = replaced[-1]["pid"]
                break
            time.sleep(0.05)
        else:
            raise RuntimeError("not replaced")
        if old == self.server.process.pid:
            self.server.process.wait(60)
        while pathlib.Path(f"/proc/{old}").exists():
            time.sleep(0.05)

    def measure(self):
        requests, swaps, replacements = self.options.requests, self.options.swaps, self.options.replacements
        body = self.folder / "body"
        body.write_text(json.dumps(BODY))
        load = subprocess.Popen(
            ["wrk", "-t", "1", "-c", "32", "-d", "36000s", "--timeout", "20s", "-s", HERE / "swaps.lua",
             f"http://127.0.0.1:{self.server.port}/v2/models/swaps/infer"],
            env={**os.environ, "BODY": str(body)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.bench.running.callback(load.kill)
        # Changes come evenly among the requests; what a slow one delays comes later, and the load goes on until then.
        changes = sorted([(i / swaps, "swap") for i in range(swaps)] +
                         [((i + 0.5) / replacements, "replace") for i in range(replacements)])
        version = 2
        for line in load.stderr:
            if not line.strip().isdigit():
                print(line, end="", flush=True)
                continue
            if changes and int(line) >= changes[0][0] * requests:
                _, change = changes.pop(0)
                if change == "swap":
                    version += 1
                    self.swap(version)
                else:
                    self.replace()
            elif not changes and int(line) >= requests:
                load.send_signal(signal.SIGINT)
        result = json.loads(load.stdout.read().splitlines()[-1])
        return {**result, "swaps": swaps, "replacements": replacements}


def swaps(bench, free_port, server):
    """Requests over swaps of versions and replacements of the binary; each answered by exactly one version."""
    result = Swapping(bench, free_port, server).measure()
    bench.results["swaps"] = result
    print(f"\n{result['requests']} requests over {result['swaps']} swaps and {result['replacements']} replacements: "
          f"{result['failed']} failed, {result['refused']} of them refused; {result['wrong']} not answered by exactly "
          f"one version; {result['versions']} versions answered; {result['per_second']:.0f} requests/s, "
          f"p50 {result['p50_us']} us, p99 {result['p99_us']} us", flush=True)
    if result["failed"] or result["wrong"]:
        raise SystemExit(1)
