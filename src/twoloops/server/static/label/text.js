// A text, as it came.

const STEP = 1.2;

let size = 1; // stays from one text to the next

export async function load(item) {
  const element = document.createElement("div");
  element.className = "text";
  const words = document.createElement("p");
  words.dir = "auto";
  words.textContent = item.text;
  element.append(words);
  const attached = () => (words.style.fontSize = size === 1 ? "" : `${size * 1.35}rem`);
  return {
    element,
    described: item.text,
    attached,
    act(action) {
      if (action === "up" || action === "down") {
        element.scrollBy({ top: action === "up" ? -80 : 80 });
        return;
      }
      const by = { closer: STEP, farther: 1 / STEP, whole: 1 / size }[action] ?? 1;
      size = Math.min(4, Math.max(0.6, size * by));
      attached();
    },
  };
}
