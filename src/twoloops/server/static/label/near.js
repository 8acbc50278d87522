// Labels that are nearly the same: by letters without case and accents, and by edit distance.

export function near(word, labels) {
  const mine = plain(word);
  return labels.filter((label) => {
    const other = plain(label);
    const most = Math.min(2, Math.floor(Math.max(mine.length, other.length) / 4));
    return mine === other || distance(mine, other) <= most;
  });
}

export function tidy(word) {
  return word.normalize("NFC").trim().replace(/\s+/g, " ");
}

function plain(word) {
  const letters = word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return letters.replace(/[\s_-]+/g, "") || letters;
}

// Damerau and Levenshtein's distance with adjacent swaps (optimal string alignment).
export function distance(a, b) {
  const row = (n) => Array.from({ length: n }, (_, i) => i);
  let [older, old] = [[], row(b.length + 1)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(old[j] + 1, next[j - 1] + 1, old[j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, older[j - 2] + 1);
      }
      next.push(best);
    }
    [older, old] = [old, next];
  }
  return old[b.length];
}
