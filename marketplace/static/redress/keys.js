// Keys on pages with rows: j and k move, x selects, Enter opens, e does the first thing, / searches, ? tells.
(function () {
  "use strict";
  const KEY = "redress-keys-off";
  const isOff = () => { try { return localStorage.getItem(KEY) === "1"; } catch { return false; } };
  const box = document.querySelector("[data-keys-on]");
  if (box) {
    box.checked = !isOff();
    box.addEventListener("change", () => { try { localStorage.setItem(KEY, box.checked ? "0" : "1"); } catch { /* no store */ } });
  }
  const rows = () => Array.from(document.querySelectorAll("[data-row]"));
  const current = () => document.activeElement?.closest("[data-row]");
  function move(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
    const link = next.querySelector(".c-main a, .what a, a");
    link?.focus();
    next.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog[open]")) {
      if (event.key === "Escape" && event.target.matches("[data-search]")) event.target.blur();
      return;
    }
    if (isOff()) return;
    const act = {
      "/": () => document.querySelector("[data-search]")?.focus(),
      "?": () => document.getElementById("keyboard-help")?.showModal(),
      j: () => move(1),
      k: () => move(-1),
      x: () => current()?.querySelector(".row-check")?.click(),
      e: () => current()?.querySelector(".c-act a, .c-act button, .work-act a, a.btn")?.click(),
    }[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });
})();
