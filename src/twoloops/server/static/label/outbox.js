// Answers that the server does not have yet, in the order in which they were given.
//
// An entry is {kind: "answer" | "pass" | "undo", item, body, tried}. `tried` is written before the
// entry is sent: from then on the server may have it, whether or not it could say so.

const ROUTES = { answer: "answer", pass: "pass", undo: "undo" };

export class Outbox {
  constructor(kept) {
    this.kept = kept;
  }

  add(kind, item, body) {
    this.kept.add("outbox", { kind, item, body, tried: false });
  }

  list() {
    return this.kept.names("outbox").map((name) => ({ name, ...this.kept.get(name) }));
  }

  get size() {
    return this.kept.names("outbox").length;
  }

  remove(entry) {
    this.kept.remove(entry.name);
  }

  route(entry) {
    return ROUTES[entry.kind];
  }

  trying(entry) {
    const { kind, item, body } = entry;
    this.kept.set(entry.name, { kind, item, body, tried: true });
  }

  // What was said last of each observation that waits here.
  last() {
    return new Map(this.list().map((entry) => [entry.body.observation, entry]));
  }

  // Take the last answer to an observation back: unsent it never was, else the server is told.
  undo(item) {
    const entry = this.last().get(item.observation);
    if (entry !== undefined && !entry.tried && entry.kind !== "undo") this.remove(entry);
    else this.add("undo", item, { observation: item.observation });
  }
}
