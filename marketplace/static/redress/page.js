// What makes a page nicer where scripts run: counting deadlines, counters, copy, one press, panels, menus.
// Every page works without it. Nothing here writes HTML from text.
(function () {
  "use strict";
  const words = document.body.dataset;
  const [D, H, MIN, UNDER] = (words.units || "d,h,min,under 1 min").split(",");

  // Deadlines: the same words as marketplace/times.py.
  const clockAhead = (() => {
    const stamp = document.querySelector("meta[name='server-now']");
    return stamp ? Date.parse(stamp.content) - Date.now() : 0;
  })();
  function span(ms, coarse) {
    const minutes = Math.floor(ms / 60000), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
    const [big, small] = days >= 2 ? [`${days} ${D}`, hours % 24 ? `${hours % 24} ${H}` : ""]
      : hours ? [`${hours} ${H}`, minutes % 60 ? `${minutes % 60} ${MIN}` : ""]
        : minutes ? [`${minutes} ${MIN}`, ""] : [UNDER, ""];
    return coarse || !small ? big : `${big} ${small}`;
  }
  function tick() {
    const now = Date.now() + clockAhead;
    for (const chip of document.querySelectorAll("[data-deadline]")) {
      const left = Date.parse(chip.dateTime) - now;
      if (left >= 7 * 864e5) continue;
      const text = left < 0 ? words.late.replace("{span}", span(-left, true)) : words.in.replace("{span}", span(left, false));
      const shown = chip.querySelector("[data-relative]");
      if (shown.textContent !== text) shown.textContent = text;
      if ("steady" in chip.dataset) continue;
      chip.classList.toggle("f-red", left < 0);
      chip.classList.toggle("f-amber", left >= 0 && left <= 12 * 36e5);
      chip.classList.toggle("f-grey", left > 12 * 36e5);
    }
  }
  setInterval(tick, 20000);
  document.addEventListener("visibilitychange", tick);
  tick();

  // Live character counter; too much text is shown, never cut off.
  const limited = (box) => document.getElementById(`${box.id}_count`);
  function count(box) {
    const shown = limited(box);
    if (!shown) return;
    const left = Number(box.dataset.limit) - Array.from(box.value.replace(/\r\n/g, "\n")).length;
    shown.textContent = (left < 0 ? shown.dataset.over : shown.dataset.left).replace("{n}", String(Math.abs(left)));
    shown.classList.toggle("over", left < 0);
    clearTimeout(box.sayLater);
    box.sayLater = setTimeout(() => say(shown.textContent), 1200);
  }
  let area;
  function say(text, visible) {
    if (!area) {
      area = document.createElement("div");
      area.className = "toast-area";
      area.setAttribute("role", "status");
      document.body.append(area);
    }
    const line = document.createElement("p");
    line.className = visible ? "" : "vh";
    line.textContent = text;
    area.replaceChildren(line);
    setTimeout(() => line.remove(), 3000);
  }

  document.addEventListener("input", (event) => {
    if (event.target.dataset.limit) count(event.target);
    if (event.target.closest("[data-money]")) money(event.target.closest("[data-money]"));
  });

  // Money forms: the bar after, as it would stand. Only a preview; the server counts.
  function money(form) {
    const places = Number(form.dataset.places), unit = 10 ** places;
    let sum = 0;
    for (const box of form.querySelectorAll("[data-amount]")) {
      const value = box.value.trim().replace(",", ".");
      if (/^\d{1,12}(\.\d*)?$/.test(value)) sum += Math.round(Number(value) * unit) * Number(box.dataset.amount || 1);
    }
    const write = (minor) => `${(minor / unit).toLocaleString(document.documentElement.lang, { minimumFractionDigits: places, maximumFractionDigits: places })}\u00a0${form.dataset.currency}`;
    for (const shown of form.querySelectorAll("[data-sum]")) shown.textContent = write(sum);
    for (const box of form.querySelectorAll("[data-sum-minor]")) box.value = String(sum);
    for (const shown of form.querySelectorAll("[data-left-after]")) {
      const left = Number(form.dataset.left) - sum;
      shown.textContent = write(left);
      shown.classList.toggle("text-danger", left < 0);
    }
    for (const bar of form.querySelectorAll("[data-whole]")) {
      const put = (kind, name, value) => bar.querySelectorAll(`[data-rect=${kind}]`).forEach((rect) => rect.setAttribute(name, `${value}%`));
      const from = parseFloat(bar.querySelector("[data-rect=new]").getAttribute("x"));
      const wide = Math.min(Math.max(100 * sum / Number(bar.dataset.whole), 0), 100 - from);
      put("new", "width", wide);
      put("left", "x", from + wide);
      put("left", "width", 100 - from - wide);
      bar.querySelector("[data-part=new]").textContent = write(sum);
      bar.querySelector("[data-part=left]").textContent = write(Math.max(Number(form.dataset.left) - sum, 0));
      bar.querySelector("svg").removeAttribute("aria-label");
      bar.querySelector("svg").setAttribute("aria-hidden", "true");
    }
  }

  // One press, one effect: the button that was pressed is asleep until the answer is there.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    }
  });
  // Enter never pays: in a form that moves money only the button sends it.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("form[data-money] input:not([type=submit])")) event.preventDefault();
  });

  // A decision form opens beside the page it belongs to; its address stays its own.
  async function openPanel(link) {
    const dialog = document.createElement("dialog");
    dialog.className = "side";
    let page;
    try {
      const answer = await fetch(link.href, { headers: { "X-Panel": "1" } });
      if (!answer.ok || answer.redirected) throw new Error("not a panel");
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      location.assign(link.href);
      return;
    }
    const body = page.querySelector("[data-panel-body]");
    if (!body) return location.assign(link.href);
    const bar = document.createElement("div"), close = document.createElement("button"), title = document.createElement("span");
    bar.className = "side-bar";
    title.className = "muted";
    title.textContent = document.querySelector("h1")?.textContent || "";
    close.className = "btn btn-quiet";
    close.type = "button";
    close.textContent = words.close;
    close.dataset.close = "";
    bar.append(title, close);
    const inner = document.createElement("div");
    inner.className = "side-body";
    inner.append(document.importNode(body, true));
    for (const form of inner.querySelectorAll("form")) if (!form.getAttribute("action")) form.action = link.href;
    dialog.append(bar, inner);
    const heading = inner.querySelector("h1, h2");
    if (heading) {
      heading.id = heading.id || "panel-title";
      dialog.setAttribute("aria-labelledby", heading.id);
    }
    dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
    document.body.append(dialog);
    dialog.showModal();
    (inner.querySelector("[autofocus], input:not([type=hidden]), select, textarea") || close).focus();
    tick();
    start(inner);
  }

  document.addEventListener("click", (event) => {
    const target = event.target.closest("a, button, summary, [data-copy]");
    for (const menu of document.querySelectorAll("details.menu[open], details.why-not[open]"))
      if (!menu.contains(event.target)) menu.open = false;
    if (!target) {
      if (event.target.matches("dialog.side")) event.target.close();
      return;
    }
    if (target.matches("a[data-panel]") && !event.metaKey && !event.ctrlKey && !event.shiftKey && innerWidth >= 768) {
      event.preventDefault();
      openPanel(target);
    } else if (target.matches("[data-close]") && target.closest("dialog")) {
      event.preventDefault();
      target.closest("dialog").close();
    } else if (target.dataset.copy !== undefined) {
      navigator.clipboard?.writeText(target.dataset.copy).then(() => {
        target.dataset.copied = "";
        say(words.copied, true);
        setTimeout(() => delete target.dataset.copied, 1500);
      }, () => {});
    } else if (target.matches("[data-print]")) window.print();
    else if (target.matches("[data-help]")) document.getElementById("keyboard-help")?.showModal();
    else if (target.matches("[data-bulk-clear]")) {
      for (const box of document.querySelectorAll(".row-check:checked, [data-check-all]")) box.checked = false;
      bulk();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open], details.why-not[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // Selection, and filters that apply themselves.
  function bulk() {
    const all = document.querySelectorAll(".row-check").length, on = document.querySelectorAll(".row-check:checked").length;
    for (const shown of document.querySelectorAll("[data-bulk-count]")) shown.textContent = String(on);
    for (const box of document.querySelectorAll("[data-check-all]")) {
      box.checked = all > 0 && on === all;
      box.indeterminate = on > 0 && on < all;
    }
  }
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-check-all]")) {
      for (const box of document.querySelectorAll(".row-check:not(:disabled)")) box.checked = event.target.checked;
    }
    if (event.target.matches(".row-check, [data-check-all]")) bulk();
    if (event.target.matches("form[data-apply] select, form[data-apply] input[type=date]")) event.target.form.requestSubmit();
  });
  // Empty filters stay out of the address.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-apply]") || event.defaultPrevented) return;
    for (const box of event.target.querySelectorAll("input, select")) if (!box.value) box.disabled = true;
  });
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.matches("form[data-apply]")) return;
    const given = event.detail.parameters;
    for (const name of Object.keys(given)) if (!given[name]) delete given[name];
  });
  window.addEventListener("pageshow", () => {
    for (const box of document.querySelectorAll("form[data-apply] :disabled")) box.disabled = false;
  });

  function start(root) {
    for (const box of root.querySelectorAll("[data-limit]")) if (box.value) count(box);
    for (const form of root.querySelectorAll("[data-money]")) money(form);
    root.querySelector("[data-problem]")?.focus();
  }
  start(document);
  bulk();
  // On a phone the tabs scroll; the one that is open is to be seen.
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  document.addEventListener("htmx:afterSwap", (event) => { tick(); bulk(); start(event.target); });
})();
