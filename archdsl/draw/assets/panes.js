// The table, the facts, the search and the source beside the picture, and what links them.

// ---------------------------------------------------------------- the table

const table = () => {
  const made = document.createDocumentFragment();
  const row = (thing, counts, level, name, call, output, times, isOpen) => {
    const line = html("tr", isOpen === undefined ? "" : "block");
    line.dataset.ref = thing.ref;
    line.tabIndex = 0;
    const cell = html("td");
    cell.style.paddingLeft = 8 + 12 * level + (isOpen === undefined ? 18 : 0) + "px";
    if (isOpen !== undefined) {
      const button = html("button", "", isOpen ? "▾" : "▸");
      button.type = "button";
      button.dataset.toggle = thing.ref;
      button.setAttribute("aria-expanded", String(isOpen));
      button.setAttribute("aria-label", (isOpen ? "Close " : "Open ") + thing.path);
      cell.append(button);
    }
    cell.append(html("span", "", name + (times > 1 ? " × " + times : "")), " ", html("span", "call", call === name ? "" : call));
    cell.title = (thing.name || thing.path) + "  " + call;
    const number = (value) => html("td", "number", value ? quantity(value) : "–");
    const params = number(counts.params), macs = number(counts.macs);
    if (counts.params) params.title = exact(counts.params);
    if (counts.macs) macs.title = exact(counts.macs);
    line.append(cell, html("td", "", output), params, macs);
    made.append(line);
    register(thing.ref, line);
  };
  const tail = (path) => path.slice(path.lastIndexOf(".") + 1);
  const put = (parts, level) => {
    for (const part of parts) {
      if (typeof part === "number") {
        const node = nodes[part];
        row(node, node, level, tail(node.name), node.style === "input" ? "" : node.call, sizes(node.out), 1);
        continue;
      }
      const times = folded(boxes[part[0]]) ? part.length : 1;
      for (const id of times > 1 ? part.slice(0, 1) : part) {
        const box = boxes[id], last = boxes[times > 1 ? part[part.length - 1] : id];
        const path = times > 1 ? box.path.replace(/\.\d+$/, "") : box.path;
        const name = /^\d+$/.test(tail(path)) ? path.split(".").slice(-2).join(".") : tail(path);
        row(box, total(box, times > 1), level, name, (times > 1 && box.range) || box.call, sizes(nodes[last.keys[last.keys.length - 1]].out), times, open.has(id));
        if (open.has(id)) put(box.parts, level + 1);
      }
    }
  };
  put(data.root, 0);
  rows.replaceChildren(made);
};

// ---------------------------------------------------------------- hover, focus, choice

let hot = null, chosen = null;
const thing = (ref) => (ref[0] === "n" ? nodes : boxes)[Number(ref.slice(1))];
const lit = new Map();
const paintClass = (name, refs) => {
  for (const element of lit.get(name) || []) element.classList.remove(name);
  const elements = refs.flatMap((ref) => shown.get(ref) || []);
  elements.forEach((element) => element.classList.add(name));
  lit.set(name, elements);
};
const keysOf = (ref) => (ref[0] === "n" ? [Number(ref.slice(1))] : thing(ref).keys);
const linesOf = (ref) => {
  const made = new Set();
  for (const key of keysOf(ref)) {
    const [file, first, last] = nodes[key].at;
    for (let line = first; line <= last; line++) made.add(file + ":" + line);
  }
  return made;
};
let litLines = [], chosenLines = [];
const light = (ref, from) => {
  if (ref === hot) return;
  hot = ref;
  paintClass("hot", ref ? [ref] : []);
  for (const { line, a, b, tensor } of edges) line.classList.toggle("hot", Boolean(ref) && (a === ref || b === ref || "n" + tensor === ref));
  litLines.forEach((line) => line.classList.remove("hot"));
  litLines = ref ? [...linesOf(ref)].map((name) => lineOf.get(name)).filter(Boolean) : [];
  litLines.forEach((line) => line.classList.add("hot"));
  if (ref && from !== "source" && litLines[0]) near(source, litLines[0]);
  if (ref && from !== "table") { const row = (shown.get(ref) || []).find((element) => element.tagName === "TR"); if (row) near($("table"), row); }
  tell(ref || chosen);
};
const near = (scroller, element) => {
  const outer = scroller.getBoundingClientRect(), inner = element.getBoundingClientRect();
  if (!outer.height) return;
  if (inner.top < outer.top + 30) scroller.scrollTop += inner.top - outer.top - 40;
  else if (inner.bottom > outer.bottom) scroller.scrollTop += inner.bottom - outer.bottom + 40;
};
const choose = (ref, move) => {
  chosen = ref;
  paintClass("chosen", ref ? [ref] : []);
  if (ref && move) centre(ref);
  chosenLines.forEach((line) => line.classList.remove("chosen"));
  chosenLines = ref ? [...linesOf(ref)].map((name) => lineOf.get(name)).filter(Boolean) : [];
  chosenLines.forEach((line) => line.classList.add("chosen"));
  if (chosenLines[0]) near(source, chosenLines[0]);
  tell(ref);
};
const mark = () => {
  hot = null;
  lit.clear();
  paintClass("chosen", chosen ? [chosen] : []);
  paintMatches();
};

