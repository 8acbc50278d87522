// The buttons of the labels: one key each, which stays the same as long as the page is used.

import { keyOf } from "./keys.js";

const FEW = 9;

export class Labels {
  constructor(root, line, input, kept, choose) {
    Object.assign(this, { root, line, input, kept, choose });
    this.order = [];
    this.at = 0;
    input.addEventListener("input", () => this.sift());
    input.addEventListener("keydown", (event) => this.typed(event));
  }

  // Show these labels: those known before keep their places, new ones come last.
  set(labels) {
    const known = this.order.length ? this.order : this.kept.get("order", []);
    const order = known.filter((one) => labels.includes(one));
    order.push(...labels.filter((one) => !order.includes(one)));
    if (order.length === this.order.length && order.every((one, i) => one === this.order[i])) return;
    this.order = order;
    this.kept.set("order", order);
    this.root.replaceChildren(...order.map((label, index) => this.button(label, index)));
    this.line.hidden = order.length <= FEW;
    this.sift();
  }

  add(label) {
    this.set([...this.order, label]);
  }

  button(label, index) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "label";
    made.dataset.label = label;
    const key = keyOf(index);
    const name = document.createElement("span");
    name.textContent = label;
    if (key) {
      const mark = document.createElement("kbd");
      mark.textContent = key.toUpperCase();
      made.append(mark);
      made.setAttribute("aria-keyshortcuts", key);
    }
    made.append(name);
    made.addEventListener("click", () => this.choose(label));
    return made;
  }

  // Show for a moment which button a key has pressed.
  flash(label) {
    for (const one of this.root.children) one.classList.toggle("chosen", one.dataset.label === label);
  }

  enabled(yes) {
    for (const one of this.root.children) one.disabled = !yes;
  }

  find() {
    if (!this.line.hidden) this.input.focus();
  }

  shown() {
    return [...this.root.children].filter((one) => !one.hidden);
  }

  sift(at = 0) {
    const word = this.input.value.trim().toLowerCase();
    for (const one of this.root.children) {
      one.hidden = !one.dataset.label.toLowerCase().includes(word);
    }
    const left = this.shown();
    this.at = Math.min(Math.max(0, at), left.length - 1);
    for (const one of this.root.children) {
      one.classList.toggle("found", word !== "" && one === left[this.at]);
    }
    if (word) left[this.at]?.scrollIntoView({ block: "nearest" });
  }

  typed(event) {
    if (event.key === "Escape") this.leave();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.sift(this.at + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" && this.input.value.trim()) {
      const found = this.shown()[this.at];
      if (found === undefined) return;
      this.leave();
      this.choose(found.dataset.label);
    }
  }

  leave() {
    this.input.value = "";
    this.sift();
    this.input.blur();
  }
}
