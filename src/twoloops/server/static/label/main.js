// The label page: an item is shown, a key answers it, the next one is there already.

import { as } from "./api.js";
import { Kept } from "./kept.js";
import { Clock } from "./clock.js";
import * as dialogs from "./dialogs.js";
import * as figures from "./figures.js";
import { meaning, repeats, typing } from "./keys.js";
import { Labels } from "./labels.js";
import { Notices } from "./notices.js";
import { Outbox } from "./outbox.js";
import { Queue } from "./queue.js";
import { Sync } from "./sync.js";
import { Views } from "./views.js";

const $ = (id) => document.getElementById(id);
const HISTORY = 30;
const OPINIONS = 200;
const BOUGHT = 4000; // milliseconds between two questions what the labels bought

const setup = JSON.parse($("app").dataset.setup);
const kept = new Kept(setup);
const outbox = new Outbox(kept);
const queue = new Queue();
const views = new Views(setup.kind);
const clock = new Clock(performance.now(), document.visibilityState === "visible");
const notices = new Notices($("notices"), kept);
const labels = new Labels($("labels"), $("filterline"), $("filter"), kept, answer);
const given = { count: 0, seconds: 0 };
const opinions = new Map(); // by observation, where they were asked for

let shown = null; // the item on the screen
let view = null; // its view; `null` while it loads: what is not seen is not answered
let comment = "";
let progress = null;
let known = setup.labels; // labels the server has

const sync = new Sync(setup.task, outbox, {
  items(reply) {
    progress = reply.progress;
    known = reply.labels;
    const waiting = outbox.last();
    const unsent = [...waiting.values()].filter((one) => one.body.new_label).map((one) => one.body.label);
    labels.set([...new Set([...known, ...unsent])]);
    const lost = queue.merge(reply.items, waiting);
    if (lost !== undefined && shown !== null) notices.say("That item is not asked of you any more.");
    show();
  },
  progress(found) {
    progress = found;
    tell();
    buy();
  },
  refused(entry, why) {
    if (entry.kind !== "undo") {
      notices.refused(entry, why);
      queue.putFirst(entry.item);
    } else {
      notices.say(`Not undone: ${why}`);
      queue.items = queue.items.filter((one) => one.observation !== entry.body.observation);
    }
    show();
  },
  state,
});

function show() {
  views.ahead(queue.items.slice(0, 5));
  $("stage").dataset.ahead = queue.items.length;
  const item = queue.first ?? null;
  if (item?.observation === shown?.observation) {
    if (item === null) rest();
    shown = item;
    tell();
    return;
  }
  shown = item;
  view = null;
  const mine = kept.get("drafts", []).find((one) => one.observation === item?.observation);
  comment = mine?.comment ?? "";
  clock.begin(performance.now(), mine?.spent ?? 0);
  if (item === null) rest();
  else attach(item);
  opine();
  tell();
}

function attach(item) {
  const ready = views.ready(item);
  if (ready !== undefined) {
    put(item, ready);
    return;
  }
  $("stage").replaceChildren(words("Loading …"));
  delete $("stage").dataset.observation;
  labels.enabled(false);
  views.get(item).then(
    (found) => shown?.observation === item.observation && view === null && put(item, found),
    (error) => {
      if (shown?.observation !== item.observation) return;
      $("stage").replaceChildren(words(`${error.message}; it is tried again`));
      setTimeout(() => shown?.observation === item.observation && view === null && attach(item), 3000);
    },
  );
}

function put(item, found) {
  view = found;
  $("stage").replaceChildren(found.element);
  $("stage").dataset.observation = item.observation;
  $("stage").classList.toggle("again", item.second_look);
  found.attached?.();
  labels.enabled(true);
  labels.flash(null);
  clock.begin(performance.now(), clock.item);
  const look = item.second_look ? "A second look at what was labelled. " : "";
  $("announce").textContent = `${look}Next: ${found.described}`;
}

