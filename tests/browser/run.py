r"""The page of `modelctl serve` in a headless browser, as people use it.

    python3 run.py MODELCTL TOOLS FOLDER [--screenshots DOCS]

`./dev browser-tools` makes TOOLS: a Python environment with Playwright, which drives Debian's Chromium, axe-core, which checks
accessibility, and what exports the models of models.py. FOLDER is for what the tests write. Without the tools, the tests are
skipped. The models are the example projects, packed and signed, and those of models.py, of which two versions and one whose texts
are hostile.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

here = pathlib.Path(__file__).resolve().parent
modelctl, tools, folder = (pathlib.Path(argument).absolute() for argument in sys.argv[1:4])
docs = pathlib.Path(sys.argv[5]).absolute() if sys.argv[4:5] == ["--screenshots"] else None
python = tools / "bin/python"


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(0)


if not python.exists():
    skip(f"there is no {python}; './dev browser-tools' makes it")
if pathlib.Path(sys.prefix).resolve() != tools.resolve():
    os.execv(python, [str(python), *sys.argv])
chromium = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
if chromium is None:
    skip("there is no Chromium on this machine; './dev browser-tools' installs it")

import numpy as np  # noqa: E402
from axe_playwright_python.sync_playwright import Axe  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402
from playwright.sync_api import expect, sync_playwright  # noqa: E402

# ---- What is served.

card = """# Hostile <script>window.hacked = 3</script>

<img src=x onerror="window.hacked = 4"> and [a link](javascript:window.hacked=5), [another](https://example.org/?a=<b>),
![picture](https://example.org/track.png) and **bold <iframe src="https://example.org">**.

| <b>a</b> | b |
|---|---|
| `<style>` | **two** |

""" + "[" * 20000 + "*" * 20000


def run(*command, cwd=folder):
    done = subprocess.run([modelctl, *map(str, command)], cwd=cwd, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr}")
    return done.stdout


class Server:
    """`modelctl serve` with these arguments, until close()."""

    def __init__(self, *arguments):
        command = [modelctl, "--output", "json", "serve", "--listen", "127.0.0.1:0", "--drain", "0", "--key", "me.pub", *map(str, arguments)]
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        self.log = []
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()
        events = {}
        while "ready" not in events:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(f"the server ended: {''.join(self.log)}")
            event = json.loads(line)
            events[event["event"]] = event
        self.url = events["listening"]["url"] + "/"

    def close(self):
        self.process.terminate()
        self.process.wait()


def prepare():
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "home").mkdir(parents=True)
    run("key", "generate", "--no-password", "-o", "me")
    examples = ["digits", "parts", "languages", "dishes", "commands", "four-in-a-row", "scans"]
    for name in examples:
        run("init", "--example", name, name)
        run("build", cwd=folder / name)
        run("pack", "--key", folder / "me.key", "-o", folder / f"{name}.tar", cwd=folder / name)
    subprocess.run([python, here / "models.py", folder], check=True)
    own = {"flowers-1": "flowers", "flowers-2": "flowers", "people-1": "people", "colors-1": "colors", "edges-1": "edges", "sizes-1": "sizes"}
    (folder / "card.md").write_text(card)
    for package, name in [*own.items(), ("hostile-1", "hostile")]:
        run("build", f"{name}.onnx", "-o", f"{name}.artifact")
        run("pack", f"{name}.artifact", "--name", name, "--version", package[-1] + ".0", "--key", "me.key", "-o", f"{package}.tar",
            *(["--document", "card.md", "--description", "</script><script>window.hacked=6</script>"] if name == "hostile" else []))
    return [f"{name}.tar" for name in [*examples, *own]]


environment = {**os.environ, "HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "home/cache"), "XDG_DATA_HOME": str(folder / "home/data")}

# ---- The tests: functions with a sentence for a name, which get a page of a browser.

tests = []


def test(sentence, **options):
    def add(function):
        tests.append((sentence, function, options))
        return function
    return add


def open_model(page, name, version="1.0"):
    page.goto(server.url + "#" + urllib.parse.quote(json.dumps([name, version], separators=(",", ":"))))
    page.reload()
    expect(page.locator("#about-title")).to_have_text(f"{name} {version}")


def answer(page, output=None):
    expect(page.locator("#status")).to_contain_text("Answered in")
    return page.locator("#answer") if output is None else page.locator("#answer > div", has=page.get_by_role("heading", name=output, exact=True))


def best(page, output):
    """The name in the first bar."""
    return answer(page, output).locator(".bars li").first.locator("span").first


def drop(page, path, kind="image/png"):
    content = list(path.read_bytes())
    transfer = page.evaluate_handle("""([content, name, type]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(content)], name, {type}));
      return transfer;
    }""", [content, path.name, kind])
    page.locator(".drop").dispatch_event("drop", {"dataTransfer": transfer})


def request(page):
    return json.loads(page.locator("#request").input_value())


def tab_to(page, locator):
    """Presses Tab until the element has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if locator.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("Tab does not reach it")


