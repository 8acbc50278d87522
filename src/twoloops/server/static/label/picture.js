// A picture: magnified by wheel, keys, buttons, two fingers; moved by dragging; light by keys.

const CLOSEST = 40;
const STEP = 1.3;
const MOVE = 60; // pixels of the screen

// Light stays from one picture to the next: a series is often dark as a whole.
const light = { contrast: 1, brightness: 1 };

export async function load(item) {
  const image = new Image();
  image.alt = "the picture to label";
  image.draggable = false;
  image.src = `/api/v1/inputs/${item.input}/picture`;
  try {
    await image.decode();
  } catch {
    throw new Error("the picture could not be loaded");
  }
  return new Picture(image);
}

class Picture {
  constructor(image) {
    this.image = image;
    this.described = `picture, ${image.naturalWidth} by ${image.naturalHeight} pixels`;
    this.element = document.createElement("div");
    this.element.className = "picture";
    this.frame = document.createElement("div");
    this.frame.className = "frame";
    this.frame.append(image);
    this.element.append(this.frame, this.controls());
    this.pointers = new Map();
    this.listen();
  }

  // Called each time it is put on the screen.
  attached() {
    this.act("whole");
    this.shine();
  }

  resized() {
    this.fit();
    this.place();
  }

  controls() {
    const bar = document.createElement("div");
    bar.className = "controls";
    const button = (sign, name, action) => {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = sign;
      made.setAttribute("aria-label", name);
      made.addEventListener("click", () => this.act(action));
      return made;
    };
    bar.append(
      button("+", "Closer", "closer"),
      button("−", "Farther", "farther"),
      button("⤢", "Whole picture, light as it is", "reset"),
      this.slider("contrast"),
      this.slider("brightness"),
    );
    return bar;
  }

  slider(name) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "range";
    // By doublings, so that the light as it is stands in the middle.
    [input.min, input.max, input.step] = ["-2", "2", "0.1"];
    input.addEventListener("input", () => {
      light[name] = 2 ** Number(input.value);
      this.shine();
    });
    this[name] = input;
    label.append(name === "contrast" ? "◐" : "☀", input);
    input.setAttribute("aria-label", name === "contrast" ? "Contrast" : "Brightness");
    return label;
  }

  shine() {
    for (const name of ["contrast", "brightness"]) this[name].value = Math.log2(light[name]);
    const plain = light.contrast === 1 && light.brightness === 1;
    this.image.style.filter = plain
      ? ""
      : `brightness(${light.brightness}) contrast(${light.contrast})`;
  }

  act(action) {
    const box = this.frame.getBoundingClientRect();
    const middle = [box.width / 2, box.height / 2];
    const moves = { left: [MOVE, 0], right: [-MOVE, 0], up: [0, MOVE], down: [0, -MOVE] };
    if (action === "closer") this.magnify(STEP, ...middle);
    else if (action === "farther") this.magnify(1 / STEP, ...middle);
    else if (action === "whole" || action === "reset") {
      [this.scale, this.x, this.y] = [1, 0, 0];
      if (action === "reset") [light.contrast, light.brightness] = [1, 1];
      this.shine();
      this.fit();
      this.place();
    } else if (action in moves) this.move(...moves[action]);
    else if (/^(contrast|brightness)[+-]$/.test(action)) {
      const name = action.slice(0, -1);
      const by = action.endsWith("+") ? 1.15 : 1 / 1.15;
      light[name] = Math.min(4, Math.max(0.25, light[name] * by));
      if (Math.abs(light[name] - 1) < 0.02) light[name] = 1;
      this.shine();
    }
  }

  // The size at which the whole picture fills the frame.
  fit() {
    const { clientWidth: width, clientHeight: height } = this.frame;
    const { naturalWidth, naturalHeight } = this.image;
    this.unit = Math.min(width / naturalWidth, height / naturalHeight) || 1;
    this.image.style.width = `${naturalWidth * this.unit}px`;
    this.image.style.height = `${naturalHeight * this.unit}px`;
  }

  magnify(by, x, y) {
    const before = this.scale;
    this.scale = Math.min(CLOSEST, Math.max(1, before * by));
    const grown = this.scale / before;
    // The point under the pointer stays where it is.
    const { clientWidth: width, clientHeight: height } = this.frame;
    this.x = (this.x + width / 2 - x) * grown - width / 2 + x;
    this.y = (this.y + height / 2 - y) * grown - height / 2 + y;
    this.place();
  }

  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.place();
  }

  place() {
    const { clientWidth, clientHeight } = this.frame;
    const { naturalWidth, naturalHeight } = this.image;
    const room = (whole, shown) => Math.max(0, (whole * this.unit * this.scale - shown) / 2);
    const [mostX, mostY] = [room(naturalWidth, clientWidth), room(naturalHeight, clientHeight)];
    this.x = Math.min(mostX, Math.max(-mostX, this.x));
    this.y = Math.min(mostY, Math.max(-mostY, this.y));
    this.image.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.image.classList.toggle("pixels", this.unit * this.scale > 3);
    this.element.dataset.scale = this.scale.toFixed(2);
  }

  listen() {
    const frame = this.frame;
    const at = (event) => {
      const box = frame.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    frame.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.magnify(Math.exp(-Math.sign(event.deltaY) * Math.min(0.4, Math.abs(event.deltaY) / 300)), ...at(event));
      },
      { passive: false },
    );
    frame.addEventListener("dblclick", (event) => {
      if (this.scale > 1) this.act("whole");
      else this.magnify(4, ...at(event));
    });
    frame.addEventListener("pointerdown", (event) => {
      frame.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, at(event));
    });
    frame.addEventListener("pointermove", (event) => this.dragged(event, at(event)));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      frame.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
    }
  }

  dragged(event, [x, y]) {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) return;
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, [x, y]);
    if (other === undefined) {
      this.move(x - before[0], y - before[1]);
      return;
    }
    const apart = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
    const middle = [(x + other[0]) / 2, (y + other[1]) / 2];
    this.move((x - before[0]) / 2, (y - before[1]) / 2);
    this.magnify(apart([x, y]) / apart(before), ...middle);
  }
}
