"use strict";
// All sounds of a trial run together in a loop and one of them is let through, so switching never loses the place.
// A page opened from a file may not read other files, but may run scripts: sounds come as scripts, in base64.

const waiting = new Map(); // name -> what to do with its data

// Called by audio/NAME.js.
function lgrSound(name, data) {
  waiting.get(name)?.(data);
  waiting.delete(name);
}

function readSound(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    waiting.set(name, (data) => {
      script.remove();
      resolve(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer);
    });
    script.onerror = () => reject(new Error("a sound is missing; the files of this test must stay together"));
    script.src = `audio/${name}.js`;
    document.head.append(script);
  });
}

class Player {
  constructor(changed) {
    this.changed = changed; // called with the name that now plays, or null
    this.context = null;
    this.buffers = new Map();
    this.running = new Map(); // name -> {source, gain}
  }

  // Have exactly these sounds ready.
  async load(names) {
    this.stop();
    this.context ??= new AudioContext();
    const kept = this.buffers;
    this.buffers = new Map();
    const loaded = await Promise.all(
      names.map(async (name) => [name, kept.get(name) ?? (await this.context.decodeAudioData(await readSound(name)))]),
    );
    this.buffers = new Map(loaded);
  }

  // Let `name` through, from where the sounds are; false where it is not ready.
  async play(name) {
    await this.context.resume();
    if (!this.buffers.has(name)) return false;
    if (!this.running.size) {
      const at = this.context.currentTime + 0.05;
      for (const [each, buffer] of this.buffers) {
        const source = new AudioBufferSourceNode(this.context, { buffer, loop: true });
        const gain = new GainNode(this.context, { gain: 0 });
        source.connect(gain).connect(this.context.destination);
        source.start(at);
        this.running.set(each, { source, gain });
      }
    }
    for (const [each, { gain }] of this.running) {
      gain.gain.setTargetAtTime(each === name ? 1 : 0, this.context.currentTime, 0.004); // no click
    }
    this.changed(name);
    return true;
  }

  stop() {
    for (const { source } of this.running.values()) source.stop();
    this.running.clear();
    this.changed(null);
  }
}