def accessible(page):
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    faults = Axe().run(page).response["violations"]
    assert not faults, [(fault["id"], [node["html"][:200] for node in fault["nodes"]]) for fault in faults]


@test("the page shows who a model is, and its card")
def _(page):
    open_model(page, "digits")
    facts = page.locator("#facts")
    expect(facts).to_contain_text("Apache-2.0")
    expect(facts).to_contain_text("accuracy")
    expect(facts).to_contain_text(re.compile("sha256:[0-9a-f]{64}"))
    signer = json.load(urllib.request.urlopen(server.url + "models/digits"))["signer"]
    assert signer
    expect(facts).to_contain_text(signer)
    expect(page.locator("#ports")).to_contain_text("any × 1 × 8 × 8")
    page.get_by_text("Model card").click()
    expect(page.locator("#card h3")).to_have_text("digits: reads a handwritten digit from an 8x8 image")
    expect(page.locator("#card table td").first).to_have_text("digits.onnx")


@test("an image that is dropped is predicted")
def _(page):
    digit = np.load(folder / "digits/samples/one.npy")[0, 0]
    Image.fromarray((digit * 255).round().astype(np.uint8)).save(folder / "seven.png")
    open_model(page, "digits")
    drop(page, folder / "seven.png")
    expect(best(page, "scores")).to_have_text("7")
    sent = np.array(request(page)["inputs"][0]["data"]).reshape(8, 8)
    assert np.abs(sent - digit).max() < .02, sent


@test("an image is sent as it is to a model that takes image files")
def _(page):
    open_model(page, "scans")
    drop(page, folder / "scans/samples/01.png")
    expect(best(page, "probability")).to_have_text("6")
    size = (folder / "scans/samples/01.png").stat().st_size
    assert request(page)["inputs"][0]["parameters"] == {"binary_data_size": size + 4}
    code = page.locator("#curl").inner_text().replace("\"01.png\"", str(folder / "scans/samples/01.png"))
    answer = json.loads(subprocess.run(code, shell=True, capture_output=True, text=True, check=True).stdout)
    assert "6" in json.dumps(answer), answer
    accessible(page)


@test("a file that is not an image is named")
def _(page):
    open_model(page, "digits")
    drop(page, folder / "card.md", "text/markdown")
    expect(page.get_by_text("card.md is not an image that this browser can read.")).to_be_visible()


