// Part 2 of 3: painting. The cloud is on one canvas, painted only when the view changes; the pointer, the selection and
// what is being drawn are on a second one above it.

// Places: data coordinates, and pixels of the stage with y downwards

const toX = (v) => (v - view.x) * view.scale + width / 2, toY = (v) => height / 2 - (v - view.y) * view.scale;
const fromX = (v) => (v - width / 2) / view.scale + view.x, fromY = (v) => (height / 2 - v) / view.scale + view.y;

function fit() {
  if (!n || !width) return;
  const { left, right, low, high } = grid;
  fitScale = Math.min((width - 40) / Math.max(right - left, 1e-6), (height - 40) / Math.max(high - low, 1e-6));
  view = { x: (left + right) / 2, y: (low + high) / 2, scale: fitScale };
}

function zoom(factor, px = width / 2, py = height / 2) {
  const [atX, atY] = [fromX(px), fromY(py)];
  view.scale = Math.min(fitScale * 400, Math.max(fitScale / 2, view.scale * factor));
  view.x = atX - (px - width / 2) / view.scale;
  view.y = atY - (height / 2 - py) / view.scale;
  paintSoon();
}

// Painting

const dark = () => document.body.classList.contains("dark") || document.documentElement.classList.contains("dark");
const style = (name) => getComputedStyle(element).getPropertyValue(name).trim();

function stamp(radius) { // pixels of a round dot and their opacity
  const reach = Math.ceil(radius), found = [];
  for (let dy = -reach; dy <= reach; dy++)
    for (let dx = -reach; dx <= reach; dx++) {
      const alpha = Math.round(255 * Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(dx, dy))));
      if (alpha) found.push([dx, dy, alpha]);
    }
  return found;
}

function palette() { // colours as the 32-bit numbers of an image, without opacity
  return Uint32Array.from(data.palette[dark() ? "dark" : "light"], (hex) => {
    const rgb = parseInt(hex.slice(1), 16);
    return ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16);
  });
}

function paint() {
  const w = cloud.width, h = cloud.height, context = cloud.getContext("2d");
  if (!w || !h) return;
  if (!image || image.width !== w || image.height !== h) image = context.createImageData(w, h);
  const pixels = new Uint32Array(image.data.buffer).fill(0);
  if (n) {
    const colours = palette();
    const crowd = Math.sqrt((2000 / n) * Math.min(4, view.scale / fitScale)); // fewer in sight: larger
    const dots = stamp(ratio * Math.min(4, Math.max(1.2, 3.2 * crowd)));
    const offsets = Int32Array.from(dots, ([dx, dy]) => dy * w + dx), alphas = Uint8Array.from(dots, (d) => d[2]);
    const margin = Math.max(...dots.map((d) => d[0]));
    const [scale, left, top] = [view.scale * ratio, toX(0) * ratio, toY(0) * ratio];
    for (let pass = only < 0 ? 1 : 0; pass < 2; pass++)
      for (let k = 0; k < n; k++) {
        const i = order[k], ours = only < 0 || colour[i] === only;
        if (ours !== (pass === 1)) continue; // others first, faint
        const px = Math.round(x[i] * scale + left), py = Math.round(top - y[i] * scale);
        if (px < margin || py < margin || px >= w - margin || py >= h - margin) continue;
        const at = py * w + px, rgb = colours[colour[i]];
        for (let d = 0; d < offsets.length; d++) {
          const alpha = ours ? alphas[d] : alphas[d] >> 3, j = at + offsets[d];
          // The more opaque of two dots wins at their rims: no blending, and none is needed at this size.
          if (alpha === 255 || alpha > pixels[j] >>> 24) pixels[j] = ((alpha << 24) | rgb) >>> 0;
        }
      }
  }
  context.putImageData(image, 0, 0);
  paintOverlay();
}

function paintOverlay() {
  const context = overlay.getContext("2d"), ink = style("--body-text-color") || "#222";
  const ground = style("--background-fill-primary") || "#fff";
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.lineJoin = context.lineCap = "round";
  const line = (points, thick, closed) => {
    context.beginPath();
    for (const [a, b] of points) context.lineTo(toX(a), toY(b));
    if (closed) context.closePath();
    // A rim of the ground's colour, so that the line is seen on any dots.
    for (const [stroke, size] of [[ground, thick + 3], [ink, thick]]) {
      context.strokeStyle = stroke; context.lineWidth = size; context.stroke();
    }
  };
  const ring = (i, radius, thick) => {
    for (const [stroke, size] of [[ground, thick + 3], [ink, thick]]) {
      context.beginPath(); context.arc(toX(x[i]), toY(y[i]), radius, 0, 7);
      context.strokeStyle = stroke; context.lineWidth = size; context.stroke();
    }
  };
  if (!n) return;
  if (target) {
    const points = Array.from({ length: target.length / 2 }, (_, i) => [target[2 * i], target[2 * i + 1]]);
    context.globalAlpha = 0.5; // thin and faint: the dots under it are to be clicked
    context.beginPath();
    for (const [a, b] of points) context.lineTo(toX(a), toY(b));
    context.strokeStyle = ink; context.lineWidth = 1; context.stroke();
    context.globalAlpha = 1;
    const [a, b] = points[0];
    context.beginPath(); context.arc(toX(a), toY(b), 4, 0, 7); context.fillStyle = ink; context.fill();
  }
  const stroke = drawing ?? drawn;
  if (stroke) line(stroke.line, 2.5, stroke.tool === "lasso" && stroke !== drawing);
  if (marked.length) {
    line(marked.map((i) => [x[i], y[i]]), 2, false);
    for (const i of marked) ring(i, 5, 2);
  }
  if (hovered >= 0 && hovered !== selected) ring(hovered, 7, 1.5);
  if (selected >= 0) ring(selected, 9, 2.5);
}

let waiting = 0;
function paintSoon() {
  if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; paint(); });
}

function resize() {
  const box = stage.getBoundingClientRect();
  if (!box.width || !box.height) return; // in a tab that is not open
  const fitted = !width || view.scale === fitScale;
  width = box.width; height = box.height; ratio = Math.min(2, window.devicePixelRatio || 1);
  for (const canvas of [cloud, overlay]) { canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); }
  if (fitted) fit();
  paint();
}

function showLegend() {
  legend.replaceChildren();
  if (!data) return;
  const colours = data.palette[dark() ? "dark" : "light"], text = (words) => document.createTextNode(words);
  if (data.legend.range) {
    const ramp = document.createElement("span");
    ramp.className = "scatter-ramp"; ramp.style.background = `linear-gradient(90deg, ${colours.join(", ")})`;
    const [low, high] = data.legend.range;
    legend.append(text(`${data.legend.title}: ${low}`), ramp, text(high));
    return;
  }
  data.legend.names.forEach((name, i) => {
    const button = document.createElement("button"), swatch = document.createElement("span");
    button.type = "button"; button.title = `Show ${name} alone`; button.setAttribute("aria-pressed", String(only === i));
    swatch.className = "scatter-swatch"; swatch.style.background = colours[i];
    button.append(swatch, text(name));
    button.onclick = () => { only = only === i ? -1 : i; showLegend(); paint(); };
    legend.append(button);
  });
}
