// Charts of the last minutes, from differences between readings of /metrics. They begin when the page is opened.
const period = 2000, kept = 150;  // five minutes

// The samples of one version, summed up: {name: value}; buckets under "name le".
function readMetrics(text, model, version) {
  const sums = {};
  for (const line of text.split("\n")) {
    const found = line.match(/^(modelctl_(?:requests_total|request_duration_seconds_bucket|batch_size_\w+))\{(.*)\} (\S+)$/);
    if (!found) continue;
    const labels = Object.fromEntries([...found[2].matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name, value.replace(/\\(.)/g, (_, c) => c == "n" ? "\n" : c)]));
    if (labels.model != model || labels.version != version) continue;
    const add = name => sums[name] = (sums[name] || 0) + Number(found[3]);
    if (found[1] == "modelctl_requests_total") {
      add("requests");
      if (labels.code >= "400") add("errors");
    } else add(found[1].replace("modelctl_", "") + (labels.le ? " " + labels.le : ""));
  }
  return sums;
}

// The value below which a part of the observations between two readings are, in a bucket by interpolation.
function quantile(part, name, difference, names) {
  const bounds = names.filter(each => each.startsWith(name + " ")).map(each => each.slice(name.length + 1)).map(le => le == "+Inf" ? Infinity : Number(le)).sort((a, b) => a - b);
  const below = bounds.map(bound => difference(`${name} ${bound == Infinity ? "+Inf" : bound}`)), total = below[below.length - 1];
  if (!total) return null;
  const i = below.findIndex(count => count >= part * total), from = i ? bounds[i - 1] : 0, before = i ? below[i - 1] : 0;
  return bounds[i] == Infinity ? from : from + (bounds[i] - from) * (part * total - before) / (below[i] - before);
}

const chartKinds = [
  {title: "Requests per second", values: d => [d("requests") / d("seconds")]},
  {title: "Errors per second", values: d => [d("errors") / d("seconds")]},
  {title: "Latency in ms: p50, and p99 (dashed)", values: (d, names) => [.5, .99].map(part => {
    const value = quantile(part, "request_duration_seconds_bucket", d, names);
    return value == null ? null : value * 1000;
  })},
  {title: "Rows of a batch, on average", values: d => [d("batch_size_count") ? d("batch_size_sum") / d("batch_size_count") : null]},
];

function makeCharts() {
  const svg = (tag, attributes, ...children) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const charts = chartKinds.map(kind => {
    const picture = svg("svg", {viewBox: `0 0 ${kept} 100`, preserveAspectRatio: "none", role: "img"}), caption = el("figcaption");
    $("charts").append(el("figure", {}, caption, picture));
    return {kind, picture, caption};
  });
  let points = [], last = null, about = "";
  const draw = () => charts.forEach(({kind, picture, caption}, which) => {
    const rows = points.map(point => point[which]), now = rows[rows.length - 1] || [], most = Math.max(...rows.flat().filter(value => value != null), 1e-9);
    const describe = value => value == null ? "none" : short(+value.toPrecision(3));
    caption.textContent = `${kind.title}: ` + (most > 1e-9 ? `${now.map(describe).join(" and ")}; at most ${describe(most)}` : "none");
    picture.setAttribute("aria-label", caption.textContent);
    picture.replaceChildren(...now.flatMap((_, line) => {
      const runs = [[]];
      rows.forEach((row, i) => row[line] == null ? runs.push([]) : runs[runs.length - 1].push(`${kept - rows.length + i},${97 - 92 * row[line] / most}`));
      return runs.filter(run => run.length).map(run => svg("polyline", {class: line ? "second" : "", points: (run.length > 1 ? run : [run[0], run[0].replace(/^\d+/, x => +x + 1)]).join(" ")}));
    }));
  });
  return async (model, version) => {
    const key = JSON.stringify([model, version]);
    if (key != about) points = [], last = null, about = key;
    const now = {...readMetrics(await get("metrics"), model, version), seconds: performance.now() / 1000};
    if (key != about) return;
    if (last) {
      const before = last, difference = name => Math.max(0, (now[name] || 0) - (before[name] || 0));
      points.push(chartKinds.map(kind => kind.values(difference, Object.keys(now))));
      points = points.slice(-kept);
    }
    last = now;
    draw();
  };
}
