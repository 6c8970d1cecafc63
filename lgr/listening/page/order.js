"use strict";
// Who hears what in which order: a function of the test and of a listener's seed, so that a session can be replayed.

// Marsaglia's 32-bit xorshift (2003): numbers in [0, 1).
function generator(seed) {
  let x = Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995 || 1; // neighbouring seeds start far apart; 0 would stay 0
  const next = () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}

// A new array in random order: Fisher and Yates.
function shuffled(values, random) {
  const out = [...values];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

// All trials of a listener. A question's trials come in a row, so that nobody has to switch between two scales.
function plan(test, seed) {
  const random = generator(seed);
  const trials = [];
  for (const question of shuffled(test.questions, random)) {
    for (const item of shuffled(test.items, random)) {
      trials.push({
        kind: "rating",
        question: question.name,
        item: item.id,
        reference: item.references[question.name],
        sounds: shuffled(item.sounds, random),
      });
    }
  }
  const pairs = [];
  for (const places of test.abx) {
    const order = shuffled(places, random);
    for (let i = 0; i < test.abx_trials; i++) {
      const place = order[i % order.length];
      const [a, b] = shuffled(place.sounds, random);
      pairs.push({ kind: "abx", item: place.item, a, b, x: random() < 0.5 ? a : b });
    }
  }
  return trials.concat(shuffled(pairs, random));
}
