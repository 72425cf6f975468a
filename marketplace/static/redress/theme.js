// Runs before the first paint: says that scripts run, and sets the colours the person has chosen.
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("has-js");
  function chosen() {
    var found = document.cookie.match(/(?:^|; )theme=(light|dark)/);
    return found ? found[1] : "";
  }
  function show(theme) {
    if (theme) root.setAttribute("data-bs-theme", theme);
    else root.removeAttribute("data-bs-theme");
  }
  show(chosen());
  document.addEventListener("click", function (event) {
    if (!event.target.closest("[data-theme-toggle]")) return;
    var next = { "": "light", light: "dark", dark: "" }[chosen()];
    document.cookie = "theme=" + next + "; path=/; samesite=lax; max-age=" + (next ? 31536000 : 0) +
      (location.protocol === "https:" ? "; secure" : "");
    show(next);
  });
})();
