"""What `modelctl serve` comes to under load, next to its peers: the table of `./dev bench serve`.

    python run.py MODELCTL PROGRAMS FOLDER [--rounds N] [--seconds S] [--soak S] [--only WORD]
                  [--requests N] [--swaps N] [--replacements N]

PROGRAMS has the release build's grpc_load and fixed_http; FOLDER keeps the peers' environments, the models and the
results (serve.json). Needs wrk. All servers of a row run all the time and are loaded in turns, a round each, so that
whatever else the machine does hits all of them; medians of the rounds are compared. The load generator shares the
processors with the servers: the numbers are for comparing, not for planning.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

try:
    import onnx
    from onnx import TensorProto, helper
except ModuleNotFoundError:
    sys.exit("skipped: this Python has no onnx; ./dev bench serve installs one that has")

import batching
import swaps

HERE = pathlib.Path(__file__).resolve().parent
SMALL = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [0.1, 0.2, 0.3, 0.4]}]}
WIDE = 16384  # floats: 64 KiB


def models(folder):
    """Two models: a linear classifier of 4 features, and one that returns its 64 KiB."""
    floats = TensorProto.FLOAT

    def save(name, nodes, width, out, weights=()):
        graph = helper.make_graph(
            nodes, name, [helper.make_tensor_value_info("x", floats, ["n", width])],
            [helper.make_tensor_value_info("y", floats, ["n", out])], list(weights))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, folder / f"{name}.onnx")

    weights = [helper.make_tensor("w", floats, [4, 3], [0.1 * i for i in range(12)]),
               helper.make_tensor("b", floats, [3], [0.1, 0.2, 0.3])]
    save("small", [helper.make_node("Gemm", ["x", "w", "b"], ["z"]), helper.make_node("Softmax", ["z"], ["y"])], 4, 3,
         weights)
    save("wide", [helper.make_node("Relu", ["x"], ["y"])], WIDE, WIDE)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that answers on a port. Its group is killed in the end."""

    def __init__(self, name, command, port, log, environment=None, cwd=None):
        self.name, self.port = name, port
        self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=cwd,
                                        env={**os.environ, **(environment or {})}, start_new_session=True)

    def post(self, path, body, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read()

    def wait(self, path, body, headers=None):
        """Until it answers a prediction. Returns the answer."""
        for _ in range(600):
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}: see its log")
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, answer = self.post(path, body, headers)
                if status == 200:
                    return answer
            time.sleep(0.1)
        raise RuntimeError(f"{self.name} does not answer")

    def memory(self):
        """Of the process, in bytes, and its open files."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        resident = int(status.split("VmRSS:")[1].split()[0]) * 1024
        return resident, len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                pass
            os.killpg(self.process.pid, signal.SIGKILL)


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = options.folder.resolve()
        self.results = {}
        self.running = contextlib.ExitStack()

    # -- servers

    def modelctl(self, *models, flags=()):
        artifacts = [self.folder / f"{model}.artifact" for model in models]
        for artifact in artifacts:
            subprocess.run([self.options.modelctl, "--quiet", "build", artifact.with_suffix(".onnx"), "-o", artifact],
                           check=True, stdout=subprocess.DEVNULL)
        port = free_port()
        command = [self.options.modelctl, "serve", *artifacts, "--listen", f"127.0.0.1:{port}", *flags]
        return self.start(Server("modelctl", command, port, self.log("modelctl")))

    def fixed(self):
        process = subprocess.Popen([self.options.programs / "fixed_http"], stdout=subprocess.PIPE, text=True)
        self.running.callback(process.kill)
        server = Server.__new__(Server)
        server.name, server.port, server.process = "bare Boost.Beast", int(process.stdout.readline()), process
        return server

    def peers(self):
        """One server for each folder of peers: its requirements in an environment of its own, its command."""
        for place in sorted((HERE / "peers").iterdir()):
            environment = self.folder / place.name
            if not (environment / "complete").exists():
                print(f"installing {place.name}", file=sys.stderr)
                subprocess.run([sys.executable, "-m", "venv", environment], check=True)
                subprocess.run([environment / "bin/pip", "install", "--quiet", "-r", place / "requirements.txt"],
                               check=True)
                (environment / "complete").touch()
            port = free_port()
            command = (place / "command").read_text().replace("$PORT", str(port)).strip()
            settings = {"PATH": f"{environment}/bin:{os.environ['PATH']}", "MODEL": str(self.folder / "small.onnx"),
                        "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(place), "BENTOML_DO_NOT_TRACK": "True",
                        "BENTOML_HOME": str(self.folder / "bentoml-home")}
            yield self.start(Server(place.name, shlex.split(command), port, self.log(place.name), settings, place))

    def start(self, server):
        self.running.callback(server.end)
        return server

    def log(self, name):
        return self.running.enter_context(open(self.folder / f"{name}.log", "ab"))

    # -- load

    def wrk(self, server, path, body, headers=(), connections=64, think=0, seconds=None):
        file = self.folder / "body"
        file.write_bytes(body)
        lines = "\n".join(headers or ("Content-Type: application/json",))
        environment = {**os.environ, "BODY": str(file), "HEADERS": lines, "THINK": str(think)}
        done = subprocess.run(
            ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds or self.options.seconds}s", "--timeout", "20s",
             "-s", HERE / "post.lua", f"http://127.0.0.1:{server.port}{path}"],
            env=environment, check=True, capture_output=True, text=True)
        return json.loads(done.stdout.splitlines()[-1])

    def rounds(self, row, measures):
        """Each measure in turns; the median of each number over the rounds."""
        taken = {name: [] for name in measures}
        for _ in range(self.options.rounds):
            for name, measure in measures.items():
                taken[name].append(measure())
        medians = {}
        for name, results in taken.items():
            medians[name] = {key: statistics.median(result[key] for result in results) for key in results[0]}
            medians[name]["failed"] = sum(result["failed"] for result in results)
        self.results[row] = medians
        print(f"\n{row}\n")
        first = next(iter(medians.values()))
        print(f"| {'':28} | requests/s |  ratio | p50 us |  p99 us | failed |")
        print(f"|{'-' * 30}|-----------:|-------:|-------:|--------:|-------:|")
        for name, result in medians.items():
            ratio = first["per_second"] / result["per_second"] if result["per_second"] else float("nan")
            print(f"| {name:28} | {result['per_second']:10.0f} | {ratio:6.2f} | {result['p50_us']:6.0f} |"
                  f" {result['p99_us']:7.0f} | {result['failed']:6} |", flush=True)
        return medians

    # -- rows

    def small(self):
        """V2 JSON of a small model on 64 keep-alive connections: all servers."""
        path, body = "/v2/models/small/infer", json.dumps(SMALL).encode()
        servers = [self.modelctl("small"), self.fixed(), *self.peers()]
        answers = {}
        for server in servers:
            answer = json.loads(server.wait(path, body))
            answers[server.name] = [round(value, 5) for value in answer["outputs"][0]["data"]]
        compared = {name: answer for name, answer in answers.items() if name != "bare Boost.Beast"}
        if len(set(map(tuple, compared.values()))) != 1:
            raise RuntimeError(f"the answers differ: {compared}")
        self.rounds("small model, V2 JSON, 64 connections",
                    {server.name: lambda server=server: self.wrk(server, path, body) for server in servers})

    def wide(self):
        """64 KiB there and back: JSON and binary tensors."""
        server = self.modelctl("wide")
        path = "/v2/models/wide/infer"
        values = [((i * 2654435761) % (1 << 24)) / (1 << 24) for i in range(WIDE)]
        port = {"name": "x", "datatype": "FP32", "shape": [1, WIDE]}
        text = json.dumps({"inputs": [{**port, "data": values}]}).encode()
        head = json.dumps({"inputs": [{**port, "parameters": {"binary_data_size": 4 * WIDE}}],
                           "parameters": {"binary_data_output": True}}).encode()
        binary = head + struct.pack(f"<{WIDE}f", *values)
        server.wait(path, text)
        self.rounds("64 KiB tensors there and back, 8 connections", {
            "binary": lambda: self.wrk(server, path, binary, (f"Inference-Header-Content-Length: {len(head)}",), 8),
            "JSON": lambda: self.wrk(server, path, text, (), 8)})

    def grpc(self):
        """gRPC of a small model and of 64 KiB against a bare server with a fixed answer of the same size, 1 and 32 calls
        under way."""
        load = self.options.programs / "grpc_load"

        def measure(address, model, sizes, calls):
            done = subprocess.run([load, address, model, "x", sizes, str(calls), str(self.options.seconds)],
                                  capture_output=True, text=True, check=True)
            return json.loads(done.stdout)

        for model, sizes, answer in (("small", "1,4", 3), ("wide", f"1,{WIDE}", WIDE)):
            bare = subprocess.Popen([load, "serve", str(answer)], stdout=subprocess.PIPE, text=True)
            self.running.callback(bare.kill)
            bare_address = f"127.0.0.1:{bare.stdout.readline().strip()}"
            address = f"127.0.0.1:{free_port()}"
            server = self.modelctl(model, flags=("--grpc", address))
            width = int(sizes.split(",")[1])
            body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, width], "data": [0] * width}]}
            server.wait(f"/v2/models/{model}/infer", json.dumps(body).encode())
            for calls in (1, 32):
                self.rounds(f"gRPC, {model}, {calls} calls under way", {
                    "modelctl": lambda at=address: measure(at, model, sizes, calls),
                    "bare grpc++": lambda at=bare_address: measure(at, model, sizes, calls)})

    def isolation(self):
        """What a worker process per version adds to a prediction, alone and under load."""
        plain, isolated = self.modelctl("small"), self.modelctl("small", flags=("--isolate",))
        path, body = "/v2/models/small/infer", json.dumps(SMALL).encode()
        for server in (plain, isolated):
            server.wait(path, body)
        for connections in (1, 64):
            medians = self.rounds(f"small model, V2 JSON, in a worker process, {connections} connections", {
                "in the process": lambda: self.wrk(plain, path, body, connections=connections),
                "--isolate": lambda: self.wrk(isolated, path, body, connections=connections)})
            added = medians["--isolate"]["p50_us"] - medians["in the process"]["p50_us"]
            print(f"\nadded by --isolate: {added:.0f} us of p50")

    def steady(self):
        """The tail at 70 % of the full rate; while a model is loaded and unloaded; beside idle and slow connections."""
        token = self.folder / "admin-token"
        token.touch(mode=0o600)
        token.write_text("a-token-of-the-bench-only-0123456789\n")
        server = self.modelctl("small", "wide", flags=("--admin-token", token, "--max-connections", "16000"))
        path, body = "/v2/models/small/infer", json.dumps(SMALL).encode()
        server.wait(path, body)
        full = self.wrk(server, path, body)
        think = (64 / (0.7 * full["per_second"])) * 1e3

        def steady():
            return self.wrk(server, path, body, think=think)

        stop = threading.Event()

        def reload():
            header = {"Authorization": "Bearer " + token.read_text().strip()}
            while not stop.is_set():
                for action in ("unload", "load"):
                    status, answer = server.post(f"/v2/repository/models/wide/{action}", b"{}", header)
                    if status != 200:
                        raise RuntimeError(f"{action}: {status} {answer}")

        def reloading():
            stop.clear()
            thread = threading.Thread(target=reload)
            thread.start()
            try:
                return steady()
            finally:
                stop.set()
                thread.join()

        before, _ = server.memory()
        self.rounds("70 % of the full rate", {"at 70 %": steady, "while another model is loaded": reloading,
                                              "the full rate": lambda: self.wrk(server, path, body)})
        crowd = subprocess.Popen([sys.executable, __file__, "crowd", str(server.port), "10000", "1000"],
                                 stdout=subprocess.PIPE, text=True)
        self.running.callback(crowd.kill)
        crowd.stdout.readline()
        after, files = server.memory()
        per_connection = (after - before) / 10000
        print(f"\n10,000 idle connections: {per_connection / 1024:.1f} KiB each, {files} open files")
        self.results["idle connections"] = {"bytes_each": per_connection, "files": files}
        self.rounds("70 % of the full rate, beside 10,000 idle and 1,000 slow connections", {"crowded": steady})
        crowd.kill()

    def soak(self):
        """The full rate for long: memory and descriptors over time."""
        server = self.modelctl("small")
        path, body = "/v2/models/small/infer", json.dumps(SMALL).encode()
        server.wait(path, body)
        end, samples, requests, failed = time.time() + self.options.soak, [], 0, 0
        while time.time() < end:
            result = self.wrk(server, path, body, seconds=min(30, self.options.soak))
            requests, failed = requests + result["requests"], failed + result["failed"]
            samples.append(server.memory())
        memory = [sample[0] for sample in samples]
        files = [sample[1] for sample in samples]
        third = max(1, len(memory) // 3)
        growth = statistics.median(memory[-third:]) / statistics.median(memory[:third]) - 1
        print(f"\nsoak of {self.options.soak:.0f} s: {requests} requests, {failed} failed; "
              f"memory {min(memory) >> 10} to {max(memory) >> 10} KiB, {growth:+.1%} from the first third to the last; "
              f"{min(files)} to {max(files)} files")
        self.results["soak"] = {"requests": requests, "failed": failed, "memory": memory, "files": files}

    def swaps(self):
        """Versions are swapped and the binary is replaced under load."""
        swaps.swaps(self, free_port, Server)

    def batching(self):
        """Two models of real sizes with and without batches."""
        batching.batching(self)

    def run(self):
        models(self.folder)
        rows = [self.small, self.wide, self.grpc, self.isolation, self.steady, self.swaps, self.batching]
        rows += [self.soak] if self.options.soak else []
        for row in rows:
            if self.options.only in (None, row.__name__):
                with self.running:
                    row()
        (self.folder / "serve.json").write_text(json.dumps(self.results, indent=1))


async def crowd(port, idle, slow):
    """Connections that do nothing, after one request each, and some that send a byte of their headers at a time."""
    kept = []
    for _ in range(idle):
        kept.append(await asyncio.open_connection("127.0.0.1", port))
    print("open", flush=True)

    async def trickle():
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                for byte in b"POST /v2/models/small/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{":
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(2)
                writer.close()

    await asyncio.gather(*(trickle() for _ in range(slow)))


def main():
    if sys.argv[1:2] == ["crowd"]:
        asyncio.run(crowd(*map(int, sys.argv[2:])))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("modelctl", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("programs", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--soak", type=float, default=0)
    parser.add_argument("--requests", type=int, default=1_000_000, help="of the row `swaps`")
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--replacements", type=int, default=20)
    parser.add_argument("--only")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("skipped: there is no program wrk on this machine")
    options.folder.mkdir(parents=True, exist_ok=True)
    Bench(options).run()


if __name__ == "__main__":
    main()
