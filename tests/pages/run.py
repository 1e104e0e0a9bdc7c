r"""Runs how-to pages as they are written: every command in one shell, in an empty folder, and compares what it prints.

    python run.py MODELCTL FOLDER PAGE…

An indented block of a page is one of three things, by its first line:

    $ command          a transcript: commands, each followed by what it prints, on both streams. `…` stands for anything: in a
                       line, or as a line of its own for any lines. A command with nothing below it may print anything.
                       A command goes on after a \ and to the end of a quotation. One that ends in & runs in the background,
                       and what it shows is waited for.
    # name.ext         a file of that name, in the page's first folder
    anything else      is not run

Each page has a folder FOLDER/NAME. Its `venv` is kept from run to run, so that frameworks are installed once; everything
else is removed. A page's commands have the folder as their home, and their own registry and passphrase.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap
import time


def blocks(page):
    """The indented blocks of a page: (line number, text)."""
    found, lines, start = [], page.read_text().splitlines(), 0
    while start < len(lines):
        if not lines[start].startswith("    "):
            start += 1
            continue
        end = start
        while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
            end += 1
        found.append((start + 1, textwrap.dedent("\n".join(lines[start:end])).rstrip()))
        start = end
    return found


def commands(first, block):
    """(line number, command, the lines that it shows) of a transcript."""
    found, lines, at = [], block.splitlines(), 0
    while at < len(lines):
        line, command = at, [lines[at].removeprefix("$ ")]
        while command[-1].endswith("\\") or "\n".join(command).count("'") % 2:
            at += 1
            command.append(lines[at])
        at += 1
        shown = []
        while at < len(lines) and not lines[at].startswith("$ "):
            shown.append(lines[at])
            at += 1
        found.append((first + line, "\n".join(command), shown))
    return found


def pattern(shown):
    parts = []
    for line in shown:
        if line.strip() == "…":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(".*?".join(re.escape(part) for part in line.rstrip().split("…")) + r"[ \t]*\n")
    return re.compile("".join(parts))


class Failed(Exception):
    pass


class Shell:
    def __init__(self, folder, modelctl):
        home = {"HOME": str(folder), "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": "", "MODELCTL_REGISTRY": f"{folder}/registry"}
        cache = os.environ.get("PIP_CACHE_DIR", os.path.expanduser("~/.cache/pip"))
        environment = os.environ | home | {"PIP_CACHE_DIR": cache, "MODELCTL_PASSWORD": "pages", "PYTHONWARNINGS": "ignore"}
        environment = {name: value for name, value in environment.items() if value}
        environment["PATH"] = f"{modelctl.parent}:{environment['PATH']}"
        self.folder, self.outputs = folder, folder / ".outputs"
        self.outputs.mkdir()
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.count = 0

    def run(self, command, shown):
        self.count += 1
        output = self.outputs / str(self.count)
        self.process.stdin.write(f"{{ {command}\n}} >{output} 2>&1 </dev/null; echo $?\n")
        self.process.stdin.flush()
        code = self.process.stdout.readline().strip()
        if code != "0":
            raise Failed(f"exit code {code or 'of a shell that ended'}\n{output.read_text()}")
        if not shown:
            return
        wanted, deadline = pattern(shown), time.monotonic() + 60
        while not wanted.fullmatch(output.read_text()):
            if not command.endswith("&") or time.monotonic() > deadline:
                raise Failed("it printed\n" + textwrap.indent(output.read_text(), "    "))
            time.sleep(0.1)

    def end(self):
        # The servers that it left, then the shell itself.
        self.process.stdin.write("kill $(jobs -p) 2>/dev/null; wait; exit\n")
        self.process.stdin.close()
        self.process.wait(60)


def run(modelctl, folder, page):
    folder.mkdir(parents=True, exist_ok=True)
    for entry in folder.iterdir():
        if entry.name != "venv":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shell = Shell(folder, modelctl)
    try:
        for line, block in blocks(page):
            first = block.splitlines()[0]
            if named := re.fullmatch(r"# ([\w./-]+\.\w+)", first):
                (folder / named[1]).write_text(block + "\n")
            elif first.startswith("$ "):
                for at, command, shown in commands(line, block):
                    print(f"  $ {command}", flush=True)
                    try:
                        shell.run(command, shown)
                    except Failed as failure:
                        raise Failed(f"{page}:{at}: $ {command}\n{failure}") from None
    finally:
        shell.end()


def main():
    modelctl, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    failed = []
    for page in map(pathlib.Path, sys.argv[3:]):
        print(page, flush=True)
        try:
            run(modelctl, folder / page.stem, page)
        except Failed as failure:
            print(failure, file=sys.stderr)
            failed.append(str(page))
    if failed:
        sys.exit("not as written: " + ", ".join(failed))


main()
