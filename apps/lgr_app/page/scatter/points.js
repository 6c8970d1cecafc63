// A cloud of points to hear, part 1 of 3: what came, and finding points in it. The parts are joined by component.py and
// run as one inside gr.HTML: `element`, `trigger`, `props` and `watch` are Gradio's. What `props.value` holds, and what
// the events carry, is said in component.py. Typed arrays and a grid, so that 50,000 points stay smooth.

const find = (name) => element.querySelector(name);
const stage = find(".scatter-stage"), cloud = find(".scatter-cloud"), overlay = find(".scatter-overlay");
const tip = find(".scatter-tip"), said = find(".scatter-said"), legend = find(".scatter-legend");
const REACH = 22; // pixels from a point at which it still answers
const DRAG = 5; // pixels that make a press a drag
const PINCH = "pinch";

let n = 0, data = null; // the value as it came
let x, y, colour, nameOf, seconds, target, order; // typed arrays of the points
let grid = null; // points by cell, for finding the nearest
let view = { x: 0, y: 0, scale: 1 }, fitScale = 1; // data coordinates of the middle, pixels a unit
let width = 0, height = 0, ratio = 1, image = null;
let tool = "point", selected = -1, hovered = -1, only = -1;
let drawing = null, drawn = null; // the line being drawn, and the last one; data coordinates
let marked = []; // points marked with the space bar
const pointers = new Map();

// Reading what came

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const floats = (text) => new Float32Array(bytes(text).buffer);

function read(value) {
  const same = data && value && data.points === value.points; // only its colours changed: keep view and selection
  data = value && value.points ? value : null;
  find(".scatter-empty").textContent = data ? "" : (props.empty ?? "");
  if (!data) n = 0;
  else {
    const points = floats(data.points);
    n = points.length / 2;
    x = new Float32Array(n); y = new Float32Array(n);
    for (let i = 0; i < n; i++) { x[i] = points[2 * i]; y[i] = points[2 * i + 1]; }
    colour = bytes(data.colour);
    nameOf = data.name_of ? new Int32Array(bytes(data.name_of).buffer) : null;
    seconds = data.seconds ? floats(data.seconds) : null;
    target = data.line ? floats(data.line) : null;
  }
  if (!same) {
    selected = hovered = only = -1; drawing = drawn = null; marked = [];
    if (data) { mix(); sort(); }
    said.textContent = data ? `${n.toLocaleString("en")} ${data.things}` : "";
    fit();
  }
  showLegend();
  paint();
}

function mix() { // an order in which no file is painted over all others
  order = new Uint32Array(n);
  let step = Math.max(1, Math.floor(n * 0.618));
  const divisor = (a, b) => (b ? divisor(b, a % b) : a);
  while (divisor(n, step) !== 1) step++;
  for (let i = 0, at = 0; i < n; i++, at = (at + step) % n) order[i] = at;
}

function sort() { // points by cell of a square grid of about two a cell: counting sort
  let left = Infinity, right = -Infinity, low = Infinity, high = -Infinity;
  for (let i = 0; i < n; i++) {
    left = Math.min(left, x[i]); right = Math.max(right, x[i]);
    low = Math.min(low, y[i]); high = Math.max(high, y[i]);
  }
  const across = Math.max(1, Math.ceil(Math.sqrt(n / 2)));
  const size = Math.max((right - left) / across, (high - low) / across, 1e-9);
  const cells = new Uint32Array(n), starts = new Uint32Array(across * across + 1), members = new Uint32Array(n);
  const clip = (v) => Math.min(across - 1, Math.max(0, Math.floor(v)));
  for (let i = 0; i < n; i++) starts[(cells[i] = clip((y[i] - low) / size) * across + clip((x[i] - left) / size)) + 1]++;
  for (let c = 0; c < across * across; c++) starts[c + 1] += starts[c];
  const next = starts.slice();
  for (let i = 0; i < n; i++) members[next[cells[i]]++] = i;
  grid = { left, right, low, high, across, size, starts, members, clip };
}

// Finding points

function within(atX, atY, reach, visit) { // every point of the cells that a square around (atX, atY) touches
  const { left, low, size, across, starts, members, clip } = grid;
  const [a, b] = [clip((atX - reach - left) / size), clip((atX + reach - left) / size)];
  for (let row = clip((atY - reach - low) / size); row <= clip((atY + reach - low) / size); row++)
    for (let k = starts[row * across + a]; k < starts[row * across + b + 1]; k++) visit(members[k]);
}

function nearest(atX, atY, reach) {
  let best = -1, least = reach * reach;
  if (n) within(atX, atY, reach, (i) => {
    const distance = (x[i] - atX) ** 2 + (y[i] - atY) ** 2;
    if (distance <= least && shown(i)) { least = distance; best = i; }
  });
  return best;
}

function towards(dx, dy) { // the nearest point in a quarter of the plane
  if (selected < 0) return nearest(view.x, view.y, Infinity);
  let best = selected, least = Infinity;
  for (let i = 0; i < n; i++) {
    const a = (x[i] - x[selected]) * dx + (y[i] - y[selected]) * dy;
    const b = (x[i] - x[selected]) * dy - (y[i] - y[selected]) * dx;
    const distance = a * a + b * b;
    if (a > 0 && Math.abs(b) <= a && distance < least && shown(i)) { least = distance; best = i; }
  }
  return best;
}

function inside(line) { // points in a closed line, in their order; even-odd rule
  const found = [];
  for (let i = 0; i < n; i++) {
    if (!shown(i)) continue;
    let odd = false;
    for (let a = 0, b = line.length - 1; a < line.length; b = a++) {
      const [xa, ya] = line[a], [xb, yb] = line[b];
      if (ya > y[i] !== yb > y[i] && x[i] < ((xb - xa) * (y[i] - ya)) / (yb - ya) + xa) odd = !odd;
    }
    if (odd) found.push(i);
  }
  return found;
}

const shown = (i) => only < 0 || colour[i] === only;
const named = (i) => (data.names.length ? data.names[nameOf ? nameOf[i] : i] : `point ${i + 1}`)
  + (seconds ? `, ${seconds[i].toFixed(2)} s` : "");