function rest() {
  const [title, more] = figures.nothing(progress, setup.task, stands[0]);
  if ($("stage").dataset.rest === title + more && $("stage").querySelector(".rest")) return;
  const box = words(more);
  const head = document.createElement("h2");
  head.textContent = title;
  box.prepend(head);
  box.classList.add("rest");
  $("stage").replaceChildren(box);
  $("stage").dataset.rest = title + more;
  delete $("stage").dataset.observation;
  labels.enabled(false);
  $("announce").textContent = title;
}

function words(text) {
  const box = document.createElement("div");
  box.className = "words";
  const line = document.createElement("p");
  line.textContent = text;
  box.append(line);
  return box;
}

function tell() {
  const waiting = [...outbox.last().values()].filter((one) => one.kind !== "undo").length;
  if (progress !== null) figures.progress(progress, given, waiting);
  $("comment").hidden = comment === "" || shown === null;
  $("comment").textContent = comment;
  if (!$("state").classList.contains("here")) state(); // the count may have changed
}

let stands = ["here", ""];
function state(name = stands[0], why = stands[1]) {
  stands = [name, why];
  const count = outbox.size;
  const wait = count === 0 ? "" : count === 1 ? ", 1 answer waits here" : `, ${count} answers wait here`;
  const says = {
    here: "",
    offline: `offline${wait}`,
    busy: `${why}${wait}`,
    refused: why,
    outside: `${why}${wait}. `,
  }[name];
  $("state").className = `state ${name}`;
  $("state").textContent = says;
  if (name === "outside") {
    const link = document.createElement("a");
    link.href = `/login#to=${encodeURIComponent(location.pathname)}`;
    link.textContent = "Log in again";
    $("state").append(link);
  }
}

// Leave the item on the screen with an answer, and show the next one.
function leave(kind, body) {
  const item = shown;
  clock.sign(performance.now());
  const seconds = Math.round(clock.item / 100) / 10;
  outbox.add(kind, item, { observation: item.observation, ...body, seconds });
  kept.set("history", [...kept.get("history", []), { item, comment }].slice(-HISTORY));
  drafts(item, null);
  given.count += 1;
  given.seconds += seconds;
  queue.shift();
  show();
  sync.poke();
}

function answer(label) {
  if (shown === null || view === null) return;
  if (!labels.order.includes(label)) labels.add(label);
  const body = { label, comment, opinion_shown: seen(shown), new_label: !known.includes(label) };
  labels.flash(label);
  leave("answer", body);
}

async function pass() {
  if (shown === null) return;
  const item = shown;
  const why = await dialogs.cannotTell(comment);
  if (why !== null && shown?.observation === item.observation) leave("pass", { why });
}

async function name() {
  if (shown === null || view === null) return;
  const item = shown;
  const label = await dialogs.newLabel(labels.order);
  if (label !== null && shown?.observation === item.observation) answer(label);
}

async function remark() {
  if (shown === null) return;
  const item = shown;
  const said = await dialogs.comment(comment);
  if (said === null || shown?.observation !== item.observation) return;
  comment = said;
  draft();
  tell();
}

function undo() {
  const history = kept.get("history", []);
  const last = history.pop();
  if (last === undefined) {
    notices.say("There is nothing to undo.");
    return;
  }
  const { item } = last;
  kept.set("history", history);
  draft();
  drafts(item, { comment: last.comment, spent: 0 });
  outbox.undo(item);
  given.count = Math.max(0, given.count - 1);
  queue.putFirst(item);
  show();
  sync.poke();
}

// Whether the labeller has seen what the model decided of an item; it stays seen after a reload.
function seen(item) {
  return Boolean(item.opinion) || kept.get("opinions", []).includes(item.observation);
}

function opine() {
  const said = shown === null ? undefined : (shown.opinion ?? opinions.get(shown.observation));
  const shows = said !== undefined && said !== null;
  const none = shown !== null && opinions.get(shown.observation) === null;
  $("said").hidden = !shows && !none;
  $("said").textContent = shows || none ? figures.opinion(said ?? null) : "";
  $("ask").hidden = shows || none;
  $("ask").disabled = shown === null;
}

