// Keeps the counts of the loops' figure up to date; without it the page shows those it came with.
"use strict";
(() => {
  const EVERY = 5000; // ms
  const places = document.querySelectorAll("[data-count]");
  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/api/v1/overview/counts", { headers: { Accept: "application/json" } });
      if (answer.status === 401) {
        location.reload();
        return;
      }
      if (!answer.ok) return;
      const { shown } = await answer.json();
      for (const place of places) {
        const text = shown[place.dataset.count];
        if (text === undefined || text === place.textContent) continue;
        place.textContent = text;
        place.classList.remove("changed");
        place.getBoundingClientRect(); // so that the mark of a change begins anew
        place.classList.add("changed");
      }
    } catch {
      // The server is away: the counts stay as they are, and are asked for again.
    }
  };
  setInterval(refresh, EVERY);
  document.addEventListener("visibilitychange", refresh);
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
})();
