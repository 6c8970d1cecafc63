"use strict";
// What a listener sees: a first page, the trials, and the answers as a file.

const main = document.getElementById("main");
const statusLine = document.getElementById("status");
const questions = new Map(TEST.questions.map((question) => [question.name, question]));
const player = new Player(showPlaying);
let buttons = new Map(); // name of a sound -> its buttons
let keys = new Map(); // a key -> the button it presses
let warning = ""; // stays on the status line
let state = restore() ?? fresh();
let trials = plan(TEST, state.seed);

function keep() {
  warning = kept(state) ? "" : "This browser keeps nothing: do not reload or close the page before the end.";
  statusLine.textContent = warning;
}

function forget() {
  forgotten();
  state = fresh();
  trials = plan(TEST, state.seed);
  showFirst();
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function show(...children) {
  main.replaceChildren(...children);
  window.scrollTo(0, 0);
  main.querySelector("h1").focus();
}

function heading(text) {
  return element("h1", { tabindex: -1 }, text);
}

function showPlaying(name) {
  for (const [each, button] of buttons) button.setAttribute("aria-pressed", String(each === name));
}

// A button that plays a sound; `key` (null: none) presses it too.
function playButton(name, label, key, heard = () => {}) {
  const button = element(
    "button",
    {
      type: "button",
      "aria-pressed": "false",
      "aria-keyshortcuts": key,
      onclick: async () => {
        if (await player.play(name)) heard();
      },
    },
    label,
  );
  buttons.set(name, button);
  if (key) keys.set(key, button);
  return button;
}

function stopButton() {
  const button = element("button", { type: "button", "aria-keyshortcuts": "s", onclick: () => player.stop() }, "Stop");
  keys.set("s", button);
  return button;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || ["TEXTAREA", "SELECT"].includes(event.target.tagName)) return;
  const button = keys.get(event.key.toLowerCase());
  if (button) {
    event.preventDefault();
    button.click();
  }
});

async function ready(names) {
  statusLine.textContent = "Loading sounds …";
  try {
    await player.load(names);
    statusLine.textContent = warning;
  } catch (error) {
    statusLine.textContent = `The sounds cannot be played: ${error.message}.`;
  }
}

// ------------------------------------------------------------------------------------------------ the first page

async function showFirst() {
  buttons = new Map();
  keys = new Map();
  document.title = TEST.title;
  const sound = TEST.items[0].references[TEST.questions[0].name];
  const consent = element("input", { type: "checkbox", id: "consent" });
  const setup = element(
    "select",
    { id: "setup" },
    ...[["", "Choose …"], ["headphones", "headphones"], ["loudspeakers", "loudspeakers"], ["built-in", "the device's own"]].map(
      ([value, text]) => element("option", { value }, text),
    ),
  );
  const start = element("button", { type: "button", class: "main", id: "start", disabled: true }, "Begin");
  const check = () => {
    start.disabled = !(consent.checked && setup.value);
  };
  consent.addEventListener("change", check);
  setup.addEventListener("change", check);
  start.addEventListener("click", () => {
    state.started = new Date().toISOString();
    state.setup = setup.value;
    keep();
    showNext();
  });
  const pairs = TEST.abx.length * TEST.abx_trials;
  show(
    heading(TEST.title),
    ...(TEST.note ? [element("p", { class: "note" }, TEST.note)] : []),
    element("p", {}, "A sound, the target, was played anew with small pieces of another sound, the source. You will hear several versions of each target, in random order and without their names, and answer:"),
    element(
      "ul",
      {},
      ...TEST.questions.map((question) => element("li", {}, `${question.text} From 0, not at all, to 100, completely.`)),
      ...(pairs ? [element("li", {}, "Which of two sounds is a third one the same as?")] : []),
    ),
    element("p", {}, `There are ${TEST.questions.length * TEST.items.length} pages of ratings${pairs ? `, then ${pairs} comparisons` : ""}: about ${TEST.minutes} minutes. All sounds are about equally loud. Use headphones if you can, in a quiet place, and take breaks when you like: what you answered stays.`),
    element("p", {}, "Taking part is voluntary. Your answers, how long they took, what you listen with and a random number are kept in this browser until you delete them; no name is asked for, and this page sends nothing anywhere. At the end you save a file and hand it in yourself, or not. You can stop at any time."),
    element("div", { class: "row" }, playButton(sound, "Play a sound to set your volume", "r"), stopButton()),
    element("label", { for: "setup" }, "I listen with", setup),
    element("label", { for: "consent" }, consent, "I have read this and agree to take part."),
    element("div", { class: "row" }, start),
  );
  await ready([sound]);
}

// ------------------------------------------------------------------------------------------------ trials

function showNext() {
  player.stop();
  const index = state.trials.length;
  if (index >= trials.length) return showEnd();
  if (state.current?.index !== index) {
    state.current = { index, begun: Date.now(), heard: [], ratings: {}, answer: null };
    keep();
  }
  buttons = new Map();
  keys = new Map();
  return trials[index].kind === "rating" ? showRating(trials[index]) : showPair(trials[index]);
}

function heardIt(name) {
  if (!state.current.heard.includes(name)) state.current.heard.push(name);
  keep();
}

function finish(answer) {
  state.trials.push({ ...answer, seconds: Math.round((Date.now() - state.current.begun) / 100) / 10 });
  state.current = null;
  keep();
  showNext();
}

function below(next) {
  const stop = () => {
    if (confirm("Stop, and delete all your answers?")) forget();
  };
  return [
    element("div", { class: "row" }, next),
    element("p", { class: "quiet" }, `Page ${state.trials.length + 1} of ${trials.length}`),
    element("progress", { max: trials.length, value: state.trials.length, "aria-label": "progress" }),
    element("div", { class: "row" }, element("button", { type: "button", id: "withdraw", onclick: stop }, "Stop and delete my answers")),
  ];
}

