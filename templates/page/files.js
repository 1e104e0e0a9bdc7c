// Files as the values of an input: NumPy's .npy, sound (.wav) and JSON. Values are numbers or, of 64 bits, decimal text.
const npyTypes = {f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array, i8: BigInt64Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, u8: BigUint64Array, b1: Uint8Array};

function readNpy(bytes) {
  const view = new DataView(bytes), long = view.getUint8(6) > 1, from = long ? 12 : 10;
  const length = long ? view.getUint32(8, true) : view.getUint16(8, true);
  const head = new TextDecoder().decode(bytes.slice(from, from + length));
  const type = head.match(/'descr': *'[<|]([a-z]\d)'/)?.[1], shape = head.match(/'shape': *\(([^)]*)\)/)?.[1];
  if (!npyTypes[type] || shape == null || head.includes("'fortran_order': True")) throw new Wrong("this .npy file has a type or order that the page does not read");
  const values = Array.from(new npyTypes[type](bytes.slice(from + length)), type == "b1" ? Boolean : /8$/.test(type) && type != "f8" ? String : Number);
  return {values, shape: shape.split(",").filter(text => text.trim()).map(Number)};
}

// The first channel of PCM with 16 bits.
function readWav(bytes, input) {
  const view = new DataView(bytes), tag = at => String.fromCharCode(...new Uint8Array(bytes, at, 4));
  let channels = 0, bits = 0;
  for (let at = 12; at + 8 <= bytes.byteLength; at += 8 + view.getUint32(at + 4, true) + view.getUint32(at + 4, true) % 2) {
    if (tag(at) == "fmt ") channels = view.getUint16(at + 10, true), bits = view.getUint16(at + 22, true);
    if (tag(at) == "data" && bits == 16 && channels) {
      const all = new Int16Array(bytes.slice(at + 8, at + 8 + 2 * Math.floor(view.getUint32(at + 4, true) / 2)));
      const values = Array.from(all).filter((_, i) => i % channels == 0).map(value => whole(input) ? value : value / 32768);
      return {values, shape: [...Array(Math.max(0, input.shape.length - 1)).fill(1), values.length]};
    }
  }
  throw new Wrong("this .wav file does not have samples of 16 bits");
}

function readJson(bytes) {
  const value = JSON.parse(new TextDecoder().decode(bytes)), shape = [];
  for (let part = value; Array.isArray(part); part = part[0]) shape.push(part.length);
  return {values: [value].flat(Infinity), shape};
}

async function readValues(file, input) {
  const bytes = await file.arrayBuffer(), start = String.fromCharCode(...new Uint8Array(bytes.slice(1, 4)));
  try {
    const read = start == "NUM" ? readNpy(bytes) : start == "IFF" ? readWav(bytes, input) : readJson(bytes);
    if (product(read.shape) != read.values.length) throw new Wrong("its values do not fill its shape");
    return read;
  } catch (fault) {
    throw new Wrong(`cannot read ${file.name}: ${fault.message}`);
  }
}
