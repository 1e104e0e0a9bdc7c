// The answer: for each output what its shape, values and name suggest, by the first of `outputKinds` that fits; and always
// its values. An output is {name, datatype, shape, data}; numbers beyond 2^53 are text.
const isText = output => output.datatype == "BYTES";
const isFloat = output => /^(FP|BF)/.test(output.datatype);
const rowsOf = (output, size) => Array.from({length: output.data.length / size}, (_, i) => output.data.slice(i * size, (i + 1) * size));
const squeezed = output => output.shape.filter((size, i) => size != 1 || i == 0);

// Bars of the highest of some scores; names are the classes', if they are known.
function bars(scores, names) {
  const values = scores.map(Number), most = Math.max(...values.map(Math.abs).filter(isFinite), 1e-30);
  const share = values.every(value => value >= -1e-6 && value <= 1.000001);
  const order = values.map((_, i) => i).sort((a, b) => values[b] - values[a]).slice(0, 10);
  return el("ol", {className: "bars"}, order.map(i => {
    const bar = el("i", {className: values[i] < 0 ? "below" : "", "aria-hidden": "true"});
    bar.style.width = 100 * Math.abs(values[i]) / (share ? 1 : most) + "%";
    return el("li", {}, el("span", {}, names?.[i] ?? String(i)), el("span", {}, bar), el("b", {}, share ? (100 * values[i]).toFixed(1) + " %" : short(values[i])));
  }));
}

// The classes' scores, row by row; nothing if it does not look like that.
function scoreRows(output, context) {
  const shape = squeezed(output), size = shape[shape.length - 1];
  if (!isFloat(output) || output.shape.length == 0 || size < 2 || size > 20000 || shape.length > 2) return null;
  if (output.shape.length == 1 && context.rows(output) < 0) return null;  // a value for each row
  const rows = rowsOf(output, size);
  if (rows.length > 16) return null;
  const shares = rows.every(row => row.every(value => value >= -1e-6) && Math.abs(row.reduce((a, b) => a + Number(b), 0) - 1) < .01);
  return shares || size <= 1000 && /scor|prob|logit|class|softmax|label|move/i.test(output.name) || size <= 1000 && context.outputs.length == 1 ? rows : null;
}

// The output of text that names the same places: the labels of the best classes.
const namesOf = (output, context) => context.outputs.find(other => isText(other) && other.shape.join() == output.shape.join());

// What is shown together with others is not shown a second time.
function besides(context) {
  return new Set(context.outputs.flatMap(output => {
    const boxes = boxesOf(output, context);
    return boxes ? [boxes.scores, boxes.classes] : scoreRows(output, context) ? [namesOf(output, context)] : [];
  }));
}

function boxesOf(output, context) {
  const shape = output.shape, count = output.data.length / 4;
  if (!context.picture || !isFloat(output) || shape[shape.length - 1] != 4 || shape.length > 3 || shape.length == 3 && shape[0] != 1) return null;
  const beside = context.outputs.filter(other => other != output && other.data.length && other.data.length % count == 0 && other.shape.includes(count));
  if (context.content(output) != "box" && !/box|rect|loc|coord|det/i.test(output.name) && !(count > 1 && beside.some(isFloat))) return null;
  const scores = beside.find(isFloat), size = scores ? scores.data.length / count : 0;
  const classes = beside.find(other => !isFloat(other) && other.data.length == count && !/index|batch|image/i.test(other.name));
  return {count, scores, size, classes};
}

const overlap = (a, b) => {
  const side = (i, k) => Math.max(0, Math.min(a[k], b[k]) - Math.max(a[i], b[i])), both = side(0, 2) * side(1, 3);
  return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both || 1);
};