@test("a digit that is drawn is read")
def _(page):
    open_model(page, "digits")
    pad = page.locator(".pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    points = [(60, 40), (160, 40), (90, 190)]
    page.mouse.move(box["x"] + points[0][0], box["y"] + points[0][1])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
    page.mouse.up()
    expect(best(page, "scores")).to_have_text("7")


@test("the keyboard alone draws a digit, and has it read")
def _(page):
    open_model(page, "digits")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the form")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, page.locator(".pad"))
    for key, count in [("ArrowUp", 10), ("Space", 1), ("ArrowDown", 20), ("Space", 1)]:
        for _ in range(count):
            page.keyboard.press(key)
    expect(best(page, "scores")).to_have_text("1")
    expect(page.locator(".pad")).to_have_attribute("aria-label", re.compile("pen lifted"))
    tab_to(page, page.locator("#predict"))
    page.keyboard.press("Enter")
    expect(best(page, "scores")).to_have_text("1")


@test("values of a NumPy file are sent as they are")
def _(page):
    open_model(page, "digits")
    page.get_by_text("Values from a file").click()
    page.set_input_files("input[accept='.npy,.wav,.json']", folder / "digits/samples/one.npy")
    expect(best(page, "scores")).to_have_text("7")
    assert np.allclose(request(page)["inputs"][0]["data"], np.load(folder / "digits/samples/one.npy").ravel())


@test("a table is filled by keyboard, and its row classified")
def _(page):
    open_model(page, "flowers")
    page.locator("#fields input").first.focus()
    for value in ["5.1", "3.5", "1.4", "0.2"]:
        page.keyboard.press("Control+a")
        page.keyboard.type(value)
        page.keyboard.press("Tab")
    page.locator("#fields input").first.focus()
    page.keyboard.press("Enter")
    expect(answer(page, "label")).to_contain_text("setosa")
    expect(best(page, "probabilities")).to_have_text("0")


@test("inputs of one column each are one table with their names")
def _(page):
    open_model(page, "people")
    expect(page.locator("#fields th")).to_have_text(["age", "income", "city"])
    page.get_by_role("button", name="Add a row").click()
    for name, values in {"age": ["25", "70"], "income": ["5.5", "2"], "city": ["Bern", "Oslo"]}.items():
        for i, value in enumerate(values):
            page.get_by_label(f"{name}, row {i + 1}").fill(value)
    page.click("#predict")
    expect(answer(page, "label").locator("td")).to_have_text(["yes", "no"])
    assert [given["shape"] for given in request(page)["inputs"]] == [[2, 1]] * 3


@test("rows are pasted from a spreadsheet")
def _(page):
    open_model(page, "flowers")
    page.evaluate("""() => {
      const data = new DataTransfer();
      data.setData("text", "5.1\\t3.5\\t1.4\\t0.2\\n6.3\\t3.3\\t6\\t2.5\\n");
      document.querySelector("#fields input").dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
    }""")
    page.click("#predict")
    expect(answer(page, "label").locator("td")).to_have_text(["setosa", "virginica"])


@test("a value that is not a number is named, and nothing is sent")
def _(page):
    open_model(page, "flowers")
    page.locator("#fields input").nth(1).fill("wide")
    page.click("#predict")
    expect(page.get_by_role("alert").filter(has_text="Cannot predict")).to_have_text("Cannot predict: measures, row 1, column 2: a number is wanted")
    page.locator("#fields input").nth(1).fill("3")
    page.click("#predict")
    answer(page)
    expect(page.locator("#error")).to_be_empty()


@test("what the server refuses is shown with its reason")
def _(page):
    open_model(page, "flowers")
    page.get_by_text("The request as JSON").click()
    page.locator("#request").fill('{"inputs": [{"name": "measures", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]}')
    page.click("#predict")
    expect(page.locator("#error")).to_contain_text("400")
    expect(page.locator("#error")).to_contain_text("measures")


@test("a request that is edited as JSON is sent as it is, until the form is used again")
def _(page):
    open_model(page, "flowers")
    page.get_by_text("The request as JSON").click()
    page.locator("#request").fill('{"inputs": [{"name": "measures", "shape": [1, 4], "datatype": "FP32", "data": [6.3, 3.3, 6, 2.5]}]}')
    page.click("#predict")
    expect(answer(page, "label")).to_contain_text("virginica")
    page.get_by_role("button", name="Take the values of the form again").click()
    assert request(page)["inputs"][0]["data"] == [0, 0, 0, 0]


@test("the shown programs get the answer that the page gets")
def _(page):
    open_model(page, "people")
    for name, value in {"age": "25", "income": "5.5", "city": "It's \"Rome\" \\"}.items():
        page.get_by_label(f"{name}, row 1").fill(value)
    page.click("#predict")
    shown = answer(page, "label").locator(".label").inner_text()
    curl = subprocess.run(["bash", "-c", page.locator("#curl").inner_text() + " --silent"], capture_output=True, text=True).stdout
    assert json.loads(curl)["outputs"][0]["data"] == [shown], curl
    program = subprocess.run([python, "-c", page.locator("#python").inner_text()], capture_output=True, text=True)
    assert f"[1] ['{shown}']" in program.stdout, (program.stdout, program.stderr)


@test("a long request is a file to save")
def _(page):
    open_model(page, "parts")
    drop(page, folder / "parts/samples/one.png")
    answer(page)
    with page.expect_download() as saved:
        page.click("#save")
    saved.value.save_as(folder / "request.json")
    done = subprocess.run(["bash", "-c", page.locator("#curl").inner_text() + " --silent"], capture_output=True, text=True, cwd=folder)
    assert json.loads(done.stdout)["model_name"] == "parts", done


@test("a button copies a program")
def _(page):
    open_model(page, "flowers")
    page.click("#predict")
    answer(page)
    page.get_by_role("button", name="Copy the curl command").click()
    expect(page.locator("[data-copy=curl]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#curl").inner_text()


@test("boxes are drawn on the image, and listed")
def _(page):
    open_model(page, "parts")
    drop(page, folder / "parts/samples/one.png")
    boxes = answer(page, "boxes")
    truth = np.load(folder / "parts/samples/counts.npy")[0]
    expect(boxes.locator("tbody tr")).to_have_count(round(truth.sum()))
    expect(boxes.get_by_role("img")).to_have_attribute("aria-label", re.compile(f"with {round(truth.sum())} boxes"))
    colored = boxes.locator("canvas").evaluate("""canvas => {
      const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      return pixels.filter((value, i) => i % 4 == 0 && value == 0xc2 && pixels[i + 1] == 0x18).length;
    }""")
    assert colored > 100, colored
    boxes.get_by_label("Least score").fill("1")
    expect(boxes).to_contain_text("No box has such a score.")


@test("a text is classified")
def _(page):
    open_model(page, "languages")
    page.get_by_label("text, row 1").fill("Wo ist der Bahnhof?")
    page.click("#predict")
    expect(answer(page, "language")).to_contain_text("de")


@test("two whole numbers recommend dishes")
def _(page):
    open_model(page, "dishes")
    page.get_by_label("guest, row 1").fill("7")
    page.get_by_label("dish, row 1").fill("42")
    page.click("#predict")
    expect(answer(page, "best").locator("td")).to_have_count(5)


@test("a board is a table of its rows")
def _(page):
    open_model(page, "four-in-a-row")
    expect(page.locator("#fields tr")).to_have_count(7)
    page.get_by_label("board, row 6, column 4").fill("1")
    page.click("#predict")
    expect(answer(page, "moves").locator(".bars li")).to_have_count(7)
    assert request(page)["inputs"][0]["shape"] == [1, 6, 7]


@test("a sound file is recognized")
def _(page):
    open_model(page, "commands")
    page.get_by_text("Values from a file").click()
    page.set_input_files("input[accept='.npy,.wav,.json']", folder / "commands/samples/one.wav")
    expect(answer(page, "word")).to_contain_text("yes")


@test("an image is resized as Pillow does, and becomes the numbers that are asked for")
def _(page):
    picture = Image.new("RGB", (90, 60), (250, 40, 20))
    ImageDraw.Draw(picture).ellipse((10, 10, 50, 50), fill=(20, 200, 90))
    picture.save(folder / "color.png")
    open_model(page, "colors")
    drop(page, folder / "color.png")
    expect(best(page, "probabilities")).to_have_text("0")
    expected = np.asarray(picture.resize((16, 16), Image.BILINEAR), np.float32) / 255
    sent = np.array(request(page)["inputs"][0]["data"]).reshape(3, 16, 16).transpose(1, 2, 0)
    assert np.abs(sent - expected).max() < 1.5 / 255, np.abs(sent - expected).max() * 255
    page.get_by_text("How it becomes numbers").click()
    page.get_by_label("Values:").select_option("imagenet")
    normal = (expected - [.485, .456, .406]) / [.229, .224, .225]
    sent = np.array(request(page)["inputs"][0]["data"]).reshape(3, 16, 16).transpose(1, 2, 0)
    assert np.abs(sent - normal).max() < 1.5 / 255 / .224
    page.get_by_label("Colors:").select_option("bgr")
    page.get_by_label("Values:").select_option("unit")
    sent = np.array(request(page)["inputs"][0]["data"]).reshape(3, 16, 16).transpose(1, 2, 0)
    assert np.abs(sent - expected[:, :, ::-1]).max() < 1.5 / 255
    page.get_by_label("(pixel ×").fill("fast")
    page.click("#predict")
    expect(page.locator("#error")).to_contain_text("the scale is not one number")


@test("an output of names labels the scores beside it")
def _(page):
    open_model(page, "sizes")
    for i, value in enumerate(["1", "2.5", "3"]):
        page.locator("#fields input").nth(i).fill(value)
    page.click("#predict")
    expect(answer(page, "probability").locator(".bars li > span:first-child")).to_have_text(["large", "<i>medium</i>"])


@test("an image of any size has the result as a heat map")
def _(page):
    open_model(page, "edges")
    drop(page, folder / "color.png")
    picture = answer(page, "edges").get_by_role("img")
    expect(picture).to_have_attribute("aria-label", re.compile("Heat map of edges, 60 × 90, from .* to .*"))
    page.get_by_text("How it becomes numbers").click()
    page.get_by_label("Width").fill("30")
    page.get_by_label("Width").blur()
    page.click("#predict")
    expect(picture).to_have_attribute("aria-label", re.compile("Heat map of edges, 60 × 30,"))


@test("another version is chosen, and asked")
def _(page):
    open_model(page, "flowers")
    expect(page.get_by_label("Model", exact=True).locator("option", has_text="flowers")).to_have_text(["flowers 1.0", "flowers 2.0 (stable)"])
    page.get_by_label("Model", exact=True).select_option(label="flowers 2.0 (stable)")
    expect(page.locator("#about-title")).to_have_text("flowers 2.0")
    with page.expect_request(re.compile("versions/2.0/infer")):
        page.click("#predict")
    answer(page)
    page.reload()
    expect(page.locator("#about-title")).to_have_text("flowers 2.0")


@test("charts show the requests of the last minutes, and errors")
def _(page):
    open_model(page, "people")
    charts = page.locator("#charts figcaption")
    expect(charts).to_have_count(4)
    page.get_by_text("The request as JSON").click()
    page.locator("#request").fill("{}")
    page.click("#predict")
    expect(page.locator("#error")).to_contain_text("400")
    page.get_by_role("button", name="Take the values of the form again").click()
    page.click("#predict")
    answer(page)
    for which in [0, 1, 2]:
        expect(charts.nth(which)).to_contain_text(re.compile("; at most [0-9.]+"), timeout=20000)
    expect(page.locator("#charts polyline").first).to_be_attached()


@test("no text of a package runs as code or loads anything", hostile=True)
def _(page):
    page.goto(server.url)
    expect(page.locator("#about-title")).to_have_text("<b onclick=\"x\">'&name 1.0")
    expect(page.locator("#description")).to_have_text("</script><script>window.hacked=6</script>")
    page.get_by_text("Model card").click()
    expect(page.locator("#card h3").first).to_have_text("Hostile <script>window.hacked = 3</script>")
    expect(page.locator("#card")).to_contain_text('<img src=x onerror="window.hacked = 4"> and [a link](javascript:window.hacked=5), another, picture')
    page.locator("#fields input").first.fill("2")
    page.click("#predict")
    expect(answer(page).locator("h3")).to_have_text("</script><script>window.hacked=2</script>")
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("[...document.querySelectorAll('a')].map(a => a.href).filter(a => !a.includes('#'))") == ["https://example.org/?a=%3Cb%3E"]
    assert page.locator("img, iframe, #card script, #card style").count() == 0
    curl = subprocess.run(["bash", "-c", page.locator("#curl").inner_text() + " --silent"], capture_output=True, text=True).stdout
    assert json.loads(curl)["outputs"][0]["data"] == [-2, 0], curl
    accessible(page)


for scheme in ["light", "dark"]:
    @test(f"no fault of accessibility is found, in {scheme} colors", color_scheme=scheme)
    def _(page, scheme=scheme):
        dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        for name, image in {"digits": "seven.png", "parts": "parts/samples/one.png", "people": None, "languages": None, "commands": None, "edges": "color.png"}.items():
            open_model(page, name)
            if image:
                drop(page, folder / image)
                answer(page)
            elif name != "commands":
                page.click("#predict")
                answer(page)
            accessible(page)
        color = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert dark == (scheme == "dark") and (int(re.search(r"\d+", color)[0]) < 64) == dark, color


@test("a narrow window needs no scrolling sideways", viewport={"width": 320, "height": 640})
def _(page):
    for name in ["digits", "people", "four-in-a-row"]:
        open_model(page, name)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320, (name, wide)


# ---- Running them.

def run_one(browser, sentence, function, options):
    options = dict(options)
    hostile = options.pop("hostile", False)
    global server
    server = servers[hostile]
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, "accept_downloads": True, **options})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(15000)
    faults = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("console", lambda line: line.type == "error" and "status of 400" not in line.text and faults.append(line.text))
    page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda sent: sent.url.startswith((server.url, "blob:", "data:")) or faults.append(f"asked for {sent.url}"))
    try:
        function(page)
        assert not faults, faults
        return True
    except Exception as fault:
        print(f"-- failed: {sentence}\n   {type(fault).__name__}: {fault}")
        page.screenshot(path=folder / (re.sub(r"\W+", "-", sentence) + ".png"), full_page=True)
        return False
    finally:
        context.close()


