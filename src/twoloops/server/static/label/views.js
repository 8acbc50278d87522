// What is shown of an item, loaded and decoded before its turn comes.

import * as picture from "./picture.js";
import * as signal from "./signal.js";
import * as text from "./text.js";

const KINDS = { image: picture, signal, text };
const KEEP = 12; // shown before, for undo

export class Views {
  constructor(kind) {
    this.load = KINDS[kind].load;
    this.made = new Map(); // by observation: {view} or {promise}
  }

  // Return the view where it is there already.
  ready(item) {
    return this.made.get(item.observation)?.view;
  }

  // Return the view in time; an item that could not be loaded may be asked for again.
  async get(item) {
    let one = this.made.get(item.observation);
    if (one === undefined) {
      one = {};
      this.made.set(item.observation, one);
      one.promise = this.load(item).then(
        (view) => (one.view = view),
        (error) => {
          this.made.delete(item.observation);
          throw error;
        },
      );
    }
    return one.view ?? one.promise;
  }

  ahead(items) {
    for (const item of items) this.get(item).catch(() => {});
    const wanted = new Set(items.map((item) => item.observation));
    for (const name of this.made.keys()) {
      if (this.made.size <= items.length + KEEP) break;
      if (!wanted.has(name)) this.made.delete(name);
    }
  }
}