// ---------------------------------------------------------------- facts

const tell = (ref) => {
  if (!ref) {
    facts.replaceChildren(html("p", "", "Point at a layer, or reach it with the Tab key, to see its facts. Click a block to open or close it, × n to see every iteration; drag and scroll to move and zoom."));
    return;
  }
  const it = thing(ref), isNode = ref[0] === "n";
  const times = !isNode && folded(it) ? it.run.length : 1;
  const counts = isNode ? it : total(it, times > 1);
  facts.replaceChildren(html("h2", "", isNode ? it.name : it.path + (times > 1 ? " × " + times : "")));
  facts.append(html("p", "", isNode ? caption(it) : title(it, times > 1) + ", " + plural(counts.layers, "layer")));
  const list = html("dl");
  const say = (word, value) => list.append(html("dt", "", word), html("dd", "", value));
  const last = isNode ? it : nodes[boxes[it.run[times - 1] ?? it.id].keys.at(-1)];
  if (isNode && it.in.length) say("input", sizes(it.in.map(([key, index]) => nodes[key].out[index])));
  say("output", sizes((times > 1 ? last : isNode ? it : nodes[it.keys.at(-1)]).out));
  if (it.style !== "input") {
    say("parameters", exact(counts.params || 0));
    if (counts.buffers) say("buffers", exact(counts.buffers));
    if (it.shared) say("weights of", it.shared);
    say("MACs", exact(counts.macs || 0));
    say("other arithmetic", exact(counts.work || 0));
    say("memory of outputs", bytes(counts.memory || 0));
    const owned = (counts.params || 0) + (counts.buffers || 0);
    if (owned) say("memory of weights", bytes(4 * owned));
  }
  const deepest = isNode ? it : nodes[(times > 1 ? last : it.keys.length ? nodes[it.keys.at(-1)] : it).key];
  const seen = deepest.field;
  if (seen && it.style !== "input") {
    say("receptive field", seen === "all" ? "the whole input" : seen.map(([extent]) => Math.ceil(extent)).join("×"));
    if (seen !== "all") say("stride", seen.map(([, stride]) => Number(stride.toFixed(3))).join("×"));
  }
  const around = [];
  for (let id = isNode ? it.box : it.up; id >= 0; id = boxes[id].up) if (folded(boxes[id])) around.push(boxes[id]);
  if (around.length) say("shown for", "the first of " + around.map((box) => box.run.length).join(" × ") + " alike");
  if (it.training) say("exists", "in training only");
  const both = html("div", "both");
  both.append(list);
  const drawn = seen && it.style !== "input" && field(deepest, seen);
  if (drawn) both.append(drawn);
  facts.append(both);
};

