// The items before the labeller, the one that is shown first.

export class Queue {
  constructor() {
    this.items = [];
  }

  get first() {
    return this.items[0];
  }

  // Take over what the server lists as this labeller's.
  //
  // `waiting` says by observation what waits in the outbox: an answered item is not shown again,
  // and one whose answer is being taken back stays, though the server does not list it yet.
  merge(listed, waiting) {
    const open = new Map(
      listed
        .filter((item) => !["answer", "pass"].includes(waiting.get(item.observation)?.kind))
        .map((item) => [item.observation, item]),
    );
    const stays = (item) =>
      open.has(item.observation) || waiting.get(item.observation)?.kind === "undo";
    const lost = this.first !== undefined && !stays(this.first) ? this.first : undefined;
    const before = this.items.filter(stays);
    const known = new Set(before.map((item) => item.observation));
    this.items = [
      ...before.map((item) => open.get(item.observation) ?? item),
      ...[...open.values()].filter((item) => !known.has(item.observation)),
    ];
    return lost;
  }

  shift() {
    return this.items.shift();
  }

  putFirst(item) {
    this.items = [item, ...this.items.filter((one) => one.observation !== item.observation)];
  }
}
