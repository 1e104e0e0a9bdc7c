// A model card, in Markdown, as elements. HTML in it is shown as text, images as their description. Links lead to the
// web only. Repetitions are bounded, since a hostile card could otherwise keep the browser busy.
function inline(text) {
  const token = /`([^`]{1,500})`|!\[([^\]]{0,300})\]\([^)]{0,999}\)|\[([^\]]{1,300})\]\((https?:[^)\s]{1,999})\)|\*\*([^*]{1,500})\*\*|\*([^*\s][^*]{0,500})\*|<(https?:[^>\s]{1,999})>/g;
  const parts = [];
  let from = 0;
  const link = (href, label) => el("a", {href, rel: "noopener noreferrer", target: "_blank"}, label);
  for (const found of text.slice(0, 20000).matchAll(token)) {
    parts.push(text.slice(from, found.index));
    from = found.index + found[0].length;
    const [, code, image, label, href, bold, italic, url] = found;
    parts.push(code ? el("code", {}, code) : image != null ? image : label ? link(href, label)
        : bold ? el("strong", {}, bold) : italic ? el("em", {}, italic) : link(url, url));
  }
  parts.push(text.slice(from));
  return parts;
}

function markdown(text) {
  const lines = text.split(/\r?\n/), blocks = [];
  const cells = line => line.trim().replace(/^\||\|$/g, "").split("|").map(cell => cell.trim());
  const item = /^\s*([-*+]|\d+[.)])\s+(.*)/, special = /^(#{1,6} |```|>|\s*([-*+]|\d+[.)])\s|    |\|)/;
  let at = 0;
  const take = wanted => {
    const taken = [];
    while (at < lines.length && wanted(lines[at])) taken.push(lines[at++]);
    return taken;
  };
  const code = taken => blocks.push(el("pre", {tabIndex: 0}, taken.join("\n")));
  if (lines[0] == "---") {  // the properties of a card for a model hub
    at = 1;
    code(take(line => line != "---"));
    at++;
  }
  while (at < lines.length) {
    const line = lines[at];
    let found;
    if (!line.trim()) at++;
    else if (line.startsWith("```")) {
      at++;
      code(take(next => !next.startsWith("```")));
      at++;
    } else if (line.startsWith("    ")) code(take(next => next.startsWith("    ")).map(next => next.slice(4)));
    else if (found = line.match(/^(#{1,6})\s+(.*)/)) {
      blocks.push(el("h" + Math.min(6, found[1].length + 2), {}, inline(found[2])));
      at++;
    } else if (line.includes("|") && /^[\s|:-]+$/.test(lines[at + 1] || "x") && lines[at + 1].includes("-")) {
      at += 2;
      const row = (tag, texts) => el("tr", {}, texts.map(cell => el(tag, {}, inline(cell))));
      blocks.push(el("div", {className: "scroll", tabIndex: 0}, el("table", {}, el("thead", {}, row("th", cells(line))),
          el("tbody", {}, take(next => next.includes("|")).map(next => row("td", cells(next)))))));
    } else if (found = line.match(item)) {
      const items = [];
      while (at < lines.length && (found = lines[at].match(item))) {
        at++;
        items.push([found[2], ...take(next => /^\s+\S/.test(next) && !item.test(next))].join(" "));
      }
      blocks.push(el(/^\s*\d/.test(line) ? "ol" : "ul", {}, items.map(each => el("li", {}, inline(each)))));
    } else if (line.startsWith(">")) {
      blocks.push(el("blockquote", {}, inline(take(next => next.startsWith(">")).map(next => next.replace(/^>\s?/, "")).join(" "))));
    } else {
      at++;
      blocks.push(el("p", {}, inline([line, ...take(next => next.trim() && !special.test(next))].join(" "))));
    }
  }
  return blocks;
}
