// What must not be overlooked: a refused answer stays until somebody has read it, also over a
// reload; other sentences go by themselves.

const SHORT = 6000; // milliseconds

export class Notices {
  constructor(root, kept) {
    this.root = root;
    this.kept = kept;
  }

  say(text) {
    const line = this.line(text);
    this.root.append(line);
    setTimeout(() => line.remove(), SHORT);
  }

  refused(entry, why) {
    const what = entry.kind === "answer" ? `“${entry.body.label}”` : "“can’t tell”";
    const text = `Your answer ${what} was not taken in: ${why}. The item comes back.`;
    this.keep(this.kept.add("refused", text), text);
  }

  restore() {
    for (const name of this.kept.names("refused")) this.keep(name, this.kept.get(name));
  }

  keep(name, text) {
    const line = this.line(text);
    line.classList.add("refused");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Read";
    button.addEventListener("click", () => {
      this.kept.remove(name);
      line.remove();
    });
    line.append(button);
    this.root.append(line);
  }

  line(text) {
    const line = document.createElement("div");
    line.className = "notice";
    const words = document.createElement("span");
    words.textContent = text;
    line.append(words);
    return line;
  }
}
