// Part 3 of 3: mouse, touch and keys.

function choose(i, play) {
  selected = i; drawn = null;
  said.textContent = named(i);
  const [px, py] = [toX(x[i]), toY(y[i])];
  if (px < 0 || py < 0 || px > width || py > height) { view.x = x[i]; view.y = y[i]; paint(); }
  else paintOverlay();
  if (play) trigger("click", { index: i });
}

function send(kind, payload, words) { said.textContent = words; trigger(kind, payload); }

function finish({ tool: kind, line }) {
  if (kind === "lasso") {
    const indices = inside(line);
    if (indices.length) send("lasso", { indices, marked: false }, `${indices.length.toLocaleString("en")} ${data.things} in the lasso`);
    else said.textContent = `No ${data.things} in the lasso`;
  } else send("line", { line }, "Line drawn");
}

function setTool(name) {
  tool = overlay.dataset.tool = name;
  for (const button of element.querySelectorAll("[data-tool][role=radio]")) {
    const on = button.dataset.tool === name;
    button.setAttribute("aria-checked", String(on)); button.tabIndex = on ? 0 : -1;
  }
}

const place = (event) => {
  const box = overlay.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

overlay.addEventListener("pointerdown", (event) => {
  if (!n || event.button > 0) return;
  pointers.set(event.pointerId, place(event));
  overlay.setPointerCapture(event.pointerId);
  const [px, py] = place(event);
  if (pointers.size > 1) { drawing = { tool: PINCH, line: [] }; return; }
  drawing = { tool, line: [[fromX(px), fromY(py)]], from: [px, py], last: [px, py], moved: false };
});

overlay.addEventListener("pointermove", (event) => {
  if (!n) return;
  const [px, py] = place(event);
  if (!drawing) {
    hovered = event.pointerType === "touch" ? -1 : nearest(fromX(px), fromY(py), REACH / view.scale);
    tip.hidden = hovered < 0;
    if (hovered >= 0) {
      tip.textContent = named(hovered);
      const [a, b] = [toX(x[hovered]), toY(y[hovered])];
      tip.style.left = `${Math.max(4, Math.min(a + 12, width - tip.offsetWidth - 4))}px`;
      tip.style.top = `${b > 40 ? b - 34 : b + 14}px`;
    }
    paintOverlay();
    return;
  }
  if (!pointers.has(event.pointerId)) return;
  const before = [...pointers.values()];
  pointers.set(event.pointerId, [px, py]);
  tip.hidden = true;
  if (drawing.tool === PINCH) {
    const after = [...pointers.values()];
    if (after.length < 2) return;
    const span = ([a, b]) => Math.max(20, Math.hypot(a[0] - b[0], a[1] - b[1]));
    const middle = ([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const [from, to] = [middle(before), middle(after)];
    view.x -= (to[0] - from[0]) / view.scale; view.y += (to[1] - from[1]) / view.scale;
    zoom(span(after) / span(before), ...to);
    return;
  }
  const step = Math.hypot(px - drawing.last[0], py - drawing.last[1]);
  drawing.moved ||= Math.hypot(px - drawing.from[0], py - drawing.from[1]) > DRAG;
  if (drawing.tool === "point") {
    if (drawing.moved) {
      view.x -= (px - drawing.last[0]) / view.scale; view.y += (py - drawing.last[1]) / view.scale;
      paintSoon();
    }
    drawing.last = [px, py];
  } else if (step >= 2) {
    drawing.line.push([fromX(px), fromY(py)]);
    drawing.last = [px, py];
    paintOverlay();
  }
});

function lift(event) {
  pointers.delete(event.pointerId);
  if (!drawing || pointers.size) return;
  const done = drawing;
  drawing = null;
  if (event.type === "pointercancel" || done.tool === PINCH) { paintOverlay(); return; }
  if (done.moved && done.tool !== "point") { drawn = done; selected = -1; marked = []; finish(done); }
  else if (!done.moved) {
    const i = nearest(...done.line[0], REACH / view.scale);
    if (i >= 0) choose(i, true);
  }
  paintOverlay();
}
overlay.addEventListener("pointerup", lift);
overlay.addEventListener("pointercancel", lift);
overlay.addEventListener("pointerleave", () => { if (!drawing) { hovered = -1; tip.hidden = true; paintOverlay(); } });
overlay.addEventListener("wheel", (event) => {
  if (!n || !(event.ctrlKey || event.metaKey)) return; // without it, the wheel scrolls the page
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * 0.01), ...place(event));
}, { passive: false });

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
overlay.addEventListener("keydown", (event) => {
  if (!n || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in ARROWS) { const i = towards(...ARROWS[event.key]); if (i >= 0) choose(i, false); }
  else if (event.key === "Enter" && event.shiftKey && marked.length)
    send("lasso", { indices: marked, marked: true }, `${marked.length} ${data.things} in the order they were marked`);
  else if (event.key === "Enter" && selected >= 0) choose(selected, true);
  else if (event.key === " " && selected >= 0) {
    marked = [...marked, selected];
    said.textContent = `${named(selected)}: number ${marked.length}. Shift and Enter play them in order`;
    paintOverlay();
  } else if (event.key === "Escape") { marked = []; drawn = null; only = -1; showLegend(); paint(); }
  else if (event.key === "+" || event.key === "=") zoom(1.5);
  else if (event.key === "-") zoom(1 / 1.5);
  else if (event.key === "0") { fit(); paint(); }
  else return;
  event.preventDefault();
});

for (const button of element.querySelectorAll("[data-tool][role=radio]")) {
  if (!props.tools.includes(button.dataset.tool)) { button.remove(); continue; }
  button.onclick = () => setTool(button.dataset.tool);
  button.onkeydown = (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    const next = props.tools[(props.tools.indexOf(tool) + by + props.tools.length) % props.tools.length];
    setTool(next); find(`[data-tool=${next}][role=radio]`).focus(); event.preventDefault();
  };
}
for (const button of element.querySelectorAll("[data-zoom]"))
  button.onclick = () => { if (Number(button.dataset.zoom)) zoom(Number(button.dataset.zoom)); else { fit(); paint(); } };

element.parentElement.style.padding = "0"; // Gradio's frame around it would set it off from what is above and below
overlay.setAttribute("aria-label", props.described ?? "");
new ResizeObserver(resize).observe(stage);
const scheme = new MutationObserver(() => { if (data) showLegend(); paint(); });
scheme.observe(document.body, { attributes: true, attributeFilter: ["class"] });
scheme.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
setTool(props.tools[0]);
watch("value", () => read(props.value));
read(props.value);
// For tests: where a point is on the page, and a frame on demand.
overlay.scatter = {
  count: () => n,
  at: (i) => [toX(x[i]), toY(y[i])],
  pan: (by) => { view.x += by / view.scale; paint(); },
};
