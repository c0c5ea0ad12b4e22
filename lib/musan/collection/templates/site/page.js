// Light or dark, the contents that follow the reader, folded code, tables that scroll. Without it all is still there.
(function () {
  "use strict";
  const root = document.documentElement;
  const KEY = "musan-theme";
  const NAMES = { "": "as the system", light: "light", dark: "dark" };
  const store = {
    get: () => { try { return localStorage.getItem(KEY) || ""; } catch (refused) { return ""; } },
    set: (value) => { try { localStorage.setItem(KEY, value); } catch (refused) { /* not remembered, then */ } },
  };
  const apply = (theme) => { if (theme) root.dataset.theme = theme; else delete root.dataset.theme; };
  let theme = store.get() in NAMES ? store.get() : "";
  apply(theme);  // before the page is painted

  function button(name, parent) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = name;
    parent.append(made);
    return made;
  }

  function themes() {
    const made = button("theme", document.querySelector(".site > div"));
    const label = () => { made.textContent = "Colours: " + NAMES[theme]; };
    made.onclick = () => {
      const order = Object.keys(NAMES);
      theme = order[(order.indexOf(theme) + 1) % order.length];
      apply(theme);
      store.set(theme);
      label();
    };
    label();
  }

  function contents() {
    const list = document.querySelector(".contents details");
    if (!list) return;
    const narrow = matchMedia("(max-width: 62rem)");
    const fold = () => { list.open = !narrow.matches; };
    narrow.addEventListener("change", fold);
    fold();
    const links = [...list.querySelectorAll("a")];
    const targets = links.map((link) => document.getElementById(link.hash.slice(1)));
    let waiting = false;
    function follow() {
      waiting = false;
      const ended = innerHeight + scrollY >= root.scrollHeight - 2;
      const passed = targets.filter((one) => one && one.getBoundingClientRect().top < innerHeight / 4).length;
      const at = ended && scrollY > 0 ? links.length - 1 : passed - 1;
      links.forEach((link, i) => { if (i === at) link.setAttribute("aria-current", "location"); else link.removeAttribute("aria-current"); });
      const frame = list.parentElement, link = links[at];
      if (link && frame.scrollHeight > frame.clientHeight) {
        const away = link.getBoundingClientRect().top - frame.getBoundingClientRect().top;
        if (away < 0 || away > frame.clientHeight - 40) frame.scrollTop += away - frame.clientHeight / 2;
      }
    }
    addEventListener("scroll", () => { if (!waiting) { waiting = true; requestAnimationFrame(follow); } }, { passive: true });
    follow();
  }

  function code() {
    const folds = document.querySelectorAll("details.code");
    if (!folds.length) return;
    const made = button("show-code", document.querySelector(".contents > div") || document.querySelector("main"));
    let open = false;
    const label = () => { made.textContent = open ? "Hide all code" : "Show all code"; };
    made.onclick = () => { open = !open; folds.forEach((one) => { one.open = open; }); label(); };
    label();
  }

  function figures() {  // a button under each figure that a narrow screen makes too small to read
    document.querySelectorAll("figure.figure").forEach((figure) => {
      const picture = figure.querySelector("img"), below = figure.nextElementSibling;
      if (!picture || !below || picture.clientWidth > 0.7 * picture.getAttribute("width")) return;
      const made = button("enlarge", below);
      const label = () => { made.textContent = figure.classList.contains("large") ? "Fit to the screen" : "Enlarge"; };
      made.onclick = () => { figure.classList.toggle("large"); label(); };
      label();
    });
  }

  function tables() {
    const frames = [...document.querySelectorAll(".table, .output, figure.figure")];
    const check = (frame) => {
      const over = frame.scrollWidth > frame.clientWidth + 1;
      const caption = frame.querySelector("caption, figcaption");
      const words = { tabindex: "0", role: frame.tagName === "FIGURE" ? "figure" : "region", "aria-label": (caption ? caption.textContent : "Output") + " (scrolls)" };
      for (const name in words) if (over) frame.setAttribute(name, words[name]); else frame.removeAttribute(name);
    };
    const watch = new ResizeObserver((seen) => seen.forEach((one) => check(one.target)));
    frames.forEach((frame) => { check(frame); watch.observe(frame); });
  }

  function anchors() {
    const open = () => {  // a target inside something folded has to be seen
      const target = location.hash && document.getElementById(location.hash.slice(1));
      for (let at = target && target.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
      if (target && target.closest("details")) target.scrollIntoView();
    };
    addEventListener("hashchange", open);
    open();
  }

  document.addEventListener("DOMContentLoaded", () => [themes, contents, code, figures, tables, anchors].forEach((part) => part()));
})();
