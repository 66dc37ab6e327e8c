// The tree of blocks: what they hold, what is open, and the rooms, items and wires that are to be drawn.

const data = JSON.parse(document.getElementById("data").textContent);
const { nodes, boxes } = data;
const $ = (id) => document.getElementById(id);
const sheet = $("sheet"), pane = $("picture"), rows = $("rows"), facts = $("facts"), source = $("source");

// ---------------------------------------------------------------- words and numbers

const exact = (value) => value.toLocaleString("en-US");
const quantity = (value) => {
  for (const [unit, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "K"]])
    if (value >= unit * 0.9995) return Number((value / unit).toPrecision(3)) + letter;
  return String(value);
};
const bytes = (value) => {
  for (const [unit, word] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]])
    if (value >= unit) return (value / unit).toFixed(2) + " " + word;
  return value + " B";
};
const size = (shape) => shape.join("×");
const sizes = (shapes) => [...new Set(shapes.map(size))].join(", ");
const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
const plural = (count, word) => exact(count) + " " + word + (count === 1 ? "" : "s");

// ---------------------------------------------------------------- the tree: boxes know what they hold

const COUNTS = ["params", "buffers", "macs", "work", "memory"];
nodes.forEach((node, key) => { node.key = key; node.box = -1; node.ref = "n" + key; });
boxes.forEach((box, id) => { box.id = id; box.up = -1; box.run = [id]; box.ref = "b" + id; });
const adopt = (parts, up) => {
  const held = [];
  for (const part of parts) {
    if (typeof part === "number") {
      nodes[part].box = up;
      held.push(part);
    } else {
      for (const id of part) {
        const box = boxes[id];
        box.up = up;
        box.run = part;
        box.keys = adopt(box.parts, id).sort((a, b) => a - b);
        box.place = new Map(box.keys.map((key, index) => [key, index]));
        for (const name of COUNTS) box[name] = box.keys.reduce((sum, key) => sum + (nodes[key][name] || 0), 0);
        box.layers = box.keys.filter((key) => nodes[key].style !== "input").length;
        for (const key of box.keys) held.push(key);
      }
    }
  }
  return held;
};
adopt(data.root, -1);
// What is said of a box: of a folded one, all iterations together.
const TOTALS = [...COUNTS, "layers"];
const total = (box, isFolded) => {
  const made = {};
  for (const name of TOTALS) made[name] = isFolded ? box.run.reduce((sum, id) => sum + boxes[id][name], 0) : box[name];
  return made;
};
const leader = (box) => boxes[box.run[0]];
const title = (box, folded) => {
  const call = (folded && box.range) || box.call;
  return box.label ? box.label + ": " + call : call;
};
const caption = (node) => (node.label ? node.label + ": " + node.call : node.call);

// ---------------------------------------------------------------- what is open

const open = new Set(data.open), unfolded = new Set(data.unfolded);
const folded = (box) => box.run.length > 1 && !unfolded.has(box.run[0]);

// The node that is drawn for a key: where it lies in a folded iteration, the same one of the first.
const standing = (key) => {
  for (;;) {
    const above = [];
    for (let id = nodes[key].box; id >= 0; id = boxes[id].up) above.push(boxes[id]);
    const hidden = above.reverse().find((box) => folded(box) && box.run[0] !== box.id);
    if (!hidden) return { key, above };
    key = leader(hidden).keys[hidden.place.get(key)];
  }
};

// ---------------------------------------------------------------- measuring

const pen = document.createElement("canvas").getContext("2d");
const widths = new Map();
const width = (text, font) => {
  const known = font + text;
  let found = widths.get(known);
  if (found === undefined) {
    pen.font = font + " Helvetica, Arial, sans-serif";
    widths.set(known, (found = pen.measureText(text).width));
  }
  return found;
};
const CELL = 22, HEAD = 24, CLOSED = 40, PAD = 14, LONGEST = 46;

