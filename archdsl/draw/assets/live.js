// Asks the server that sent this page for its number, and reads the page anew when there is another.
"use strict";
(() => {
  const KEPT = "archdsl " + location.pathname;
  const kept = sessionStorage.getItem(KEPT);
  if (kept && window.archdsl) window.archdsl.restore(JSON.parse(kept));
  const number = document.documentElement.dataset.number;
  const ask = async () => {
    try {
      const answer = await fetch("number", { cache: "no-store" });
      if (answer.ok && (await answer.text()) !== number) {
        if (window.archdsl) sessionStorage.setItem(KEPT, JSON.stringify(window.archdsl.keep()));
        location.reload();
        return;
      }
      document.title = document.title.replace(/^\(stopped\) /, "");
    } catch {
      if (!document.title.startsWith("(stopped) ")) document.title = "(stopped) " + document.title;
    }
    setTimeout(ask, 400);
  };
  setTimeout(ask, 400);
})();