def screenshots(browser):
    """The pictures of the documentation, and only those."""
    def take(name, scheme, height, model, act):
        context = browser.new_context(viewport={"width": 1100, "height": height}, color_scheme=scheme)
        page = context.new_page()
        open_model(page, model)
        act(page)
        answer(page)
        page.mouse.move(0, 0)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=docs / name)
        picture = Image.open(docs / name).convert("RGB").quantize(24, dither=Image.Dither.NONE)
        picture.save(docs / name, optimize=True)
        context.close()

    def fill(page):
        for name, value in {"age": "25", "income": "5.5", "city": "Bern"}.items():
            page.get_by_label(f"{name}, row 1").fill(value)
        page.click("#predict")

    take("page-digits.png", "light", 1000, "digits", lambda page: drop(page, folder / "seven.png"))
    take("page-parts.png", "dark", 1330, "parts", lambda page: drop(page, folder / "parts/samples/one.png"))
    take("page-people.png", "light", 700, "people", fill)


def main():
    packages = prepare()
    global servers, server
    servers = [Server(*packages), Server("hostile-1.tar", "--name", "<b onclick=\"x\">'&name")]
    passed = 0
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
            passed = sum(run_one(browser, *one) for one in tests)
            if docs:
                server = servers[0]
                screenshots(browser)
            browser.close()
    finally:
        for each in servers:
            each.close()
    print(f"{passed} passed, {len(tests) - passed} failed")
    sys.exit(passed != len(tests))


main()