function boxView(output, context) {
  const {count, scores, size, classes} = boxesOf(output, context), {source, part, size: [w, h]} = context.picture;
  // Known boxes are corners in the pixels of the image, and those that remained of all.
  const known = context.content(output) == "box";
  const all = rowsOf(output, 4).map(box => box.map(Number)), fraction = all.every(box => box.every(value => Math.abs(value) <= 2));
  const corners = all.filter(box => box[2] >= box[0] && box[3] >= box[1]).length > .9 * count;
  const form = select({corners: "left, top, right, bottom", swapped: "top, left, bottom, right", size: "left, top, width, height", center: "center, width, height"}, draw);
  form.value = known || corners ? "corners" : "center";
  const unit = select({fraction: "parts of the image", pixel: "pixels"}, draw);
  unit.value = !known && fraction && count ? "fraction" : "pixel";
  const least = el("input", {type: "number", min: 0, max: 1, step: .05, value: known ? 0 : .5, oninput: draw});
  const scoresOf = i => scores ? scores.data.slice(i * size, i * size + size).map(Number) : [1];
  const best = row => row.indexOf(Math.max(...row));
  const ground = el("input", {type: "checkbox", onchange: draw, checked: !known && size > 1 && count > 50 && all.filter((_, i) => best(scoresOf(i)) == 0).length > .8 * count});
  const zoom = Math.max(1, Math.min(8, Math.round(480 / w))), canvas = el("canvas", {width: w * zoom, height: h * zoom, role: "img"}), table = el("div", {className: "scroll", tabIndex: 0});
  function draw() {
    const found = [];
    all.forEach((box, i) => {
      const row = scoresOf(i), from = ground.checked ? 1 : 0, kind = best(row.slice(from)) + from;
      if (row[kind] < least.value) return;
      let [x, y, right, bottom] = form.value == "swapped" ? [box[1], box[0], box[3], box[2]] : box;
      if (form.value == "size") right += x, bottom += y;
      if (form.value == "center") [x, y, right, bottom] = [x - right / 2, y - bottom / 2, x + right / 2, y + bottom / 2];
      const scaled = unit.value == "fraction" ? [x * w, y * h, right * w, bottom * h] : [x, y, right, bottom];
      found.push({box: scaled, score: row[kind], name: classes ? String(classes.data[i]) : size > 1 ? String(kind) : ""});
    });
    found.sort((a, b) => b.score - a.score);
    const kept = [];
    for (const one of found.slice(0, 2000)) {
      if (kept.length < 100 && !kept.some(other => other.name == one.name && overlap(other.box, one.box) > .5)) kept.push(one);
    }
    const pen = canvas.getContext("2d"), scale = zoom * w / part.w;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(source, -part.x * scale, -part.y * zoom * h / part.h, source.width * scale, source.height * zoom * h / part.h);
    pen.lineWidth = 2;
    pen.font = "14px sans-serif";
    for (const {box, name, score} of kept) {
      const [x, y, right, bottom] = box.map(value => value * zoom), text = `${name} ${(100 * score).toFixed(0)} %`;
      pen.strokeStyle = pen.fillStyle = "#c2185b";
      pen.strokeRect(x, y, right - x, bottom - y);
      if (!scores) continue;
      pen.fillRect(x, Math.max(0, y - 18), pen.measureText(text).width + 6, 18);
      pen.fillStyle = "#fff";
      pen.fillText(text, x + 3, Math.max(13, y - 5));
    }
    canvas.setAttribute("aria-label", `The image with ${kept.length} boxes, which the table lists`);
    const line = (tag, texts) => el("tr", {}, texts.map(text => el(tag, {}, text)));
    table.replaceChildren(kept.length ? el("table", {}, el("thead", {}, line("th", ["Class", "Score", "Left", "Top", "Right", "Bottom"])),
        el("tbody", {}, kept.map(({name, score, box}) => line("td", [name, scores ? short(score) : "", ...box.map(value => value.toFixed(1))])))) : "No box has such a score.");
  }
  draw();
  return [canvas, el("div", {className: "row"}, scores && labeled("Least score", least), labeled("Boxes are", form), labeled("in", unit), size > 1 && labeled("Class 0 is the background", ground)), table];
}

// A color between dark violet and yellow.
function heat(value) {
  const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], at = Math.min(3.999, Math.max(0, value * 4)), i = Math.floor(at);
  return stops[i].map((from, k) => from + (stops[i + 1][k] - from) * (at - i));
}

function heatMap(output) {
  const [h, w] = output.shape.slice(-2), count = output.data.length / (w * h), canvas = el("canvas", {className: "pixels", width: w, height: h, role: "img"});
  const legend = el("figcaption"), slice = el("input", {type: "number", min: 1, max: count, value: 1, oninput: draw});
  canvas.style.width = Math.max(w, Math.min(448, w * 32)) + "px";
  function draw() {
    const at = Math.min(count, Math.max(1, Math.round(slice.value) || 1)) - 1, values = output.data.slice(at * w * h, (at + 1) * w * h).map(Number), good = values.filter(isFinite);
    const least = good.reduce((a, b) => Math.min(a, b), Infinity), most = good.reduce((a, b) => Math.max(a, b), -Infinity), picture = new ImageData(w, h);
    values.forEach((value, i) => picture.data.set(isFinite(value) ? [...heat((value - least) / (most - least || 1)), 255] : [128, 128, 128, 255], i * 4));
    canvas.getContext("2d").putImageData(picture, 0, 0);
    legend.textContent = `${h} × ${w}, from ${short(least)} (dark) to ${short(most)} (bright)`;
    canvas.setAttribute("aria-label", `Heat map of ${output.name}, ${legend.textContent}`);
  }
  draw();
  return [el("figure", {}, canvas, legend), count > 1 && el("div", {className: "row"}, labeled(`Slice of ${count}`, slice))];
}

// A single value, or a small table.
function few(output) {
  if (output.data.length == 1) return el("p", {className: "label"}, short(output.data[0]));
  const shape = squeezed(output), rows = rowsOf(output, shape.length > 1 || output.shape[0] == 1 ? shape[shape.length - 1] : 1);
  return el("div", {className: "scroll", tabIndex: 0}, el("table", {}, el("tbody", {}, rows.map(row => el("tr", {}, row.map(value => el("td", {}, short(value))))))));
}

function scoreView(output, context) {
  const names = namesOf(output, context);
  return scoreRows(output, context).map((row, i, rows) =>
    [rows.length > 1 && el("p", {}, "Row " + (i + 1)), bars(row, names?.data.slice(i * row.length, (i + 1) * row.length))]);
}

const outputKinds = [
  {fits: boxesOf, show: boxView},
  {fits: scoreRows, show: scoreView},
  {fits: output => output.data.length == 1 || output.data.length && output.data.length <= 64 && squeezed(output).length < 3, show: few},
  {fits: output => !isText(output) && output.shape.length > 1 && output.shape.slice(-2).every(size => size > 1 && size <= 2048) && output.data.length > 0, show: heatMap},
];

function showOutput(output, context) {
  const kind = !context.beside.has(output) && outputKinds.find(each => each.fits(output, context));
  const some = output.data.slice(0, 1000), text = some.map(value => isText(output) ? JSON.stringify(value) : String(value)).join(", ");
  return el("div", {}, el("h3", {}, output.name), kind && kind.show(output, context),
      el("details", {}, el("summary", {}, `Values: ${output.datatype}, ${shapeText(output.shape)}`), el("pre", {tabIndex: 0}, text + (output.data.length > 1000 ? ", …" : ""))));
}
