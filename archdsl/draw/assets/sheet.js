// The picture on the sheet, and moving about in it.

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
