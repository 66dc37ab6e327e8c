// The page of a network: lays out what is open, draws it, and links picture, table and source.
// In: the JSON of `archdsl.draw.page.page_data`. All text goes through `textContent`, so none of it is markup.
"use strict";
(() => {
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

  // ---------------------------------------------------------------- layout, inner rooms first

  const measure = (item) => {
    if (item.type === "piece") {
      item.w = Math.max(64, ...item.keys.map((key) => width(cut(caption(nodes[key]), LONGEST), "12px") + 20));
      item.h = CELL * item.keys.length;
    } else if (item.type === "closed") {
      item.title = cut(title(item.box, item.times > 1), LONGEST);
      item.under = plural(item.box.layers, "layer") + (item.box.params ? " · " + quantity(item.box.params * 1) + " params" : "");
      const badge = item.box.run.length > 1 ? 44 : 0;
      item.w = Math.max(90, width("▸ " + item.title, "bold 12px") + 22 + badge, width(item.under, "10.5px") + 20 + badge);
      item.h = CLOSED;
    } else if (item.type === "exit") {
      item.w = width(cut(item.output.name, LONGEST), "12px") + 24;
      item.h = CELL;
    } else {
      arrange(item);
      item.title = cut(title(item.box, item.times > 1), LONGEST);
      const badge = item.box.run.length > 1 ? 52 : 0;
      const least = width("▾ " + item.title, "bold 12px") + 24 + badge;
      item.shift = Math.max(0, (least - item.w) / 2);
      item.w = Math.max(item.w, least);
    }
  };

  // Where everything passes through one item, the picture is cut there: many small layouts instead of a slow large one.
  const arrange = (room) => {
    room.items.forEach(measure);
    const ends = new Map();
    const add = (id, w, h, item) => ends.set(id, { id, w, h, item, index: ends.size, before: 0, after: 0 });
    for (const tensor of room.ins) add("in " + tensor, 4, 1);
    for (const item of room.items) add(idOf(item), item.w, item.h, item);
    for (const tensor of room.outs) add("out " + tensor, 4, 1);
    const list = [...ends.values()];
    const wires = [...room.wires.values()];
    let forward = true;
    for (const wire of wires) {
      wire.tail = ends.get(idOf(wire.a));
      wire.head = ends.get(idOf(wire.b));
      wire.tail.after++;
      wire.head.before++;
      if (wire.tail.index >= wire.head.index) forward = false;
    }
    const cuts = [];
    if (forward) {
      const over = new Array(list.length + 1).fill(0);
      for (const { tail, head } of wires)
        if (head.index > tail.index + 1) { over[tail.index + 1]++; over[head.index]--; }
      const lastSource = Math.max(...list.map((end) => (end.before ? 0 : end.index)));
      const firstSink = Math.min(...list.map((end) => (end.after ? list.length : end.index)));
      let spans = 0;
      for (let index = 0; index < list.length; index++) {
        spans += over[index];
        if (!spans && index >= lastSource && index <= firstSink) cuts.push(index);
      }
    }
    const pieces = [];
    let start = 0;
    for (const index of [...cuts, list.length - 1]) {
      if (index > start || list.length === 1) pieces.push([start, index]);
      start = Math.max(start, index);
    }
    const byTail = new Map();
    for (const wire of wires) {
      if (!byTail.has(wire.tail)) byTail.set(wire.tail, []);
      byTail.get(wire.tail).push(wire);
    }
    let x = 0, y = 0, first = true;
    for (const [from, to] of pieces) {
      const part = list.slice(from, to + 1);
      const inner = part.flatMap((end) => (end === part[part.length - 1] && to !== list.length - 1 ? [] : byTail.get(end) || []));
      const placed = lay(part, inner);
      const head = placed.at.get(part[0].id);
      const dx = first ? 0 : x - head.x, dy = first ? 0 : y - head.y;
      for (const end of part) {
        const at = placed.at.get(end.id);
        end.x = at.x + dx;
        end.y = at.y + dy;
      }
      for (const [wire, points, label] of placed.ways) {
        wire.points = points.map((p) => ({ x: p.x + dx, y: p.y + dy }));
        if (label) wire.at = { x: label.x + dx, y: label.y + dy };
      }
      const last = part[part.length - 1];
      x = last.x;
      y = last.y;
      first = false;
    }
    let left = Infinity, right = -Infinity, top = Infinity, bottom = -Infinity;
    const see = (px, py) => {
      left = Math.min(left, px); right = Math.max(right, px); top = Math.min(top, py); bottom = Math.max(bottom, py);
    };
    for (const end of list) { see(end.x - end.w / 2, end.y - end.h / 2); see(end.x + end.w / 2, end.y + end.h / 2); }
    for (const wire of wires) {
      for (const p of wire.points) see(p.x, p.y);
      if (wire.label) { const w = width(wire.label, "10.5px") / 2; see(wire.at.x - w, wire.at.y); see(wire.at.x + w, wire.at.y); }
    }
    const pad = room.box ? PAD : 30, head = room.box ? HEAD + 6 : 30;
    const mx = pad - left, my = head - top;
    for (const end of list) { end.x += mx; end.y += my; }
    for (const wire of wires) {
      for (const p of wire.points) { p.x += mx; p.y += my; }
      if (wire.at) { wire.at.x += mx; wire.at.y += my; }
    }
    room.ends = ends;
    room.w = right - left + 2 * pad;
    room.h = bottom - top + head + pad;
    for (const item of room.items) {
      const end = ends.get(idOf(item));
      item.x = end.x - item.w / 2;
      item.y = end.y - item.h / 2;
    }
  };

  // Like rooms are laid out once: the 36 units of a stage have one layout.
  const SPACE = 30, laid = new Map();
  const lay = (part, wires) => {
    const index = new Map(part.map((end, number) => [end, number]));
    const look = part.map((end) => [end.w, end.h, end.item ? end.item.type : end.id.slice(0, 3)].join(",")).join(";") + "|" +
      wires.map((wire) => [index.get(wire.tail), index.get(wire.head), wire.label || ""].join(",")).join(";");
    let known = laid.get(look);
    if (!known) {
      const { at, ways } = layOut(part, wires);
      const of = new Map(ways.map(([wire, points, label]) => [wire, [points, label]]));
      known = { at: part.map((end) => at.get(end.id)), ways: wires.map((wire) => of.get(wire)) };
      laid.set(look, known);
    }
    const at = new Map(part.map((end, number) => [end.id, known.at[number]]));
    return { at, ways: wires.map((wire, number) => [wire, ...known.ways[number]]) };
  };
  const layOut = (part, wires) => {
    const at = new Map(), ways = [];
    if (part.length === 1) {
      at.set(part[0].id, { x: 0, y: 0 });
      return { at, ways };
    }
    if (part.length === 2) {
      const [a, b] = part;
      const gap = wires.some((wire) => wire.label) ? 34 : a.item && b.item ? 24 : 14;
      at.set(a.id, { x: 0, y: 0 });
      at.set(b.id, { x: 0, y: a.h / 2 + gap + b.h / 2 });
      wires.forEach((wire) => ways.push([wire, [{ x: 0, y: a.h / 2 }, { x: 0, y: a.h / 2 + gap }], wire.label && { x: width(wire.label, "10.5px") / 2 + 6, y: a.h / 2 + gap / 2 }]));
      return { at, ways };
    }
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    graph.setGraph({ rankdir: "TB", nodesep: 22, edgesep: 14, ranksep: SPACE, ranker: part.length > 400 ? "longest-path" : "network-simplex" });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const end of part) graph.setNode(end.id, { width: end.w, height: end.h });
    wires.forEach((wire, index) => {
      const label = wire.label ? { width: width(wire.label, "10.5px") + 6, height: 14, labelpos: "c" } : {};
      graph.setEdge(wire.tail.id, wire.head.id, label, String(index));
    });
    const ins = part.filter((end) => end.id.startsWith("in ")), outs = part.filter((end) => end.id.startsWith("out "));
    const sources = part.filter((end) => !graph.inEdges(end.id).length), sinks = part.filter((end) => !graph.outEdges(end.id).length);
    if (ins.length && sources.length > 1) {
      graph.setNode("top", { width: 1, height: 1 });
      for (const end of sources) graph.setEdge("top", end.id, { weight: end.item ? 0 : 20, minlen: 1 }, "top");
    }
    if (outs.length && sinks.length > 1) {
      graph.setNode("end", { width: 1, height: 1 });
      for (const end of sinks) graph.setEdge(end.id, "end", { weight: end.item ? 0 : 20, minlen: 1 }, "end");
    }
    dagre.layout(graph);
    const bands = new Map();
    for (const id of graph.nodes()) {
      const node = graph.node(id), y = Math.round(node.y * 4);
      bands.set(y, Math.max(bands.get(y) || 0, node.height / 2));
    }
    const band = (y) => bands.get(Math.round(y * 4)) || 0;
    for (const end of part) at.set(end.id, { x: graph.node(end.id).x, y: graph.node(end.id).y });
    wires.forEach((wire, index) => {
      const edge = graph.edge(wire.tail.id, wire.head.id, String(index));
      const a = graph.node(wire.tail.id), b = graph.node(wire.head.id);
      // Through a rank a line goes straight, so that it passes beside what is tall there.
      const inner = edge.points.slice(1, -1);
      const way = [];
      const towards = (node, item, x) => (!item || item.type === "room" ? node.x : node.x + Math.max(-0.3 * node.width, Math.min(0.3 * node.width, (x - node.x) * 0.5)));
      const sx = towards(a, wire.tail.item, inner.length ? inner[0].x : b.x), ex = towards(b, wire.head.item, inner.length ? inner[inner.length - 1].x : a.x);
      if (b.y < a.y) {
        ways.push([wire, edge.points.map((p) => ({ x: p.x, y: p.y })), wire.label && { x: edge.x, y: edge.y }]);
        return;
      }
      way.push({ x: sx, y: a.y + a.height / 2 });
      if (band(a.y) > a.height / 2 + 1) way.push({ x: sx, y: a.y + band(a.y) });
      for (const p of inner) {
        const half = band(p.y);
        if (half > 8) way.push({ x: p.x, y: p.y - half }, { x: p.x, y: p.y + half });
        else way.push({ x: p.x, y: p.y });
      }
      if (band(b.y) > b.height / 2 + 1) way.push({ x: ex, y: b.y - band(b.y) });
      way.push({ x: ex, y: b.y - b.height / 2 });
      ways.push([wire, way, wire.label && { x: edge.x, y: edge.y }]);
    });
    return { at, ways };
  };

  // ---------------------------------------------------------------- drawing

  const SVG = "http://www.w3.org/2000/svg";
  const make = (name, attributes, text) => {
    const element = document.createElementNS(SVG, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const html = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  let world = null, model = null, shown = new Map(), edges = [];
  const spot = new Map(); // where the elements of a layer or box lie on the sheet
  const register = (ref, element) => {
    if (!shown.has(ref)) shown.set(ref, []);
    shown.get(ref).push(element);
  };

  let colour = data.heat;
  const heatOf = (thing) => {
    const most = Math.max(1, ...model.items.map((item) => item[colour] || 0));
    const value = thing[colour] || 0;
    return value ? "var(--heat" + Math.max(1, Math.ceil((value / most) * 5)) + ")" : "var(--heat0)";
  };
  const fill = (thing) => (colour === "kind" ? (thing.style ? "var(--kind-" + thing.style + ")" : "var(--closed)") : heatOf(thing));

  const badge = (item, x, y) => {
    const box = item.box, many = box.run.length;
    const text = item.times > 1 ? "× " + item.times : box.run.indexOf(box.id) + 1 + "/" + many;
    const w = width(text, "bold 11px") + 12;
    const told = item.times > 1 ? "Show all " + many + " iterations" : "Fold the " + many + " iterations into one";
    const group = make("g", { class: "times", role: "button", tabindex: 0, "data-fold": box.run[0], "aria-label": told, transform: `translate(${x - w},${y})` });
    group.append(make("rect", { width: w, height: 17, rx: 8 }), make("text", { x: w / 2, y: 12.5, "text-anchor": "middle" }, text), make("title", {}, told));
    return group;
  };

  const path = (points) => {
    let made = `M${points[0].x.toFixed(1)},${points[0].y.toFixed(1)}`;
    for (let index = 1; index < points.length; index++) {
      const a = points[index - 1], b = points[index], middle = (a.y + b.y) / 2;
      made += Math.abs(a.x - b.x) < 0.5 ? `L${b.x.toFixed(1)},${b.y.toFixed(1)}` : `C${a.x.toFixed(1)},${middle.toFixed(1)} ${b.x.toFixed(1)},${middle.toFixed(1)} ${b.x.toFixed(1)},${b.y.toFixed(1)}`;
    }
    return made;
  };

  const paint = (room, into, dx, dy, level) => {
    const lines = make("g", {}), things = make("g", {}), words = make("g", {});
    for (const item of room.items) {
      const x = item.x + dx, y = item.y + dy;
      if (item.type === "piece") {
        for (let row = 0; row < item.keys.length; row++) {
          const node = nodes[item.keys[row]], top = y + row * CELL;
          const cell = make("g", { class: "cell" + (node.training ? " training" : ""), role: "button", tabindex: 0, "data-ref": node.ref, "aria-label": node.name + ", " + caption(node) + ", " + sizes(node.out) });
          cell.append(make("rect", { x, y: top, width: item.w, height: CELL, rx: 3, fill: fill(node) }));
          cell.append(make("text", { x: x + item.w / 2, y: top + 15.5, "text-anchor": "middle" }, cut(caption(node), LONGEST)));
          things.append(cell);
          register(node.ref, cell);
          spot.set(node.ref, { x, y: top, w: item.w, h: CELL });
        }
      } else if (item.type === "exit") {
        const pill = make("g", { class: "exit" + (item.output.training ? " training" : "") });
        pill.append(make("rect", { x, y, width: item.w, height: item.h, rx: 11 }), make("text", { x: x + item.w / 2, y: y + 15.5, "text-anchor": "middle" }, cut(item.output.name, LONGEST)));
        things.append(pill);
      } else if (item.type === "closed") {
        const group = make("g", { class: "closed", role: "button", tabindex: 0, "aria-expanded": "false", "data-ref": item.box.ref, "aria-label": item.box.path + ", " + item.title + ", " + item.under + (item.times > 1 ? ", times " + item.times : "") });
        if (item.times > 1) things.append(make("rect", { class: "stack", x: x + 4, y: y + 4, width: item.w, height: item.h, rx: 5 }));
        group.append(make("rect", { x, y, width: item.w, height: item.h, rx: 5, fill: fill(item.box) }));
        if (colour !== "kind") group.firstChild.style.fill = heatOf(item.box);
        group.append(make("text", { x: x + 9, y: y + 16, class: "title" }, "▸ " + item.title), make("text", { x: x + 9, y: y + 31, class: "small" }, item.under));
        things.append(group);
        if (item.box.run.length > 1) things.append(badge(item, x + item.w - 6, y + item.h - 21));
        register(item.box.ref, group);
        spot.set(item.box.ref, { x, y, w: item.w, h: item.h });
      } else {
        const group = make("g", { class: "open", "data-box": item.box.id });
        group.append(make("rect", { x, y, width: item.w, height: item.h, rx: 7, fill: `var(--box${Math.min(level, 2)})` }));
        const head = make("g", { class: "head", role: "button", tabindex: 0, "aria-expanded": "true", "data-ref": item.box.ref, "aria-label": item.box.path + ", " + item.title });
        const halo = make("text", { x: x + 9, y: y + 17, class: "title halo", stroke: `var(--box${Math.min(level, 2)})` }, "▾ " + item.title);
        head.append(make("rect", { x, y, width: item.w, height: HEAD, rx: 7 }), halo);
        paint(item, group, x + item.shift, y, level + 1);
        group.append(head);
        if (item.box.run.length > 1) group.append(badge(item, x + item.w - 6, y + 4));
        things.append(group);
        register(item.box.ref, head);
        spot.set(item.box.ref, { x, y, w: item.w, h: item.h, head: HEAD });
      }
    }
    for (const wire of room.wires.values()) {
      const points = wire.points.map((p) => ({ x: p.x + dx, y: p.y + dy }));
      const first = points[0], last = points[points.length - 1];
      // A line to an open box ends above the place inside where it goes on.
      const meet = (item, point, way, inside) => {
        if (!item || item.type !== "room") return;
        const end = item.ends.get(inside);
        point.x = item.x + item.shift + end.x + dx;
        if (points.length > 2) { const next = points[way]; if (Math.abs(next.y - point.y) < 1) next.x = point.x; }
      };
      meet(wire.tail.item, first, 1, "out " + wire.tensor);
      meet(wire.head.item, last, points.length - 2, "in " + wire.tensor);
      if (!wire.tail.item) points.unshift({ x: first.x, y: dy });
      if (!wire.head.item) points.push({ x: last.x, y: dy + room.h });
      const end = points[points.length - 1];
      const line = make("path", { class: "edge" + (wire.training ? " training" : ""), d: path(points) });
      if (wire.head.item && wire.head.item.type !== "room") line.setAttribute("marker-end", "url(#arrow)");
      lines.append(line);
      edges.push({ line, a: wire.tail.item ? idOf(wire.tail.item) : "", b: wire.head.item ? idOf(wire.head.item) : "", tensor: wire.port[0], end });
      if (wire.label) {
        const at = wire.at;
        words.append(make("text", { class: "small halo", x: at.x + dx, y: at.y + dy + 4, "text-anchor": "middle", stroke: room.box ? `var(--box${Math.min(level - 1, 2)})` : "var(--page)" }, wire.label));
      }
    }
    into.append(lines, things, words);
  };

  // ---------------------------------------------------------------- the view

  const view = { x: 0, y: 0, k: 1 };
  const place = () => {
    world.setAttribute("transform", `translate(${view.x.toFixed(2)},${view.y.toFixed(2)}) scale(${view.k.toFixed(4)})`);
    sheet.classList.toggle("far", view.k < 0.22);
  };
  const zoom = (factor, x, y) => {
    const k = Math.min(4, Math.max(0.02, view.k * factor));
    view.x = x - ((x - view.x) * k) / view.k;
    view.y = y - ((y - view.y) * k) / view.k;
    view.k = k;
    place();
  };
  const TOP = 44;
  const fit = (least) => {
    const w = pane.clientWidth, h = pane.clientHeight - TOP;
    const whole = Math.min(1.2, w / model.page.w, h / model.page.h);
    view.k = Math.max(whole, Math.min(least, w / model.page.w));
    view.x = (w - model.page.w * view.k) / 2;
    view.y = TOP + Math.max(0, (h - model.page.h * view.k) / 2);
    place();
  };
  const centre = (ref) => {
    const at = spot.get(ref);
    if (!at) return;
    if (view.k < 0.6) view.k = 0.9;
    view.x = pane.clientWidth / 2 - (at.x + at.w / 2) * view.k;
    view.y = pane.clientHeight / 2 - (at.y + Math.min(at.h, 200) / 2) * view.k;
    place();
  };

  // ---------------------------------------------------------------- the table

  const table = () => {
    const made = document.createDocumentFragment();
    const row = (thing, level, name, call, output, times, isOpen) => {
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
      const number = (value) => html("td", "number", value ? quantity(value * times) : "–");
      const params = number(thing.params), macs = number(thing.macs);
      if (thing.params) params.title = exact(thing.params * times);
      if (thing.macs) macs.title = exact(thing.macs * times);
      line.append(cell, html("td", "", output), params, macs);
      made.append(line);
      register(thing.ref, line);
    };
    const tail = (path) => path.slice(path.lastIndexOf(".") + 1);
    const put = (parts, level) => {
      for (const part of parts) {
        if (typeof part === "number") {
          const node = nodes[part];
          row(node, level, tail(node.name), node.style === "input" ? "" : node.call, sizes(node.out), 1);
          continue;
        }
        const times = folded(boxes[part[0]]) ? part.length : 1;
        for (const id of times > 1 ? part.slice(0, 1) : part) {
          const box = boxes[id], last = boxes[times > 1 ? part[part.length - 1] : id];
          const path = times > 1 ? box.path.replace(/\.\d+$/, "") : box.path;
          const name = /^\d+$/.test(tail(path)) ? path.split(".").slice(-2).join(".") : tail(path);
          row(box, level, name, (times > 1 && box.range) || box.call, sizes(nodes[last.keys[last.keys.length - 1]].out), times, open.has(id));
          if (open.has(id)) put(box.parts, level + 1);
        }
      }
    };
    put(data.root, 0);
    rows.replaceChildren(made);
  };

  // ---------------------------------------------------------------- the whole

  const redraw = () => {
    shown = new Map();
    edges = [];
    spot.clear();
    model = build();
    arrange(model.page);
    model.items = nodes.filter((node) => standing(node.key).key === node.key && model.itemOf.get(node.key).type === "piece");
    model.items.push(...new Set([...model.itemOf.values()].filter((item) => item.type === "closed").map((item) => item.box)));
    const marker = make("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto", markerUnits: "userSpaceOnUse" });
    marker.append(make("path", { d: "M0,0.5L8,4L0,7.5Z", class: "arrow" }));
    const defs = make("defs", {});
    defs.append(marker);
    world = make("g", {});
    paint(model.page, world, 0, 0, 0);
    sheet.replaceChildren(defs, world);
    place();
    table();
    legend();
    mark();
  };

  const legend = () => {
    const made = [];
    const entry = (fill_, text) => {
      const item = html("span"), swatch = html("i");
      swatch.style.background = fill_;
      item.append(swatch, text);
      made.push(item);
    };
    if (colour === "kind") {
      for (const kind of new Set(nodes.map((node) => node.style))) if (kind !== "input") entry(`var(--kind-${kind})`, kind);
    } else {
      const most = Math.max(...model.items.map((item) => item[colour] || 0));
      for (let step = 1; most && step <= 5; step++) {
        const value = Math.ceil((most * step) / 5);
        entry(`var(--heat${step})`, "≤ " + (colour === "memory" ? bytes(value) : quantity(value)));
      }
    }
    $("legend").replaceChildren(...made);
  };

  // What was hit keeps its place on the screen.
  const change = (ref, work) => {
    const before = spot.get(ref);
    work();
    redraw();
    const after = spot.get(ref);
    if (before && after) {
      view.x += (before.x + before.w / 2 - after.x - after.w / 2) * view.k;
      view.y += (before.y - after.y) * view.k;
      place();
    }
  };
  const toggle = (id) => {
    change("b" + id, () => (open.has(id) ? open.delete(id) : open.add(id)));
    focusOn("b" + id);
  };
  const fold = (first) => {
    change("b" + first, () => {
      if (unfolded.delete(first)) return;
      unfolded.add(first);
      if (open.has(first)) boxes[first].run.forEach((id) => open.add(id));
    });
    focusOn("b" + first);
  };
  let byKey = false;
  const focusOn = (ref) => {
    const inTable = rows.dataset.focus === "1";
    const found = (shown.get(ref) || []).find((element) => (element.tagName === "TR") === inTable);
    rows.dataset.focus = "";
    if (byKey && found) (inTable ? found.querySelector("button") || found : found).focus({ preventScroll: true });
  };
  const reveal = (key) => {
    for (let id = nodes[key].box; id >= 0; id = boxes[id].up) {
      if (boxes[id].run[0] !== id) unfolded.add(boxes[id].run[0]);
      open.add(id);
    }
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
    facts.replaceChildren(html("h2", "", isNode ? it.name : it.path + (times > 1 ? " × " + times : "")));
    facts.append(html("p", "", isNode ? caption(it) : title(it, times > 1) + ", " + plural(it.layers * times, "layer")));
    const list = html("dl");
    const say = (word, value) => list.append(html("dt", "", word), html("dd", "", value));
    const last = isNode ? it : nodes[boxes[it.run[times - 1] ?? it.id].keys.at(-1)];
    if (isNode && it.in.length) say("input", sizes(it.in.map(([key, index]) => nodes[key].out[index])));
    say("output", sizes((times > 1 ? last : isNode ? it : nodes[it.keys.at(-1)]).out));
    if (it.style !== "input") {
      say("parameters", exact((it.params || 0) * times));
      if (it.buffers) say("buffers", exact(it.buffers * times));
      if (it.shared) say("weights of", it.shared);
      say("MACs", exact((it.macs || 0) * times));
      say("other arithmetic", exact((it.work || 0) * times));
      say("memory of outputs", bytes((it.memory || 0) * times));
      if ((it.params || 0) + (it.buffers || 0)) say("memory of weights", bytes(4 * times * ((it.params || 0) + (it.buffers || 0))));
    }
    const deepest = isNode ? it : nodes[(times > 1 ? last : it.keys.length ? nodes[it.keys.at(-1)] : it).key];
    const seen = deepest.field;
    if (seen && it.style !== "input") {
      say("receptive field", seen === "all" ? "the whole input" : seen.map(([extent]) => Math.ceil(extent)).join("×"));
      if (seen !== "all") say("stride", seen.map(([, stride]) => Number(stride.toFixed(3))).join("×"));
    }
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

  // ---------------------------------------------------------------- events

  const refAt = (target) => { const found = target.closest && target.closest("[data-ref]"); return found ? found.dataset.ref : null; };
  for (const [element, from] of [[sheet, "picture"], [rows, "table"]]) {
    element.addEventListener("pointerover", (event) => { if (!drag) light(refAt(event.target), from); });
    element.addEventListener("pointerleave", () => light(null, from));
    element.addEventListener("focusin", (event) => light(refAt(event.target), from));
    element.addEventListener("focusout", () => light(null, from));
  }
  const act = (target) => {
    const times = target.closest("[data-fold]");
    if (times) { fold(Number(times.dataset.fold)); return true; }
    const ref = refAt(target);
    if (!ref) return false;
    choose(ref, false);
    if (ref[0] === "b") toggle(Number(ref.slice(1)));
    return true;
  };
  let drag = null, moved = false;
  sheet.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    drag = { id: event.pointerId, x: event.clientX - view.x, y: event.clientY - view.y, from: [event.clientX, event.clientY] };
    moved = false;
  });
  sheet.addEventListener("pointermove", (event) => {
    if (!drag || event.pointerId !== drag.id) return;
    if (!moved && Math.hypot(event.clientX - drag.from[0], event.clientY - drag.from[1]) < 4) return;
    if (!moved) { moved = true; sheet.setPointerCapture(drag.id); sheet.classList.add("moving"); }
    view.x = event.clientX - drag.x;
    view.y = event.clientY - drag.y;
    place();
  });
  const drop = () => { drag = null; sheet.classList.remove("moving"); };
  sheet.addEventListener("pointerup", drop);
  sheet.addEventListener("pointercancel", drop);
  sheet.addEventListener("click", (event) => {
    if (moved) { moved = false; return; }
    byKey = false;
    if (!act(event.target)) choose(null, false);
  });
  sheet.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = sheet.getBoundingClientRect();
    const unit = event.deltaMode === 1 ? 16 : 1;
    zoom(Math.exp(-Math.max(-200, Math.min(200, event.deltaY * unit)) * 0.0022), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  sheet.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    byKey = true;
    act(event.target);
  });
  rows.addEventListener("click", (event) => {
    const button = event.target.closest("[data-toggle]"), ref = refAt(event.target);
    if (button) {
      byKey = event.detail === 0;
      rows.dataset.focus = "1";
      toggle(Number(button.dataset.toggle.slice(1)));
    }
    if (ref) choose(ref, true);
  });
  rows.addEventListener("keydown", (event) => {
    const line = event.target.closest("tr");
    if (!line) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const next = event.key === "ArrowDown" ? line.nextElementSibling : line.previousElementSibling;
      if (next) { event.preventDefault(); next.focus(); }
    } else if (event.target === line && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      choose(line.dataset.ref, true);
    }
  });
  source.addEventListener("pointerover", (event) => {
    const line = event.target.closest(".line.used");
    paintClass("hot", line ? refsOfLine(line.dataset.name) : []);
    hot = null;
  });
  source.addEventListener("pointerleave", () => paintClass("hot", []));
  source.addEventListener("click", (event) => {
    const line = event.target.closest(".line.used");
    if (line) choose(refsOfLine(line.dataset.name)[0], true);
  });
  $("search").addEventListener("input", (event) => search(event.target.value));
  $("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); step(event.shiftKey ? -1 : 1); }
    if (event.key === "Escape") { event.target.value = ""; search(""); event.target.blur(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
    const middle = [pane.clientWidth / 2, pane.clientHeight / 2];
    if (event.key === "/") { event.preventDefault(); $("search").focus(); }
    else if (event.key === "+" || event.key === "=") zoom(1.25, ...middle);
    else if (event.key === "-") zoom(0.8, ...middle);
    else if (event.key === "0") fit(0);
    else if (event.key === "Escape") choose(null, false);
  });
  $("nearer").addEventListener("click", () => zoom(1.25, pane.clientWidth / 2, pane.clientHeight / 2));
  $("farther").addEventListener("click", () => zoom(0.8, pane.clientWidth / 2, pane.clientHeight / 2));
  $("fit").addEventListener("click", () => fit(0));
  $("heat").value = colour;
  $("heat").addEventListener("change", (event) => { colour = event.target.value; redraw(); });
  $("open-all").addEventListener("click", () => { boxes.forEach((box) => open.add(box.id)); redraw(); fit(0.8); });
  $("close-all").addEventListener("click", () => { open.clear(); unfolded.clear(); redraw(); fit(0.8); });
  for (const [button, part] of [["show-table", $("table")], ["show-source", source]])
    $(button).addEventListener("click", (event) => {
      part.hidden = !part.hidden;
      event.currentTarget.setAttribute("aria-pressed", String(!part.hidden));
    });

  $("name").textContent = data.name;
  $("name").title = data.title;
  const totals = data.totals;
  $("totals").textContent = [plural(totals.layers, "layer"), exact(totals.params) + " parameters", quantity(totals.macs) + " MACs", bytes(totals.activations) + " activations"].join(" · ");
  redraw();
  fit(0.8);
  tell(null);

  // What a newer page of the same file takes over from this one.
  window.archdsl = {
    keep: () => ({ open: [...open].map((id) => boxes[id].path), unfolded: [...unfolded].map((id) => boxes[id].path), view: { ...view }, known: boxes.map((box) => box.path) }),
    restore: (kept) => {
      const known = new Set(kept.known);
      for (const [set, paths] of [[open, new Set(kept.open)], [unfolded, new Set(kept.unfolded)]])
        for (const box of boxes) if (known.has(box.path)) set[paths.has(box.path) ? "add" : "delete"](box.id);
      redraw();
      Object.assign(view, kept.view);
      place();
    },
  };
})();