// ---------------------------------------------------------------- from the tree to rooms with items and wires

// A room is an open box or the page. Its items are pieces (a layer and those attached to it), closed boxes and rooms.
const build = () => {
  const itemOf = new Map();
  const room = (parts, box) => {
    const made = { type: "room", box, items: [], wires: new Map(), ins: new Set(), outs: new Set() };
    for (const part of parts) {
      if (typeof part === "number") {
        const node = nodes[part], before = node.attached && itemOf.get(node.in[0][0]);
        if (before && before.type === "piece" && before.room === made && before.keys.length < 5) {
          before.keys.push(part);
          itemOf.set(part, before);
        } else {
          const piece = { type: "piece", keys: [part], room: made };
          made.items.push(piece);
          itemOf.set(part, piece);
        }
      } else {
        const times = folded(boxes[part[0]]) ? part.length : 1;
        for (const id of times > 1 ? part.slice(0, 1) : part) {
          const inner = boxes[id];
          if (open.has(id)) {
            const item = room(inner.parts, inner);
            Object.assign(item, { room: made, times });
            made.items.push(item);
          } else {
            const item = { type: "closed", box: inner, times, room: made };
            made.items.push(item);
            for (const key of inner.keys) itemOf.set(key, item);
          }
        }
      }
    }
    return made;
  };
  const page = room(data.root, null);
  const trail = (item) => {
    const made = [];
    for (let at = item; at && at !== page; at = at.room) made.push(at);
    return made.reverse();
  };
  const entering = new Map(), told = new Set();
  const drawn = nodes.map((_, key) => standing(key).key);
  const wire = (port, tail, head) => {
    const from = trail(tail), to = trail(head), tensor = port.join(":");
    let same = 0;
    while (same < from.length - 1 && same < to.length - 1 && from[same] === to[same]) same++;
    const put = (place, a, b) => {
      const name = [idOf(a), idOf(b), tensor].join(" ");
      if (!place.wires.has(name)) place.wires.set(name, { a, b, tensor, port, keys: new Set() });
      return place.wires.get(name);
    };
    for (let level = from.length - 1; level > same; level--) {
      from[level - 1].outs.add(tensor);
      put(from[level - 1], from[level], "out " + tensor);
    }
    for (let level = to.length - 1; level > same; level--) {
      to[level - 1].ins.add(tensor);
      put(to[level - 1], "in " + tensor, to[level]);
    }
    return put(same ? from[same - 1] : page, from[same], to[same]);
  };
  const wires = [];
  for (const node of nodes) {
    if (drawn[node.key] !== node.key) continue;
    const head = itemOf.get(node.key);
    for (const [key, index] of node.in) {
      const port = [drawn[key], index], tail = itemOf.get(port[0]);
      if (tail === head) continue;
      if (!entering.has(head)) entering.set(head, new Set());
      entering.get(head).add(size(nodes[key].out[index]));
      wires.push([port, tail, head, size(nodes[key].out[index])]);
    }
  }
  data.outputs.forEach((output, index) => {
    const [key, port] = output.from, tail = itemOf.get(drawn[key]);
    const exit = { type: "exit", output, index, room: page };
    page.items.push(exit);
    wires.push([[drawn[key], port], tail, exit, size(nodes[key].out[port])]);
  });
  // A size is said once, where it is not the one that entered.
  for (const [port, tail, head, shape] of wires) {
    const made = wire(port, tail, head);
    const told_ = port.join(":");
    if (!told.has(told_) && nodes[port[0]].style !== "input" && !(entering.get(tail) || new Set()).has(shape))
      made.label = shape;
    told.add(told_);
    if (head.output && head.output.training) made.training = true;
  }
  return { page, itemOf };
};
const idOf = (end) => {
  if (typeof end === "string") return end;
  if (end.type === "piece") return nodes[end.keys[0]].ref;
  return end.type === "exit" ? "x" + end.index : end.box.ref;
};
