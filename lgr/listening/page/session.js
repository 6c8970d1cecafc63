"use strict";
// What was answered, kept in the browser (localStorage) until it is deleted: a reload or a closed lid loses nothing.

const place = `lgr-listening-${TEST.test}`;

function fresh() {
  const asked = Number(new URLSearchParams(location.search).get("seed") ?? NaN);
  const [seed, high, low] = crypto.getRandomValues(new Uint32Array(3));
  const listener = [high, low].map((each) => each.toString(16).padStart(8, "0")).join("");
  return { listener, seed: Number.isInteger(asked) ? asked >>> 0 : seed, started: null, setup: "", trials: [], current: null };
}

function restore() {
  try {
    return JSON.parse(localStorage.getItem(place));
  } catch {
    return null;
  }
}

function kept(state) {
  try {
    localStorage.setItem(place, JSON.stringify(state));
    return true;
  } catch {
    return false;
  }
}

// Whether there was something to forget or not, it is gone.
function forgotten() {
  try {
    localStorage.removeItem(place);
  } catch {
    // where nothing can be kept, nothing is
  }
}
