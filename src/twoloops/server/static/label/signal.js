// A signal: each channel as a waveform, with its spectrogram below on the same axis of time.

import { spectrogram } from "./fourier.js";
import { parse } from "./npy.js";

const LOWEST = -70; // decibels that are still told apart
const LEFT = 64;
const BOTTOM = 34;
const FONT = "12px system-ui, sans-serif";
const DASH = "\u2212";

// Anchors of viridis (Smith and van der Walt, CC0): equal steps look equal, also without colour.
const VIRIDIS = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141],
  [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37],
];

export async function load(item) {
  const response = await fetch(`/api/v1/inputs/${item.input}`);
  if (!response.ok) throw new Error("the signal could not be loaded");
  return new Signal(parse(await response.arrayBuffer()));
}

class Signal {
  constructor(channels) {
    this.channels = channels;
    this.samples = channels[0].length;
    this.range = [0, this.samples];
    this.extents = channels.map(extent);
    this.spectra = channels.map((one) => {
      const found = spectrogram(one);
      return found && painted(found);
    });
    this.described = told(channels, this.extents);
    this.element = document.createElement("div");
    this.element.className = "signal";
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", this.described);
    this.element.append(this.canvas);
    this.listen();
  }

  attached() {
    this.range = [0, this.samples];
    this.draw();
  }

  resized() {
    this.draw();
  }

  act(action) {
    const [from, to] = this.range;
    const moves = { left: -0.15, right: 0.15 };
    if (action === "closer") this.magnify(1 / 1.4, (from + to) / 2);
    else if (action === "farther") this.magnify(1.4, (from + to) / 2);
    else if (action === "whole") this.attached();
    else if (action in moves) this.move((to - from) * moves[action]);
    else if (action === "up" || action === "down") {
      this.element.scrollBy({ top: action === "up" ? -80 : 80 });
    }
  }

  magnify(by, around) {
    const [from, to] = this.range;
    const width = Math.min(this.samples, Math.max(16, (to - from) * by));
    const start = around - ((around - from) * width) / (to - from);
    this.show(start, width);
  }

  move(by) {
    const [from, to] = this.range;
    this.show(from + by, to - from);
  }

  show(start, width) {
    const from = Math.min(Math.max(0, start), this.samples - width);
    this.range = [from, from + width];
    this.draw();
  }

  listen() {
    const sample = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const [from, to] = this.range;
      return from + ((event.clientX - box.left - LEFT) / (box.width - LEFT - 8)) * (to - from);
    };
    this.canvas.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && this.element.scrollHeight > this.element.clientHeight + 4) return;
        event.preventDefault();
        this.magnify(event.deltaY < 0 ? 1 / 1.2 : 1.2, sample(event));
      },
      { passive: false },
    );
    let held = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      held = sample(event);
      if (event.pointerType === "mouse") this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (held !== null && event.pointerType === "mouse") this.move(held - sample(event));
    });
    for (const name of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(name, () => (held = null));
    }
    this.canvas.addEventListener("dblclick", () => this.act("whole"));
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width) return;
    const each = Math.max(150, (height - BOTTOM - 6) / this.channels.length);
    const tall = each * this.channels.length + BOTTOM;
    const density = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * density);
    this.canvas.height = Math.round(tall * density);
    this.canvas.style.height = `${tall}px`;
    const pen = this.canvas.getContext("2d");
    pen.scale(density, density);
    pen.font = FONT;
    const style = getComputedStyle(this.element);
    const ink = (name) => style.getPropertyValue(name).trim();
    const colours = { ink: ink("--ink"), faint: ink("--line"), line: ink("--accent") };
    const plot = { left: LEFT, width: width - LEFT - 8 };
    this.channels.forEach((values, index) => {
      const top = index * each + 4;
      const spectrum = this.spectra[index];
      const upper = spectrum ? each * 0.52 : each - 12;
      const waveBox = { ...plot, top: top + 14, height: upper - 20 };
      wave(pen, values, this.extents[index], this.range, waveBox, colours);
      pen.fillStyle = colours.ink;
      pen.textAlign = "left";
      pen.fillText(`channel ${index + 1}`, LEFT + 4, top + 9);
      if (spectrum) {
        const below = { ...plot, top: top + upper + 2, height: each - upper - 14 };
        picture(pen, spectrum, this.samples, this.range, below, colours);
      }
    });
    times(pen, this.range, { ...plot, top: tall - BOTTOM - 4 }, colours);
  }
}