async function opinion() {
  const item = shown;
  if (item === null || view === null || $("ask").hidden) return;
  try {
    const said = await sync.opinion(item);
    opinions.set(item.observation, said);
    if (said !== null) {
      const before = kept.get("opinions", []).filter((one) => one !== item.observation);
      kept.set("opinions", [...before, item.observation].slice(-OPINIONS));
    }
  } catch (error) {
    notices.say(`The model’s opinion cannot be had now: ${error.message}`);
  }
  opine();
  if (shown === item) $("announce").textContent = $("said").textContent;
}

// What is not answered yet and would be lost with the page: comment and time.
function draft() {
  if (shown === null) return;
  clock.advance(performance.now());
  drafts(shown, { comment, spent: clock.item });
}

function drafts({ observation }, what) {
  const others = kept.get("drafts", []).filter((one) => one.observation !== observation);
  const mine = what === null ? [] : [{ observation, ...what }];
  kept.set("drafts", [...others, ...mine].slice(-HISTORY));
}

const ACTIONS = {
  undo,
  pass,
  new: name,
  comment: remark,
  opinion,
  filter: () => labels.find(),
  help: dialogs.help,
};

function act(action) {
  if (action in ACTIONS) ACTIONS[action]();
  else view?.act(action);
}

document.addEventListener("keydown", (event) => {
  clock.sign(performance.now());
  if (typing(event)) return;
  const { action, label } = event.repeat ? repeats(event) : meaning(event);
  if (action !== undefined) {
    event.preventDefault();
    act(action);
  } else if (label !== undefined && label < labels.order.length) {
    event.preventDefault();
    answer(labels.order[label]);
  }
});
for (const button of document.querySelectorAll("[data-action]")) {
  button.addEventListener("click", () => act(button.dataset.action));
}
$("help").addEventListener("click", dialogs.help);

for (const sign of ["pointerdown", "pointermove", "wheel"]) {
  document.addEventListener(sign, back, { passive: true, capture: true });
}

// Somebody is there again: leases may have ended meanwhile.
function back() {
  const away = clock.idle(performance.now()) > setup.lease_seconds * 500;
  clock.sign(performance.now());
  if (away) sync.poke(true);
}

document.addEventListener("visibilitychange", () => {
  const visible = document.visibilityState === "visible";
  clock.see(visible, performance.now());
  if (visible) sync.poke(true);
});
addEventListener("online", () => sync.poke(true));
addEventListener("offline", () => state("offline", ""));
addEventListener("pageshow", (event) => event.persisted && sync.poke(true));
addEventListener("pagehide", () => {
  draft();
  const waiting = outbox.last();
  sync.giveBack(queue.items.map((one) => one.observation).filter((one) => !waiting.has(one)));
});
addEventListener("beforeunload", (event) => {
  if (outbox.size) event.preventDefault();
});
new ResizeObserver(() => view?.resized?.()).observe($("stage"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view?.resized?.());

// Leases are renewed while somebody is at work, and end by themselves when nobody is.
const renew = Math.min(120, setup.lease_seconds / 3) * 1000;
setInterval(() => {
  const working = clock.idle(performance.now()) < setup.lease_seconds * 1000;
  if (working && document.visibilityState === "visible") sync.poke();
}, renew);

let asked = -Infinity; // when it was last asked what the labels bought
let soon = null;
function bought() {
  asked = performance.now();
  sync.bought().then(
    (found) => ($("bought").textContent = found.told),
    () => {}, // it is not worth a notice: the next time will do
  );
}

// Answers change it: it is asked anew after them, however many, once in a while.
function buy() {
  soon ??= setTimeout(() => {
    soon = null;
    bought();
  }, Math.max(0, asked + BOUGHT - performance.now()));
}

as(setup.who);
dialogs.prepare();
labels.set(setup.labels);
notices.restore();
show();
sync.poke();
// What the page gave back while it was reloaded may reach the server after the first question.
setTimeout(() => sync.poke(), 2000);
bought();
setInterval(bought, 120_000);
