// Where things lie: inner rooms first, long chains cut where everything passes through one item.

// ---------------------------------------------------------------- layout, inner rooms first

const measure = (item) => {
  if (item.type === "piece") {
    item.w = Math.max(64, ...item.keys.map((key) => width(cut(caption(nodes[key]), LONGEST), "12px") + 20));
    item.h = CELL * item.keys.length;
  } else if (item.type === "closed") {
    item.title = cut(title(item.box, item.times > 1), LONGEST);
    const first = quantity(item.box.params), last = quantity(boxes[item.box.run.at(-1)].params);
    const each = item.times === 1 ? first + " params" : first === last ? first + " params each" : first + "…" + last + " params";
    item.under = plural(item.box.layers, "layer") + (item.box.params ? " · " + each : "");
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
  const add = (id, w, h, item) => ends.set(id, { id, w, h, item, index: ends.size });
  for (const tensor of room.ins) add("in " + tensor, 4, 1);
  for (const item of room.items) add(idOf(item), item.w, item.h, item);
  for (const tensor of room.outs) add("out " + tensor, 4, 1);
  const list = [...ends.values()];
  const wires = [...room.wires.values()];
  for (const wire of wires) {
    wire.tail = ends.get(idOf(wire.a));
    wire.head = ends.get(idOf(wire.b));
    wire.span = wire.head.index - wire.tail.index;
  }
  // Where a layout would take long, what reaches far is led down the side; in the worst case everything is one column.
  let used = wires, cuts = cutsOf(list, used);
  for (const reach of [12, 1]) {
    if (!heavy(list, used, cuts)) break;
    used = wires.filter((wire) => wire.span > 0 && wire.span <= reach);
    cuts = reach > 1 ? cutsOf(list, used) : list.map((_, index) => index);
  }
  const pieces = [];
  let start = 0;
  for (const index of [...cuts, list.length - 1]) {
    if (index > start || list.length === 1) pieces.push([start, index]);
    start = Math.max(start, index);
  }
  const byTail = new Map();
  for (const wire of used) {
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
  const led = new Set(used);
  if (led.size < wires.length) lanes(list, wires.filter((wire) => !led.has(wire)));
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

// The items through which everything passes that comes before and after them.
const cutsOf = (list, wires) => {
  const before = new Set(wires.map((wire) => wire.head)), after = new Set(wires.map((wire) => wire.tail));
  if (wires.some((wire) => wire.span <= 0)) return [];
  const over = new Array(list.length + 1).fill(0);
  for (const { tail, head, span } of wires) if (span > 1) { over[tail.index + 1]++; over[head.index]--; }
  const lastSource = list.reduce((last, end) => (before.has(end) ? last : Math.max(last, end.index)), 0);
  const firstSink = list.reduce((first, end) => (after.has(end) ? first : Math.min(first, end.index)), list.length);
  const cuts = [];
  let spans = 0;
  for (let index = 0; index < list.length; index++) {
    spans += over[index];
    if (!spans && index >= lastSource && index <= firstSink) cuts.push(index);
  }
  return cuts;
};

// Whether some piece between two cuts has so many items, or lines past so many, that its layout takes seconds.
const heavy = (list, wires, cuts) => {
  const piece = new Array(list.length).fill(0), ends = new Set(cuts);
  let number = 0;
  for (let index = 0; index < list.length; index++) {
    piece[index] = number;
    if (ends.has(index)) number++;
  }
  const items = new Map(), past = new Map();
  for (const at of piece) items.set(at, (items.get(at) || 0) + 1);
  for (const { tail, span } of wires) {
    const at = piece[Math.min(tail.index + 1, list.length - 1)];
    past.set(at, (past.get(at) || 0) + Math.abs(span));
  }
  return [...items.values()].some((many) => many > 300) || [...past.values()].some((many) => many > 4000);
};

// Lines at the left, one for each tensor, where no other is at that height.
const lanes = (list, wires) => {
  const left = Math.min(...list.map((end) => end.x - end.w / 2)) - 18;
  const reach = new Map();
  for (const wire of wires) {
    const known = reach.get(wire.tensor) || [Infinity, -Infinity];
    reach.set(wire.tensor, [Math.min(known[0], wire.tail.index, wire.head.index), Math.max(known[1], wire.tail.index, wire.head.index)]);
  }
  const free = [], lane = new Map();
  for (const [tensor, [from, to]] of [...reach].sort((a, b) => a[1][0] - b[1][0])) {
    let at = free.findIndex((last) => last <= from);
    if (at < 0) at = free.length;
    free[at] = to;
    lane.set(tensor, at);
  }
  for (const wire of wires) {
    const x = left - 12 * lane.get(wire.tensor), { tail, head } = wire;
    const start = tail.y + tail.h / 2, end = head.y - head.h / 2;
    wire.points = [{ x: tail.x - tail.w * 0.3, y: start }, { x, y: start + 12 }, { x, y: end - 12 }, { x: head.x - head.w * 0.3, y: end }];
    wire.at = { x, y: start + 24 };
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
// Branches stand from left to right as they follow each other in the text.
const mirror = (graph, part) => {
  const ranks = new Map();
  for (const end of part) {
    const node = graph.node(end.id), y = Math.round(node.y * 4);
    if (end.item) ranks.set(y, [...(ranks.get(y) || []), [node.x, end.index]]);
  }
  let order = 0;
  for (const rank of ranks.values()) {
    rank.sort((a, b) => a[0] - b[0]);
    for (let index = 1; index < rank.length; index++) order += Math.sign(rank[index][1] - rank[index - 1][1]);
  }
  if (order >= 0) return;
  for (const id of graph.nodes()) graph.node(id).x *= -1;
  for (const name of graph.edges()) {
    const edge = graph.edge(name);
    edge.points.forEach((point) => { point.x *= -1; });
    if (edge.x !== undefined) edge.x *= -1;
  }
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
  graph.setGraph({ rankdir: "TB", nodesep: 22, edgesep: 14, ranksep: SPACE });
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
  mirror(graph, part);
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
