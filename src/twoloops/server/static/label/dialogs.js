// Questions to the labeller; each returns what was said, or `null` where it was left.

import { HELP } from "./keys.js";
import { near, tidy } from "./near.js";

const $ = (id) => document.getElementById(id);

function opened(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }),
  );
}

export function prepare() {
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close(""));
  }
  $("words").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      $("commenting").close("yes");
    }
  });
  $("keys").replaceChildren(
    ...HELP.flatMap(([key, means]) => {
      const [term, words] = [document.createElement("dt"), document.createElement("dd")];
      [term.textContent, words.textContent] = [key, means];
      return [term, words];
    }),
  );
}

export async function cannotTell(comment) {
  $("why").value = comment;
  return (await opened($("passing"))) ? $("why").value.trim() : null;
}

export async function comment(before) {
  $("words").value = before;
  return (await opened($("commenting"))) ? $("words").value.trim() : null;
}

export function help() {
  return opened($("helping"));
}

// Asks for a label's name, then whether it is spelled so; offers those that are nearly the same.
export async function newLabel(labels) {
  const [dialog, name] = [$("naming"), $("name")];
  name.value = "";
  ask(true);
  let chosen = null;
  const going = (event) => {
    const word = tidy(name.value);
    if (!$("naming-ask").hidden) {
      event.preventDefault();
      if (labels.includes(word)) {
        chosen = word;
        dialog.close("yes");
      } else if (word) confirm(word);
    } else chosen = word;
  };
  function confirm(word) {
    ask(false);
    $("spelled").textContent = word;
    $("near").replaceChildren(
      ...near(word, labels).map((label) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = `No, use “${label}”, which is there`;
        button.addEventListener("click", () => {
          chosen = label;
          dialog.close("yes");
        });
        return button;
      }),
    );
    // Whoever presses Enter without looking takes the one that is there.
    const offered = $("near").firstElementChild;
    $("naming-enter").hidden = offered !== null;
    (offered ?? $("naming-go").parentElement).focus();
  }
  const form = dialog.querySelector("form");
  form.addEventListener("submit", going);
  const said = await opened(dialog);
  form.removeEventListener("submit", going);
  return said ? chosen : null;
}

function ask(first) {
  $("naming-ask").hidden = !first;
  $("naming-confirm").hidden = first;
  $("naming-enter").hidden = false;
  $("naming-go").textContent = first ? "Go on" : "Yes, add it";
}