// The field of the position in the middle, on the last two axes of the input.
const field = (node, seen) => {
  const input = nodes.find((other) => other.style === "input" && other.out[0].length > 1 && (seen === "all" || other.out[0].length - 1 === seen.length));
  if (!input) return null;
  const spatial = input.out[0].slice(0, -1), own = node.out[0].slice(0, -1);
  const axes = spatial.map((length, axis) => {
    if (seen === "all") return [0, length, length];
    const [extent, stride, padding] = seen[axis];
    const middle = Math.floor(((own[axis] || 1) - 1) / 2);
    const start = middle * stride - padding;
    return [Math.max(0, start), Math.min(length, start + extent), length];
  });
  const [across, down] = axes.length === 1 ? [axes[0], [0, 1, 1]] : [axes.at(-1), axes.at(-2)];
  const most = 120, scale = Math.min(most / across[2], most / down[2]);
  const w = across[2] * scale, h = axes.length === 1 ? 24 : Math.max(6, down[2] * scale);
  const made = make("svg", { width: w + 4, height: h + 4, viewBox: `-2 -2 ${w + 4} ${h + 4}`, role: "img", "aria-label": "Receptive field on the input" });
  const bar = h / down[2];
  made.append(make("rect", { class: "input", width: w, height: h }));
  made.append(make("rect", { class: "field", x: across[0] * scale, y: down[0] * bar, width: Math.max(1.5, (across[1] - across[0]) * scale), height: Math.max(1.5, (down[1] - down[0]) * bar) }));
  const figure = html("figure");
  figure.append(made, html("figcaption", "", "on the input " + size(spatial)));
  return figure;
};

// ---------------------------------------------------------------- search

let matches = [], current = -1;
const search = (text) => {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const plain = (node) => (node.name + " " + node.call + " " + (node.label || "") + " " + node.style + " " + sizes(node.out)).toLowerCase().replaceAll("×", "x");
  matches = words.length ? nodes.filter((node) => words.every((word) => plain(node).includes(word.replaceAll("×", "x")))).map((node) => node.key) : [];
  current = -1;
  $("found").textContent = words.length ? (matches.length ? exact(matches.length) + " found" : "none found") : "";
  paintMatches();
};
const paintMatches = () => {
  const refs = new Set();
  for (const key of matches) {
    const here = standing(key), shut = here.above.find((box) => !open.has(box.id));
    refs.add(shut ? shut.ref : "n" + here.key);
  }
  paintClass("match", [...refs]);
  sheet.classList.toggle("searching", matches.length > 0);
};
const step = (by) => {
  if (!matches.length) return;
  current = (current + by + matches.length) % matches.length;
  const key = matches[current];
  reveal(key);
  redraw();
  choose("n" + key, true);
  const row = (shown.get("n" + key) || []).find((element) => element.tagName === "TR");
  if (row) near($("table"), row);
  $("found").textContent = current + 1 + " of " + exact(matches.length);
};

// ---------------------------------------------------------------- the source

const lineOf = new Map(), nodesOf = new Map();
for (const node of nodes) {
  const [file, first, last] = node.at;
  for (let line = first; line <= last; line++) {
    const name = file + ":" + line;
    if (!nodesOf.has(name)) nodesOf.set(name, []);
    nodesOf.get(name).push(node.key);
  }
}
data.sources.forEach((text, file) => {
  const block = html("div", "text");
  text.text.replace(/\n$/, "").split("\n").forEach((words, index) => {
    const name = file + ":" + (index + 1), line = html("span", "line" + (nodesOf.has(name) ? " used" : ""), words);
    line.dataset.line = index + 1;
    line.dataset.name = name;
    lineOf.set(name, line);
    block.append(line);
  });
  source.append(html("h2", "", text.name), block);
});
const refsOfLine = (name) => {
  const refs = new Set();
  for (const key of nodesOf.get(name) || []) {
    const here = standing(key), shut = here.above.find((box) => !open.has(box.id));
    refs.add(shut ? shut.ref : "n" + here.key);
  }
  return [...refs];
};
