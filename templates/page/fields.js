// The form: for each input of the model a field, by the first of `fieldKinds` that fits. A field has its elements, and
// returns the tensor as {shape, data}, where data is JSON text: what a user typed is sent with all its digits.
class Wrong extends Error {}

const whole = input => /INT/.test(input.datatype);

// Where a file is dropped or chosen.
function dropZone(open) {
  const file = el("input", {type: "file", accept: "image/*", onchange: () => open(file.files[0])});
  const drop = el("label", {className: "drop"}, "Drop an image here, or choose a file: ", file);
  drop.addEventListener("dragover", event => {
    event.preventDefault();
    drop.classList.add("over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", event => {
    event.preventDefault();
    drop.classList.remove("over");
    open(event.dataTransfer.files[0]);
  });
  return drop;
}

// An image file that is sent as it is: the model decodes it.
function imageFileField(input, changed) {
  const state = {file: null, bytes: null, source: null};
  const preview = el("canvas", {className: "pixels", hidden: true, role: "img", "aria-label": "The image that is sent"});
  const told = el("p", {}, input.parameters.description);
  async function open(file) {
    if (!file) return;
    state.file = file;
    state.bytes = new Uint8Array(await file.arrayBuffer());
    // A browser knows fewer formats than the server: without a preview, the file is sent all the same.
    state.source = await createImageBitmap(file).catch(() => null);
    preview.hidden = !state.source;
    if (state.source) {
      const {width, height} = state.source, scale = Math.min(1, 320 / Math.max(width, height));
      preview.width = Math.max(1, Math.round(width * scale)), preview.height = Math.max(1, Math.round(height * scale));
      preview.getContext("2d").drawImage(state.source, 0, 0, preview.width, preview.height);
    } else told.textContent = `${file.name} is sent without a preview: this browser cannot show it.`;
    changed(true);
  }
  return {
    nodes: [dropZone(open), told, preview],
    picture() {
      if (!state.source) return null;
      const {width: w, height: h} = state.source;
      return {source: state.source, part: {x: 0, y: 0, w, h}, size: [w, h]};
    },
    tensor() {
      if (!state.bytes) throw new Wrong(`${input.name}: there is no image yet`);
      return {shape: input.shape.map(() => 1), file: state.file.name, bytes: state.bytes};
    },
  };
}

function imageField(input, changed) {
  const layout = imageLayout(input), {c, last} = layout;
  const state = {source: null, drawn: false};
  const numbers = (text, standard) => el("input", {value: text, size: 22, onchange: show, title: `One number, or one for each channel; ${standard} changes nothing`});
  const fit = select({stretch: "stretch", crop: "crop the middle", pad: "keep all of it"}, show);
  const range = select({unit: "0 to 1", byte: "0 to 255", signed: "−1 to 1", imagenet: "ImageNet’s mean and deviation", own: "as given below"}, preset);
  const scale = numbers("1/255", 1), mean = numbers("0", 0), deviation = numbers("1", 1);
  const order = select({rgb: "red, green, blue", bgr: "blue, green, red"}, show);
  const invert = el("input", {type: "checkbox", onchange: show}), center = el("input", {type: "checkbox", checked: true, onchange: show});
  const wide = layout.w < 0 ? el("input", {type: "number", min: 1, max: 4096, onchange: show}) : null;
  const high = layout.h < 0 ? el("input", {type: "number", min: 1, max: 4096, onchange: show}) : null;
  const preview = el("canvas", {className: "pixels", hidden: true, role: "img", "aria-label": "The image as the model gets it"});
  const problem = el("p", {role: "alert"});
  const small = c == 1 && layout.w > 0 && layout.w <= 32 && layout.h > 0 && layout.h <= 32;
  const pad = small ? drawingPad(inked => {
    state.source = inked ? pad.canvas : null;
    state.drawn = inked;
    show();
    if (inked) changed(true);
  }) : null;

  function preset() {
    const values = {unit: ["1/255", "0", "1"], byte: ["1", "0", "1"], signed: ["1/255", "0.5", "0.5"], imagenet: ["1/255", "0.485, 0.456, 0.406", "0.229, 0.224, 0.225"]}[range.value];
    if (values) [scale.value, mean.value, deviation.value] = values;
    show();
  }
  // "0.5", "1/255" or "0.485, 0.456, 0.406"
  function channels(field, name) {
    const values = field.value.split(",").map(text => {
      const [top, bottom] = text.split("/").map(Number);
      return bottom === undefined ? top : top / bottom;
    });
    if (values.length > 1 && values.length < c || !values.every(isFinite)) throw new Wrong(`${input.name}: the ${name} is not one number, or one for each channel`);
    return i => values[values.length > 1 ? i : 0];
  }
  const size = () => {
    const side = (fixed, field, of) => fixed > 0 ? fixed : Math.min(4096, Math.max(1, Math.round(+field.value) || of));
    return [side(layout.w, wide, state.source?.width || 64), side(layout.h, high, state.source?.height || 64)];
  };
  const part = () => {
    const [w, h] = size();
    return state.drawn && center.checked ? inkOf(state.source, Math.min(w, h)) : partOf(state.source, w, h, fit.value);
  };
  async function open(blob) {
    problem.textContent = "";
    if (!blob) return;
    try {
      state.source = await createImageBitmap(blob);
    } catch {
      problem.textContent = `${blob.name || "The file"} is not an image that this browser can read.`;
      return;
    }
    state.drawn = false;
    if (wide && !wide.value) wide.value = state.source.width;
    if (high && !high.value) high.value = state.source.height;
    show();
    changed(true);
  }
  // Values from 0 to 255, pixel by pixel.
  function pixels() {
    const [w, h] = size(), all = resized(state.source, part(), w, h), gray = c == 1;
    const values = new Float32Array(w * h * c);
    for (let i = 0; i < w * h; i++) {
      const [r, g, b] = all.subarray(i * 4, i * 4 + 3);
      const color = gray ? [.299 * r + .587 * g + .114 * b] : order.value == "bgr" ? [b, g, r] : [r, g, b];
      for (let k = 0; k < c; k++) values[i * c + k] = invert.checked ? 255 - color[k] : color[k];
    }
    return values;
  }
  function show() {
    preview.hidden = !state.source;
    if (state.source) {
      const [w, h] = size(), values = pixels(), picture = new ImageData(w, h);
      for (let i = 0; i < w * h; i++) {
        for (let k = 0; k < 3; k++) picture.data[i * 4 + k] = values[i * c + (c == 1 ? 0 : order.value == "bgr" ? 2 - k : k)];
        picture.data[i * 4 + 3] = 255;
      }
      preview.width = w, preview.height = h;
      preview.style.width = Math.max(w, Math.min(160, w * 8)) + "px";
      preview.getContext("2d").putImageData(picture, 0, 0);
    }
    changed();
  }
  range.value = /^U?INT/.test(input.datatype) ? "byte" : "unit";
  if (range.value == "byte") scale.value = "1";
  return {
    nodes: [pad && pad.node, dropZone(open), problem, preview, el("details", {}, el("summary", {}, "How it becomes numbers"),
        el("div", {className: "row"}, labeled("Size:", fit), wide && labeled("Width", wide), high && labeled("Height", high), labeled("Values:", range), c > 1 && labeled("Colors:", order)),
        el("div", {className: "row"}, labeled("(pixel ×", scale), labeled("−", mean), labeled(") ÷", deviation)),
        el("div", {className: "row"}, labeled("Invert: dark becomes light", invert), pad && labeled("Center and scale a drawing", center)))],
    // Where boxes in the image's coordinates are drawn.
    picture: () => state.source && {source: state.source, part: part(), size: size()},
    tensor() {
      if (!state.source) throw new Wrong(`${input.name}: there is no image yet`);
      const [w, h] = size(), values = pixels(), data = new Array(values.length);
      const by = channels(scale, "scale"), less = channels(mean, "mean"), over = channels(deviation, "deviation");
      const bounds = {UINT8: [0, 255], INT8: [-128, 127], UINT16: [0, 65535]}[input.datatype] || [-32768, 32767];
      for (let i = 0; i < w * h; i++) {
        for (let k = 0; k < c; k++) {
          const value = (values[i * c + k] * by(k) - less(k)) / over(k);
          data[last ? i * c + k : k * w * h + i] = whole(input) ? Math.min(bounds[1], Math.max(bounds[0], Math.round(value))) : +value.toPrecision(7);
        }
      }
      const dims = layout.flat ? [h, w] : last ? [h, w, c] : [c, h, w];
      return {shape: [...Array(layout.batch).fill(1), ...dims], data: "[" + data.join(",") + "]"};
    },
  };
}

// How an input is shown as a table: its number of columns, and how many rows (0: as many as the user wants).
function tableLayout(input) {
  const dims = input.shape, rank = dims.length, columns = rank < 2 ? Math.max(1, rank && dims[0]) : dims[rank - 1];
  if (rank == 0) return {columns: 1, rows: 1};
  if (rank == 1) return dims[0] < 0 ? {columns: 1, rows: 0} : dims[0] <= 64 && dims[0] > 0 ? {columns, rows: 1} : null;
  if (columns < 1 || columns > 64) return null;
  if (rank == 2 && dims[0] < 0) return {columns, rows: 0};
  const rows = product(dims.slice(0, -1).map(Math.abs));
  return dims.slice(1).every(size => size > 0) && rows > 0 && rows * columns <= 512 ? {columns, rows} : null;
}

// The JSON text of a cell.
function cellText(input, text, place) {
  text = text.trim();
  if (input.datatype == "BYTES") return JSON.stringify(text);
  if (input.datatype == "BOOL") {
    if (!/^(true|false|0|1)$/i.test(text)) throw new Wrong(`${place}: true or false is wanted`);
    return String(/^(true|1)$/i.test(text));
  }
  if (/^-?(NaN|Infinity)$/.test(text) && !whole(input)) return JSON.stringify(text);
  if (whole(input) ? !/^-?\d+$/.test(text) : !/^-?\d+(\.\d+)?(e[-+]?\d+)?$/i.test(text)) throw new Wrong(`${place}: a ${whole(input) ? "whole " : ""}number is wanted`);
  return text.replace(/^(-?)0+(?=\d)/, "$1");
}

// A table for one input, or for several of one column each, which share the rows.
function tableField(inputs, changed) {
  const layouts = inputs.map(tableLayout), columns = [];
  inputs.forEach((input, i) => {
    for (let k = 0; k < layouts[i].columns; k++) columns.push({input, title: layouts[i].columns == 1 ? input.name : String(k + 1)});
  });
  const fixed = layouts[0].rows, body = el("tbody"), cells = () => [...body.rows].map(row => [...row.querySelectorAll("input")]);
  const rename = () => cells().forEach((row, i) => row.forEach((cell, k) => cell.setAttribute("aria-label", `${columns[k].input.name}, row ${i + 1}, column ${columns[k].title}`)));
  const add = () => {
    body.append(el("tr", {}, columns.map(({input}) => {
      const text = input.datatype == "BYTES", cell = el("input", {value: text ? "" : input.datatype == "BOOL" ? "false" : "0", inputMode: text ? "text" : "decimal", oninput: () => changed(), onpaste: paste});
      if (text) cell.dataset.text = "";
      return el("td", {}, cell);
    })));
    rename();
  };
  // A block of cells from a spreadsheet or a CSV file.
  function paste(event) {
    const rows = event.clipboardData.getData("text").trim().split(/\r?\n/).map(line => line.split(line.includes("\t") ? "\t" : ","));
    if (rows.length == 1 && rows[0].length == 1 || columns.length == 1 && inputs[0].datatype == "BYTES") return;
    event.preventDefault();
    const all = cells(), top = all.findIndex(row => row.includes(event.target)), left = all[top].indexOf(event.target);
    rows.slice(0, 1000).forEach((row, i) => {
      if (!fixed && !cells()[top + i]) add();
      row.forEach((value, k) => {
        const cell = cells()[top + i]?.[left + k];
        if (cell) cell.value = value.trim();
      });
    });
    changed();
  }
  const remove = () => {
    if (body.rows.length > 1) body.lastChild.remove();
    changed();
  };
  for (let i = 0; i < (fixed || 1); i++) add();
  const one = inputs.length == 1;
  const head = el("tr", {}, columns.map(({title}) => el("th", {scope: "col"}, title)));
  const button = (text, onclick) => el("button", {type: "button", onclick}, text);
  return {
    nodes: [el("div", {className: "scroll"}, el("table", {}, columns.length > 1 && el("thead", {}, head), body)),
            !fixed && el("div", {className: "row"}, button("Add a row", () => (add(), changed())), button("Remove the last row", remove))],
    tensor(input) {
      const from = columns.findIndex(column => column.input == input), count = layouts[inputs.indexOf(input)].columns;
      const data = cells().flatMap((row, i) => row.slice(from, from + count).map((cell, k) =>
        cellText(input, cell.value, `${input.name}, row ${i + 1}${one && columns.length > 1 ? ", column " + (k + 1) : ""}`)));
      return {shape: input.shape.map((size, i) => size >= 0 ? size : i || fixed ? 1 : body.rows.length), data: "[" + data.join(",") + "]"};
    },
    load(values) {
      if (inputs.length > 1 || fixed && values.length != fixed * columns.length || values.length % columns.length || values.length > 64000) return false;
      if (!fixed) body.replaceChildren();
      while (body.rows.length < values.length / columns.length) add();
      cells().flat().forEach((cell, i) => cell.value = values[i]);
      return true;
    },
  };
}

// Any other input: its values as nested lists, which also have the shape.
function jsonField(input, changed) {
  const zero = input.datatype == "BYTES" ? '""' : input.datatype == "BOOL" ? "false" : "0", dims = input.shape.map(Math.abs);
  const nested = at => at == dims.length ? zero : "[" + Array(dims[at]).fill(nested(at + 1)).join(", ") + "]";
  const area = el("textarea", {rows: 6, spellcheck: false, value: product(dims) <= 20000 ? nested(0) : "[]", oninput: () => changed()});
  return {
    nodes: [labeled("Values as nested lists", area)],
    tensor() {
      let value;
      try {
        value = JSON.parse(area.value);
      } catch (fault) {
        throw new Wrong(`${input.name}: this is not JSON: ${fault.message}`);
      }
      const shape = [];
      for (; Array.isArray(value); value = value[0]) shape.push(value.length);
      return {shape, data: area.value};
    },
  };
}

const fieldKinds = [
  {fits: input => input.parameters?.content == "image", make: imageFileField},
  {fits: input => imageLayout(input), make: imageField},
  {fits: input => tableLayout(input), make: (input, changed) => tableField([input], changed)},
  {fits: () => true, make: jsonField},
];
