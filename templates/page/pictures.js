// From pictures to numbers: which inputs are images, how a picture is resized to them, and a pad to draw on.

// How an input holds an image: its channels c, height h and width w (-1: any), and whether the channels come last.
// Nothing if it does not look like one.
function imageLayout(input) {
  if (!/INT|FP|BF/.test(input.datatype)) return null;
  const dims = input.shape, rank = dims.length, shape = rank == 4 ? dims.slice(1) : dims;
  const layout = (c, h, w, last) => ({c, h, w, last, batch: rank - 3});
  const channels = size => size == 1 || size == 3;
  const sides = (h, w) => (h >= 8 || rank == 4 && h < 0) && (w >= 8 || rank == 4 && w < 0);
  if (rank == 4 && dims[0] > 1) return null;
  if (rank == 3 || rank == 4) {
    if (channels(shape[0]) && sides(shape[1], shape[2])) return layout(shape[0], shape[1], shape[2], false);
    if (channels(shape[2]) && sides(shape[0], shape[1])) return layout(shape[2], shape[0], shape[1], true);
  }
  // Gray without a dimension for that: a square only, since a sequence of vectors has such a shape, too.
  const [h, w] = dims.slice(-2);
  return (rank == 2 || rank == 3 && dims[0] < 2) && h >= 8 && h == w ? {c: 1, h, w, last: true, flat: true, batch: rank - 2} : null;
}

// One direction of a resize by the triangle filter: with bilinear interpolation when it grows, and as wide as a new pixel
// when it shrinks, as Pillow's BILINEAR does. `from` has `count` lines, `step` apart, of `size` pixels, `stride` apart.
function resizeLines(from, count, step, size, stride, wanted) {
  const scale = size / wanted, reach = Math.max(1, scale), to = new Float32Array(count * wanted * 4);
  for (let i = 0; i < wanted; i++) {
    const center = (i + .5) * scale, first = Math.max(0, Math.round(center - reach)), last = Math.min(size, Math.round(center + reach));
    const weights = [];
    for (let at = first; at < last; at++) weights.push(Math.max(0, 1 - Math.abs(at + .5 - center) / reach));
    const total = weights.reduce((a, b) => a + b, 0);
    for (let line = 0; line < count; line++) {
      for (let channel = 0; channel < 4; channel++) {
        let sum = 0;
        for (let at = first; at < last; at++) sum += weights[at - first] * from[line * step + at * stride + channel];
        to[(i * count + line) * 4 + channel] = sum / total;
      }
    }
  }
  return to;  // transposed: line by line along the other direction
}

// RGBA values, 0 to 255, of a part of a picture, resized. What lies outside of the picture is black.
function resized(source, box, w, h) {
  const most = 4096, shrink = Math.min(1, most / Math.max(box.w, box.h));
  const canvas = el("canvas", {width: Math.max(1, Math.round(box.w * shrink)), height: Math.max(1, Math.round(box.h * shrink))});
  const context = canvas.getContext("2d");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, -box.x * shrink, -box.y * shrink, source.width * shrink, source.height * shrink);
  const {width, height} = canvas, pixels = context.getImageData(0, 0, width, height).data;
  return resizeLines(resizeLines(pixels, height, width * 4, width, 4, w), w, height * 4, height, 4, h);
}

// The part of a source of this size that is shown in w × h pixels.
function partOf(source, w, h, fit) {
  if (fit == "stretch") return {x: 0, y: 0, w: source.width, h: source.height};
  const scale = (fit == "crop" ? Math.min : Math.max)(source.width / w, source.height / h);
  return {x: (source.width - w * scale) / 2, y: (source.height - h * scale) / 2, w: w * scale, h: h * scale};
}

// Where the ink of a drawing is, as a square with the margin that data sets of digits have.
function inkOf(canvas, size) {
  const {width, height} = canvas, pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  let left = width, top = height, right = -1, bottom = -1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (pixels[(y * width + x) * 4] < 64) continue;
      left = Math.min(left, x), right = Math.max(right, x), top = Math.min(top, y), bottom = Math.max(bottom, y);
    }
  }
  if (right < 0) return {x: 0, y: 0, w: width, h: height};
  const ink = Math.max(right - left, bottom - top) + 1, side = size > 16 ? ink * size / (size - 2 * Math.round(size / 7)) : ink;
  return {x: (left + right + 1 - side) / 2, y: (top + bottom + 1 - side) / 2, w: side, h: side};
}

// A canvas to draw on with a pointer, or with the arrow keys while the pen, which Space lowers and lifts, is down.
function drawingPad(changed) {
  const size = 256, help = el("p", {id: "pad-help"}, "Draw with the pointer; or move with the arrow keys, lower and lift the pen with Space, and clear with Delete.");
  const canvas = el("canvas", {className: "pad", width: size, height: size, tabIndex: 0, role: "application", "aria-label": "Drawing pad, pen lifted", "aria-describedby": help.id});
  const context = canvas.getContext("2d", {willReadFrequently: true});
  let at = null, cursor = [size / 2, size / 2], down = false;
  const line = to => {
    context.strokeStyle = "#fff";
    context.lineWidth = size / 11;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...at);
    context.lineTo(...to);
    context.stroke();
    at = to;
  };
  const clear = () => {
    context.clearRect(0, 0, size, size);
    changed(false);
  };
  const place = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * size / box.width, (event.clientY - box.top) * size / box.height];
  };
  canvas.addEventListener("pointerdown", event => {
    canvas.setPointerCapture(event.pointerId);
    at = place(event);
    line(at);
  });
  canvas.addEventListener("pointermove", event => event.buttons && at && line(place(event)));
  canvas.addEventListener("pointerup", () => {
    at = null;
    changed(true);
  });
  canvas.addEventListener("keydown", event => {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (event.key == " ") {
      down = !down;
      at = cursor;
      if (down) line(cursor);
      else changed(true);
    } else if (event.key == "Delete") clear();
    else if (step) {
      cursor = cursor.map((value, i) => Math.min(size - 12, Math.max(12, value + 8 * step[i])));
      if (down) line(cursor);
    } else return;
    event.preventDefault();
    canvas.setAttribute("aria-label", `Drawing pad, pen ${down ? "down" : "lifted"} at ${Math.round(cursor[0] / size * 100)} % from the left and ${Math.round(cursor[1] / size * 100)} % from the top`);
  });
  return {canvas, node: el("div", {}, help, canvas, el("div", {className: "row"}, el("button", {type: "button", onclick: clear}, "Clear")))};
}
