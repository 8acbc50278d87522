// Time spent on an item: only while the page is seen, and a minute at most after the last sign of
// life. `now` is in milliseconds and never goes back.

export const IDLE = 60_000;

export class Clock {
  constructor(now, visible = true) {
    this.last = now;
    this.alive = now;
    this.visible = visible;
    this.item = 0;
    this.total = 0;
  }

  // Count the time since the last call, as far as somebody was there.
  advance(now) {
    const until = Math.min(now, this.alive + IDLE);
    const spent = this.visible ? Math.max(0, until - this.last) : 0;
    this.item += spent;
    this.total += spent;
    this.last = now;
  }

  sign(now) {
    this.advance(now);
    this.alive = now;
  }

  see(visible, now) {
    this.advance(now);
    this.visible = visible;
    if (visible) this.alive = now;
  }

  // Begin with another item, on which some milliseconds were spent before.
  begin(now, before = 0) {
    this.advance(now);
    this.item = before;
  }

  idle(now) {
    return now - this.alive;
  }
}
