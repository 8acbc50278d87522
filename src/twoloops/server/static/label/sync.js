// Keeps server and page together: first what waits in the outbox, in its order, then new items.
//
// One thing at a time is asked for, so that what the server lists follows from what it was sent.

import { Away, Outside, Refused, call } from "./api.js";

const AHEAD = 4; // the item shown and three more
const MOST = 20;
const LONGEST = 30; // seconds between two tries
const LOOK = 5; // seconds until it is asked again whether there are questions

export class Sync {
  // `on` is told: items(reply), progress(progress), refused(entry, why), state(name, why).
  constructor(task, outbox, on) {
    this.base = `/api/v1/tasks/${encodeURIComponent(task)}/label`;
    this.lock = `twoloops/${outbox.kept.prefix}`;
    this.outbox = outbox;
    this.on = on;
    this.waits = 0; // tries that failed in a row
    this.again = false;
  }

  // Do what there is to do, soon. While the server is away only the timer or `force` tries again.
  poke(force = false) {
    if (this.running) {
      this.again = true;
      return;
    }
    if (this.waits && !force && this.timer !== undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.running = true;
    const alone = navigator.locks
      ? navigator.locks.request(this.lock, () => this.run())
      : this.run();
    alone.finally(() => {
      this.running = false;
      if (this.again) {
        this.again = false;
        this.poke();
      }
    });
  }

  later(seconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.poke(true);
    }, seconds * 1000);
  }

  async run() {
    try {
      await this.send();
      const ahead = Math.min(MOST, AHEAD + this.outbox.size);
      const reply = await call("POST", `${this.base}/next`, { ahead });
      this.waits = 0;
      this.on.state("here");
      this.on.items(reply);
      if (!reply.items.length) this.later(LOOK);
    } catch (error) {
      this.failed(error);
    }
  }

  async send() {
    for (let entry = this.outbox.list()[0]; entry; entry = this.outbox.list()[0]) {
      this.outbox.trying(entry);
      try {
        const done = await call("POST", `${this.base}/${this.outbox.route(entry)}`, entry.body);
        this.outbox.remove(entry);
        this.waits = 0;
        this.on.progress(done.progress);
        this.on.state("here");
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.on.refused(entry, error.message);
        this.outbox.remove(entry);
      }
    }
  }

  failed(error) {
    if (error instanceof Outside) {
      this.on.state("outside", error.message);
    } else if (error instanceof Away) {
      this.waits += 1;
      const doubled = Math.min(LONGEST, 2 ** (this.waits - 1));
      this.later(Math.max(error.seconds, doubled * (0.75 + Math.random() / 2)));
      this.on.state(error.network ? "offline" : "busy", error.message);
    } else {
      this.on.state("refused", error.message);
      if (!(error instanceof Refused)) throw error;
    }
  }

  opinion(item) {
    const query = new URLSearchParams({ observation: item.observation });
    return call("GET", `${this.base}/opinion?${query}`);
  }

  bought() {
    return call("GET", `${this.base}/bought`);
  }

  // Sent while the page goes away; others get the items at once.
  giveBack(observations) {
    if (!observations.length) return;
    call("POST", `${this.base}/give-back`, { observations }, { keepalive: true, signal: null })
      .catch(() => {});
  }
}
