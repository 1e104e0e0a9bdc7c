// The page: which model, its form, a prediction and its answer. All requests go to the server that the page is from, by
// relative addresses, so that a proxy may serve it below any path.
const utf8 = text => new TextEncoder().encode(text).length;
const base = new URL(".", location.href).href;
let model = null;     // {name, version, inputs, outputs}
let fields = [];      // {inputs, field}
let request = "";     // its JSON
let binary = [];      // what follows it: the bytes of inputs that JSON has no form for
let uploads = [];     // of those, {name, file}
let own = false;      // the user has changed it
let sending = null;   // the AbortController of the prediction under way
let token = sessionStorage.getItem("token") || "";  // what the server asks for, if it does

async function get(path, options = {}) {
  const headers = {...options.headers, ...(token && {Authorization: `Bearer ${token}`})};
  const response = await fetch(path, {...options, headers}), text = await response.text();
  if (response.ok) return text;
  let reason = text;
  try {
    reason = JSON.parse(text).error;
  } catch {}
  const fault = new Error(`${response.status}: ${reason || response.statusText}`);
  fault.status = response.status;
  throw fault;
}

const pathOf = (name, version) => `${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}`;
const inferUrl = () => `${base}v2/models/${pathOf(model.name, model.version)}/infer`;
const predictUrl = () => `${base}models/${pathOf(model.name, model.version)}/predict`;