function extremes(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function extent(values) {
  const [low, high] = extremes(values);
  return low === high ? [low - 1, high + 1] : [low, high];
}

function told(channels, extents) {
  const parts = extents.map(
    ([low, high], i) => `channel ${i + 1} from ${short(low)} to ${short(high)}`,
  );
  const many = channels.length === 1 ? "1 channel" : `${channels.length} channels`;
  return `signal, ${many} of ${channels[0].length} samples; ${parts.join(", ")}`;
}

// The spectrogram as a small picture: a column a moment, the highest frequency on top.
function painted({ decibels, frames, bins }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [frames, bins];
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(frames, bins);
  for (let f = 0; f < frames; f++) {
    for (let b = 0; b < bins; b++) {
      const level = Math.min(1, Math.max(0, 1 - decibels[f * bins + b] / LOWEST));
      const place = level * (VIRIDIS.length - 1);
      const at = Math.min(Math.floor(place), VIRIDIS.length - 2);
      const offset = 4 * ((bins - 1 - b) * frames + f);
      for (let c = 0; c < 3; c++) {
        const [a, z] = [VIRIDIS[at][c], VIRIDIS[at + 1][c]];
        image.data[offset + c] = a + (z - a) * (place - at);
      }
      image.data[offset + 3] = 255;
    }
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}

function wave(pen, values, [low, high], [from, to], box, colours) {
  const y = (value) => box.top + box.height * (1 - (value - low) / (high - low));
  const x = (sample) => box.left + (box.width * (sample - from)) / (to - from);
  frame(pen, box, colours);
  pen.textAlign = "right";
  for (const tick of ticks(low, high, Math.max(2, Math.floor(box.height / 32)))) {
    rule(pen, box, y(tick), colours.faint);
    pen.fillStyle = colours.ink;
    pen.fillText(short(tick), box.left - 6, y(tick) + 4);
  }
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top - 2, box.width, box.height + 4);
  pen.clip();
  pen.strokeStyle = colours.line;
  pen.lineWidth = 1.25;
  pen.beginPath();
  const [first, last] = [Math.max(0, Math.floor(from)), Math.min(values.length - 1, Math.ceil(to))];
  const each = (last - first) / box.width;
  if (each <= 2) {
    for (let s = first; s <= last; s++) pen.lineTo(x(s), y(values[s]));
  } else {
    // More samples than pixels: the least and the greatest of each column, so that no peak is lost.
    for (let column = 0; column < box.width; column++) {
      const start = first + Math.floor(column * each);
      const end = Math.max(start + 1, first + Math.floor((column + 1) * each));
      const [least, most] = extremes(values.subarray(start, end));
      pen.lineTo(box.left + column, y(least));
      pen.lineTo(box.left + column, y(most));
    }
  }
  pen.stroke();
  pen.restore();
}

function picture(pen, spectrum, samples, [from, to], box, colours) {
  const scale = spectrum.width / samples;
  pen.imageSmoothingEnabled = false;
  pen.drawImage(
    spectrum, from * scale, 0, (to - from) * scale, spectrum.height,
    box.left, box.top, box.width, box.height,
  );
  frame(pen, box, colours);
  pen.fillStyle = colours.ink;
  pen.textAlign = "right";
  const marks = box.height > 60 ? [0, 0.25, 0.5] : [0, 0.5];
  for (const mark of marks) {
    const y = box.top + box.height * (1 - 2 * mark);
    pen.fillText(mark === 0 ? "0" : String(mark), box.left - 6, y + (mark === 0.5 ? 9 : mark ? 4 : 0));
  }
  pen.save();
  pen.translate(12, box.top + box.height / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  if (box.height > 70) pen.fillText("cycles/sample", 0, 0);
  pen.restore();
}

function times(pen, [from, to], box, colours) {
  pen.fillStyle = colours.ink;
  pen.textAlign = "center";
  for (const tick of ticks(from, to, Math.max(2, Math.floor(box.width / 90)))) {
    const x = box.left + (box.width * (tick - from)) / (to - from);
    pen.fillText(short(tick), Math.min(x, box.left + box.width - 12), box.top + 12);
  }
  pen.fillText("sample", box.left + box.width / 2, box.top + 28);
}

function frame(pen, box, colours) {
  pen.strokeStyle = colours.faint;
  pen.lineWidth = 1;
  pen.strokeRect(box.left + 0.5, box.top + 0.5, box.width - 1, box.height - 1);
}

function rule(pen, box, y, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 0.5;
  pen.beginPath();
  pen.moveTo(box.left, y);
  pen.lineTo(box.left + box.width, y);
  pen.stroke();
}

// Round values from `low` to `high`, at most about `most` of them.
export function ticks(low, high, most) {
  const raw = (high - low) / most;
  const ten = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((one) => one * ten).find((one) => one >= raw) ?? raw;
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(k * step);
  return found;
}

function short(value) {
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e6)
    ? value.toExponential(1)
    : String(Number(value.toPrecision(4)));
  return text.replace("-", DASH);
}
