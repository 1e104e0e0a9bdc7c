// Elements, without HTML text: what comes from a package or a server is only ever set as text. The page's policy
// (require-trusted-types-for) makes the browser refuse anything else.
const $ = id => document.getElementById(id);

function el(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties || {})) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children.flat(2).filter(child => child != null && child !== false && child !== ""));
  return node;
}

const product = numbers => numbers.reduce((a, b) => a * b, 1);
const shapeText = shape => shape.length ? shape.map(size => size < 0 ? "any" : size).join(" × ") : "one value";
// Short, for people; what is copied and sent keeps its digits.
const short = value => typeof value != "number" || Number.isInteger(value) ? String(value) : String(+value.toPrecision(5));

let ids = 0;
// A labeled control. The label is a sibling, so that it names the control alone.
function labeled(text, control) {
  control.id ||= "c" + ++ids;
  return el("span", {}, el("label", {htmlFor: control.id}, text), " ", control);
}
function select(options, onchange) {
  return el("select", {onchange}, Object.entries(options).map(([value, text]) => el("option", {value}, text)));
}
