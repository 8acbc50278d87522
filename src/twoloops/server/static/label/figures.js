// What the page says of how far it is, in words.

const $ = (id) => document.getElementById(id);

export function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// Money comes by currency: two currencies never add.
export function money(sums) {
  return sums.map(({ amount, currency }) => `${Number(amount).toFixed(2)} ${currency}`).join(" and ");
}

// `given` are this page's answers and their time; `waiting` answers the server does not have yet.
export function progress(found, given, waiting) {
  if (found.turn === null) {
    $("bar").value = 0;
    $("count").textContent = "no turn asks";
    $("mine").textContent = "";
    $("cost").textContent = "";
    return;
  }
  const open = Math.max(0, found.open - waiting);
  $("bar").max = Math.max(1, found.asked);
  $("bar").value = found.asked - open;
  $("count").textContent = `${open} of ${found.asked} open`;
  const mine = found.mine + waiting;
  const parts = [`${mine} by you`];
  if (found.seconds >= 1) parts.push(`${duration(found.seconds)}`);
  if (given.count >= 3 && given.seconds > 0) {
    parts.push(`${((60 * given.count) / given.seconds).toFixed(1)} a minute`);
  }
  $("mine").textContent = parts.join(", ");
  const others = found.leased ? `; others have ${found.leased} before them` : "";
  $("cost").textContent = `turn ${found.turn}: ${money(found.cost)}${others}`;
}

export function opinion(said) {
  if (said === null) return "No model had decided on this one.";
  const rest = said.probabilities
    .slice(0, 3)
    .map(([label, share]) => `${label} ${(100 * share).toFixed(0)} %`)
    .join(", ");
  return `The model said ${said.label} (${rest}).`;
}

// What is shown instead of an item: what happens next.
export function nothing(found, task, stands) {
  if (found === null && stands === "here") return ["Loading …", ""];
  if (found === null) return ["Waiting for the server", "Answers you gave wait here and are sent first."];
  if (found.turn === null) {
    return [
      "No turn asks for labels now",
      `A turn opens when observations have come in: with  twoloops turn ${task} , or by itself ` +
        "where the server runs turns. This page goes on by itself then.",
    ];
  }
  if (found.open === 0) {
    return [
      "Every question is answered",
      `Turn ${found.turn} goes on with training and judging: with  twoloops turn ${task} , or by ` +
        "itself where the server runs turns. It may ask again to verify; this page goes on then.",
    ];
  }
  const held = found.leased ? `others have ${found.leased} before them` : "you have had your say";
  return [
    "Nothing for you now",
    `${found.open} questions of turn ${found.turn} are open: ${held}. Items that are given back ` +
      "come here by themselves.",
  ];
}
