// Which key means what. Digits are read by place as well, for keyboards whose digits want Shift.

const LABELS = "123456789abdefghijklmpqrstvwyz";

const ACTIONS = {
  u: "undo",
  Backspace: "undo",
  x: "pass",
  n: "new",
  c: "comment",
  o: "opinion",
  "/": "filter",
  "?": "help",
  "+": "closer",
  "=": "closer",
  "-": "farther",
  0: "whole",
};

const ARROWS = {
  ArrowLeft: ["left", "contrast-"],
  ArrowRight: ["right", "contrast+"],
  ArrowUp: ["up", "brightness+"],
  ArrowDown: ["down", "brightness-"],
};

export const HELP = [
  ["1–9, a–z", "the label with that key"],
  ["U or Backspace", "undo, several times"],
  ["X", "can’t tell"],
  ["N", "not in the list: a new label"],
  ["C", "comment"],
  ["O", "what the model says (then kept with the answer)"],
  ["/", "find a label"],
  ["+ − 0", "closer, farther, whole"],
  ["arrows", "move what is magnified"],
  ["Shift + arrows", "contrast, brightness (pictures)"],
];

export function keyOf(index) {
  return LABELS[index] ?? "";
}

// What a key event asks for: {label: index}, {action: name}, or nothing.
export function meaning(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.isComposing) return {};
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const arrow = ARROWS[key];
  if (arrow !== undefined) return { action: arrow[event.shiftKey ? 1 : 0] };
  if (key in ACTIONS) return { action: ACTIONS[key] };
  const place = event.shiftKey ? undefined : /^(?:Digit|Numpad)([0-9])$/.exec(event.code)?.[1];
  if (place === "0") return { action: "whole" };
  const index = LABELS.indexOf(/^[0-9]$/.test(key) ? key : (place ?? key));
  return key.length === 1 && index >= 0 ? { label: index } : {};
}

// Arrow keys repeat while they are held; nothing else does.
export function repeats(event) {
  return event.repeat && event.key in ARROWS
    ? { action: ARROWS[event.key][event.shiftKey ? 1 : 0] }
    : {};
}

// Whether a key is typed into something, and so is none of ours.
export function typing(event) {
  const at = event.target;
  if (at instanceof HTMLInputElement && at.type === "range") return event.key in ARROWS;
  return at instanceof HTMLElement && at.matches("input, textarea, select, dialog, dialog *");
}
