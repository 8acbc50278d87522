// What this browser keeps for one workspace, task and labeller, so that a reload loses nothing.

export class Kept {
  constructor(setup) {
    this.prefix = `twoloops/label/${setup.workspace}/${setup.task}/${setup.who}/`;
  }

  get(name, otherwise) {
    const text = localStorage.getItem(this.prefix + name);
    return text === null ? otherwise : JSON.parse(text);
  }

  set(name, value) {
    localStorage.setItem(this.prefix + name, JSON.stringify(value));
  }

  remove(name) {
    localStorage.removeItem(this.prefix + name);
  }

  // Names below a folder, sorted. One key an entry: two tabs never overwrite each other's.
  names(folder) {
    const start = `${this.prefix}${folder}/`;
    const found = [];
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i);
      if (key.startsWith(start)) found.push(key.slice(this.prefix.length));
    }
    return found.sort();
  }

  add(folder, value) {
    const last = Number((this.names(folder).at(-1) ?? "").split("/")[1]?.split("-")[0] ?? 0) || 0;
    const number = String(Math.max(last + 1, Date.now())).padStart(16, "0");
    const name = `${folder}/${number}-${Math.random().toString(36).slice(2, 8)}`;
    this.set(name, value);
    return name;
  }
}