// JSON whose integers keep their digits, as text if a number cannot hold them (where the browser hands out the source).
function parseExactly(text) {
  return JSON.parse(text, (key, value, context) => typeof value == "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source || "") ? context.source : value);
}

// An element of the type BYTES: its length, 4 bytes, least significant first, and the bytes.
function bytesElement(bytes) {
  const length = new DataView(new ArrayBuffer(4));
  length.setUint32(0, bytes.length, true);
  return new Blob([length, bytes]);
}

function compose() {
  binary = [];
  uploads = [];
  const parts = fields.flatMap(({inputs, field, file}) => inputs.map(input => {
    const tensor = file || field.tensor(input), head = `{"name": ${JSON.stringify(input.name)}, "shape": [${tensor.shape.join(", ")}], "datatype": "${input.datatype}"`;
    if (!tensor.bytes) return `${head}, "data": ${tensor.data}}`;
    const element = bytesElement(tensor.bytes);
    binary.push(element);
    uploads.push({name: input.name, file: tensor.file});
    return `${head}, "parameters": {"binary_data_size": ${element.size}}}`;
  }));
  return `{"inputs": [${parts.join(", ")}]}`;
}

// After each change of the form.
function refresh() {
  if (own) return;
  try {
    request = compose();
    $("error").textContent = "";
  } catch (fault) {
    if (!(fault instanceof Wrong)) throw fault;
    request = "";
  }
  showRequest();
}

function showRequest() {
  const long = request.length > 50000, area = $("request");
  if (!own) area.value = long ? `${request.length} characters: too long to be shown` : request;
  area.readOnly = long && !own;
  $("reset").hidden = !own;
  const inside = request.length <= 4000, url = inferUrl(), quote = text => `'${text.replaceAll("'", "'\\''")}'`;
  const bearer = token ? '-H "Authorization: Bearer $TOKEN" ' : "";
  $("code-file").hidden = inside || uploads.length;
  $("curl").textContent = uploads.length ? uploadByCurl(quote, bearer)
      : `curl ${quote(url)} -H 'Content-Type: application/json' ${bearer}${inside ? "-d " + quote(request || "…") : "--data-binary @request.json"}`;
  const literal = /['\\\n\r]/.test(request) ? JSON.stringify(request) : `'${request || "…"}'`;
  $("python").textContent = uploads.length ? uploadByPython() : ["import json", ...(token ? ["import os"] : []), "import urllib.request", "",
    `body = ${inside ? literal : 'open("request.json", encoding="utf-8").read()'}`,
    `request = urllib.request.Request(${JSON.stringify(url)}, body.encode(), {"Content-Type": "application/json"${token ? ', "Authorization": "Bearer " + os.environ["TOKEN"]' : ""}})`,
    'for output in json.load(urllib.request.urlopen(request))["outputs"]:',
    '    print(output["name"], output["shape"], output["data"])'].join("\n");
}

const nested = (data, [size, ...rest]) => rest.length ? Array.from({length: size}, (_, i) => nested(data.slice(i * product(rest), (i + 1) * product(rest)), rest)) : data;
// The values of the other inputs, by name.
const others = () => JSON.parse(request).inputs.filter(input => input.data).map(({name, shape, data}) => [name, JSON.stringify(nested(data.flat(Infinity), shape))]);

function uploadByCurl(quote, bearer) {
  const files = uploads.map(({name, file}) => `-F ${quote(`${name}=@"${file}"`)}`);
  return ["curl", quote(predictUrl()), ...(bearer ? [bearer.trim()] : []), ...files, ...others().map(([name, data]) => `-F ${quote(`${name}=${data}`)}`)].join(" ");
}

function uploadByPython() {
  const files = uploads.map(({name, file}) => `${JSON.stringify(name)}: open(${JSON.stringify(file)}, "rb")`);
  const data = others().map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  const more = (data.length ? `, data={${data.join(", ")}}` : "") + (token ? ', headers={"Authorization": "Bearer " + os.environ["TOKEN"]}' : "");
  return [...(token ? ["import os"] : []), "import requests", "", `response = requests.post(${JSON.stringify(predictUrl())}, files={${files.join(", ")}}${more})`,
          'print(response.json()["prediction"])'].join("\n");
}

async function predict() {
  $("error").textContent = "";
  try {
    if (!own) request = compose();
    showRequest();
    sending?.abort();
    sending = new AbortController();
    $("status").textContent = "Waiting for the answer…";
    const from = performance.now();
    const headers = binary.length ? {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": utf8(request)} : {"Content-Type": "application/json"};
    const text = await get(inferUrl(), {method: "POST", headers, body: new Blob([request, ...binary]), signal: sending.signal});
    const took = performance.now() - from;
    const answer = parseExactly(text), outputs = answer.outputs.map(output => ({...output, data: [output.data].flat(Infinity).map(value => value ?? NaN)}));
    $("status").textContent = `Answered in ${took.toFixed(1)} ms, measured here.`;
    const picture = fields.map(({field, file}) => !file && !own && field.picture?.()).find(Boolean);
    const content = output => model.outputs.find(port => port.name == output.name)?.parameters?.content;
    const context = {outputs, picture, content, rows: output => model.outputs.find(port => port.name == output.name)?.shape[0]};
    context.beside = besides(context);
    $("answer").replaceChildren(...outputs.map(output => showOutput(output, context)));
  } catch (fault) {
    if (fault.name == "AbortError") return;
    $("status").textContent = "";
    $("error").textContent = `Cannot predict: ${fault.message}`;
  }
}

// What a field needs beside its own elements: a file with its values.
function fieldset(inputs, field, entry) {
  const problem = el("p", {role: "alert"}), state = el("span");
  const file = el("input", {type: "file", accept: ".npy,.wav,.json"});
  file.addEventListener("change", async () => {
    problem.textContent = "";
    if (!file.files[0]) return;
    try {
      const {values, shape} = await readValues(file.files[0], inputs[0]);
      const text = value => typeof value == "number" && !isFinite(value) || inputs[0].datatype == "BYTES" ? JSON.stringify(String(value)) : String(value);
      entry.file = field.load?.(values) ? null : {shape, data: "[" + values.map(text).join(",") + "]"};
      state.textContent = entry.file ? `${file.files[0].name} is sent: ${shapeText(shape)}` : "";
      changed(entry, true);
    } catch (fault) {
      problem.textContent = fault.message;
    }
  });
  const title = inputs.length == 1 ? `${inputs[0].name}: ${inputs[0].datatype}, ${shapeText(inputs[0].shape)}` : "A row for each prediction";
  entry.clear = () => {
    entry.file = null;
    state.textContent = file.value = "";
  };
  return el("fieldset", {}, el("legend", {}, title), field.nodes,
      inputs.length == 1 && el("details", {}, el("summary", {}, "Values from a file"), el("div", {className: "row"}, labeled(".npy, .wav or .json", file), state), problem));
}

// `complete`: the user gave a whole value at once, as an image, and wants its answer if the model takes nothing else.
function changed(entry, complete) {
  own = false;
  refresh();
  if (complete && fields.length == 1 && request) predict();
}

function buildForm() {
  const single = input => tableLayout(input)?.columns == 1 && tableLayout(input).rows == 0;
  const together = model.inputs.filter(single), groups = [];
  for (const input of model.inputs) {
    if (together.length > 1 && single(input)) {
      if (input == together[0]) groups.push(together);
    } else groups.push([input]);
  }
  fields = groups.map(inputs => {
    const entry = {inputs, file: null};
    const notify = complete => {
      entry.clear();
      changed(entry, complete);
    };
    entry.field = inputs.length > 1 ? tableField(inputs, notify) : fieldKinds.find(kind => kind.fits(inputs[0])).make(inputs[0], notify);
    return entry;
  });
  $("fields").replaceChildren(...fields.map(entry => fieldset(entry.inputs, entry.field, entry)));
  own = false;
  refresh();
  $("error").textContent = "";
}

async function show(name, version) {
  const [meta, identity] = await Promise.all([get("v2/models/" + pathOf(name, version)), get("models/" + pathOf(name, version))].map(wait => wait.then(JSON.parse)));
  model = {...meta, version};
  document.title = `${name} ${version} – modelctl`;
  $("about-title").textContent = `${name} ${version}`;
  $("description").textContent = identity.description || "";
  // A list, so that a metric cannot take the place of the signer.
  const facts = [["Package", identity.package], ["Signed by", identity.signer || "nobody"], ["Digest", identity.digest], ["License", identity.license],
                 ...Object.entries(identity.quality).map(([metric, value]) => [metric, short(value)])];
  $("facts").replaceChildren(...facts.filter(([, value]) => value).flatMap(([key, value]) => [el("dt", {}, key), el("dd", {}, value)]));
  const row = direction => port => el("tr", {}, el("th", {scope: "row"}, port.name), [direction, port.datatype, shapeText(port.shape), port.parameters?.description || ""].map(text => el("td", {}, text)));
  $("ports").replaceChildren(...meta.inputs.map(row("input")), ...meta.outputs.map(row("output")));
  $("card-box").hidden = !identity.card;
  $("card").replaceChildren(...markdown(identity.card || ""));
  $("answer").replaceChildren(el("p", {}, "Nothing was predicted yet."));
  $("status").textContent = "";
  buildForm();
  $("content").hidden = false;
  $("notice").textContent = "";
}

// The versions that the server has. Asks again until one is ready.
async function start() {
  try {
    const all = JSON.parse(await get("v2/repository/index", {method: "POST"})), ready = all.filter(one => one.state == "READY");
    $("model").replaceChildren(...all.map(one => el("option", {value: JSON.stringify([one.name, one.version || ""]), disabled: one.state != "READY"},
        `${one.name} ${one.version || ""}${one.labels?.length ? ` (${one.labels.join(", ")})` : ""}${one.state == "READY" ? "" : ` – ${one.state} ${one.reason || ""}`}`)));
    if (!ready.length) throw new Error("no model is ready yet");
    const wanted = ready.find(one => JSON.stringify([one.name, one.version]) == decodeURIComponent(location.hash.slice(1)))
        || ready.find(one => one.labels?.includes("stable")) || ready[0];
    $("model").value = JSON.stringify([wanted.name, wanted.version]);
    await choose();
    $("token-form").hidden = true;
    const chart = makeCharts();
    const update = () => chart(model.name, model.version).catch(fault => $("charts-title").textContent = `The last minutes: the metrics cannot be read (${fault.message})`);
    update();
    setInterval(update, period);
  } catch (fault) {
    $("token-form").hidden = fault.status != 401 && fault.status != 403;
    $("notice").textContent = `${$("token-form").hidden ? "The page waits for the server" : "The server asks for a token"}: ${fault.message}`;
    if ($("token-form").hidden) setTimeout(start, period);
    else $("token").focus();
  }
}

async function choose() {
  const [name, version] = JSON.parse($("model").value);
  history.replaceState(null, "", "#" + encodeURIComponent(JSON.stringify([name, version])));
  await show(name, version);
}

$("model").addEventListener("change", () => choose().catch(fault => $("notice").textContent = fault.message));
$("form").addEventListener("submit", event => {
  event.preventDefault();
  predict();
});
$("token-form").addEventListener("submit", event => {
  event.preventDefault();
  token = $("token").value.trim();
  sessionStorage.setItem("token", token);
  start();
});
$("request").addEventListener("input", () => {
  own = true;
  request = $("request").value;
  showRequest();
});
$("reset").addEventListener("click", () => {
  own = false;
  refresh();
});
$("save").addEventListener("click", () => {
  const url = URL.createObjectURL(new Blob([request], {type: "application/json"}));
  el("a", {href: url, download: "request.json"}).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
});
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => {
    // navigator.clipboard is there over HTTPS and on this machine only.
    getSelection().selectAllChildren($(button.dataset.copy));
    const copied = document.execCommand("copy");
    button.textContent = copied ? "Copied" : "Selected";
    setTimeout(() => button.textContent = "Copy", period);
  });
}
start();