async function showRating(trial) {
  const question = questions.get(trial.question);
  const current = state.current;
  const next = element("button", { type: "button", class: "main", id: "next" }, "Next");
  const update = () => {
    next.disabled = !trial.sounds.every((name) => name in current.ratings && current.heard.includes(name));
  };
  const rows = trial.sounds.map((name, i) => {
    const shown = element("output", {}, name in current.ratings ? String(current.ratings[name]) : "–");
    const slider = element("input", {
      type: "range",
      min: 0,
      max: 100,
      step: 1,
      value: current.ratings[name] ?? 50,
      class: name in current.ratings ? null : "unset",
      "aria-label": `Rating of sound ${i + 1}`,
      "data-sound": name,
    });
    const rate = () => {
      current.ratings[name] = Number(slider.value);
      shown.textContent = slider.value;
      slider.classList.remove("unset");
      keep();
      update();
    };
    slider.addEventListener("input", rate);
    slider.addEventListener("pointerup", rate); // where it was left as it stood
    const button = playButton(name, `Sound ${i + 1}`, i < 9 ? String(i + 1) : null, () => {
      heardIt(name);
      update();
    });
    return element("div", { class: "sound" }, button, slider, shown);
  });
  next.addEventListener("click", () =>
    finish({
      kind: "rating",
      question: trial.question,
      item: trial.item,
      ratings: trial.sounds.map((sound) => ({ sound, rating: current.ratings[sound] })),
    }),
  );
  update();
  show(
    heading(question.text),
    element("div", { class: "row reach" }, playButton(trial.reference, question.label, "r"), stopButton()),
    element("p", { class: "quiet" }, `Rate every sound against “${question.label}”, which is among them and is 100 by definition. Play each one, go back and forth, and move every slider. Keys: R, 1 to 9, S; arrows move a slider.`),
    element("div", { class: "ends" }, element("span"), element("span", {}, "0 not at all"), element("span", {}, "completely 100"), element("span")),
    ...rows,
    ...below(next),
  );
  await ready([trial.reference, ...trial.sounds]);
}

async function showPair(trial) {
  const current = state.current;
  const next = element("button", { type: "button", class: "main", id: "next" }, "Next");
  const update = () => {
    next.disabled = !(current.answer && ["a", "b", "x"].every((each) => current.heard.includes(each)));
  };
  const button = (letter) => {
    const made = element(
      "button",
      {
        type: "button",
        "aria-pressed": "false",
        "aria-keyshortcuts": letter,
        "data-letter": letter,
        onclick: async () => {
          if (!(await player.play(trial[letter]))) return;
          // by letter, not by sound: X would light up with the one it is
          for (const each of row.children) each.setAttribute("aria-pressed", String(each === made));
          heardIt(letter);
          update();
        },
      },
      letter.toUpperCase(),
    );
    keys.set(letter, made);
    return made;
  };
  const row = element("div", { class: "row" }, ...["a", "b", "x"].map(button));
  const choice = (letter) => {
    const radio = element("input", { type: "radio", name: "answer", value: letter, id: `is-${letter}` });
    radio.checked = current.answer === letter;
    radio.addEventListener("change", () => {
      current.answer = letter;
      keep();
      update();
    });
    return element("label", { for: `is-${letter}` }, radio, `X is the same as ${letter.toUpperCase()}`);
  };
  next.addEventListener("click", () =>
    finish({ kind: "abx", item: trial.item, a: trial.a, b: trial.b, x: trial.x, answer: current.answer }),
  );
  update();
  const stop = stopButton();
  stop.addEventListener("click", () => {
    for (const each of row.children) each.setAttribute("aria-pressed", "false");
  });
  show(
    heading("Is X the same as A, or as B?"),
    row,
    element("div", { class: "row" }, stop),
    element("fieldset", {}, element("legend", {}, "Your answer"), choice("a"), choice("b")),
    element("p", { class: "quiet" }, "Play all three. If you cannot tell, guess. Keys: A, B, X, S."),
    ...below(next),
  );
  await ready([trial.a, trial.b]);
}

// ------------------------------------------------------------------------------------------------ the answers

function showEnd() {
  buttons = new Map();
  keys = new Map();
  if (!state.finished) {
    state.finished = new Date().toISOString();
    keep();
  }
  const { listener, seed, started, finished, setup, trials: answers } = state;
  const text = JSON.stringify(
    { format: "lgr-listening-answers", version: 1, test: TEST.test, listener, seed, started, finished, setup, trials: answers },
    null,
    1,
  );
  const save = () => {
    const link = element("a", {
      href: URL.createObjectURL(new Blob([text], { type: "application/json" })),
      download: `answers-${listener}.json`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  const again = () => {
    if (confirm("Delete these answers from this browser? They are gone unless you saved the file.")) forget();
  };
  show(
    heading("Thank you"),
    element("p", {}, `Save your answers and hand in the file answers-${listener}.json. It holds nothing but what you answered, when and how long it took, what you listened with, and random numbers.`),
    element("div", { class: "row" }, element("button", { type: "button", class: "main", id: "save", onclick: save }, "Save my answers")),
    element("details", {}, element("summary", {}, "If saving does not work, copy this text"), element("textarea", { readonly: true, id: "text", "aria-label": "answers" }, text)),
    element("div", { class: "row" }, element("button", { type: "button", id: "again", onclick: again }, "Delete my answers here, for the next listener")),
  );
}

if (state.started) showNext();
else showFirst();
