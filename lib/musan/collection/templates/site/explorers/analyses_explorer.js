// The specification curve of a verdict with its choices to switch on and off.
(function () {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const WIDEST = 720, HIGH = 240, LEFT = 56, BOTTOM = 30, TOP = 8;

  function element(name, parent, attributes, text) {
    const made = document.createElement(name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text) made.textContent = text;
    parent.append(made);
    return made;
  }

  function drawn(name, parent, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text) made.textContent = text;
    parent.append(made);
    return made;
  }

  // The analyses that make one of the chosen options in every choice.
  function chosen(columns, kept) {
    const found = [];
    for (let i = 0; i < columns.verdict.length; i++)
      if (Object.keys(kept).every((choice) => kept[choice].has(String(columns[choice][i])))) found.push(i);
    return found;
  }

  function tally(columns, rows) {
    const counts = new Map();
    for (const i of rows) counts.set(columns.verdict[i], (counts.get(columns.verdict[i]) || 0) + 1);
    return counts;
  }

  // Columns travel as their different values and, for each row, letters that say which: numbers to the base 62.
  const PLACES = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

  function columns(packed) {
    const column = ({ values, at }) => {
      let letters = 1;
      while (PLACES.length ** letters < values.length) letters += 1;
      const place = (start) => [...at.slice(start, start + letters)].reduce((sum, letter) => PLACES.length * sum + PLACES.indexOf(letter), 0);
      return Array.from({ length: at.length / letters }, (_, row) => values[place(row * letters)]);
    };
    return Object.fromEntries(Object.entries(packed).map(([name, one]) => [name, column(one)]));
  }

  globalThis.musanAnalyses = { chosen, tally, columns };
  if (typeof document === "undefined") return;

  function ticks(low, high) {
    const raw = (high - low) / 6, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw);
    const found = [];
    for (let at = Math.ceil(low / step) * step; at <= high + 1e-9 * step; at += step) found.push(Math.abs(at) < 1e-9 * step ? 0 : at);
    return found;
  }

  function curve(parent, one, columns, rows) {
    const known = rows.filter((i) => columns.estimate && columns.estimate[i] !== null);
    parent.replaceChildren();
    if (!known.length) return;
    known.sort((a, b) => columns.estimate[a] - columns.estimate[b]);
    const every = columns.estimate.filter((value) => value !== null);
    let low = Math.min(...every), high = Math.max(...every);
    if (low === high) { low -= 1; high += 1; }
    const WIDE = Math.min(WIDEST, parent.clientWidth || WIDEST);  // so that words keep their size on a phone
    const x = (place) => LEFT + 8 + (WIDE - LEFT - 16) * (known.length > 1 ? place / (known.length - 1) : 0.5);
    const y = (value) => HIGH - BOTTOM - 6 - (HIGH - BOTTOM - TOP - 12) * (value - low) / (high - low);
    element("p", parent, {}, one.unit[0].toUpperCase() + one.unit.slice(1));
    const svg = drawn("svg", parent, { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${known.length} estimates from ${columns.estimate[known[0]].toPrecision(3)} to ${columns.estimate[known.at(-1)].toPrecision(3)}, ${one.unit}` });
    for (const at of ticks(low, high)) {
      drawn("line", svg, { x1: LEFT, x2: WIDE, y1: y(at), y2: y(at), class: "grid" });
      drawn("text", svg, { x: LEFT - 8, y: y(at) + 4, "text-anchor": "end" }, Number(at.toPrecision(6)).toLocaleString("en").replace("-", "−"));
    }
    known.forEach((i, place) => drawn("circle", svg, { cx: x(place), cy: y(columns.estimate[i]), r: known.length > 200 ? 2.5 : 4, "data-verdict": columns.verdict[i] }));
    drawn("text", svg, { x: WIDE, y: HIGH - 8, "text-anchor": "end" }, "analyses, sorted by estimate");
  }

  function explore(root, count) {
    const told = JSON.parse(root.querySelector("script").textContent);
    const words = (text) => told.words[text] || { true: "yes", false: "no" }[text] || text;
    for (const one of told.verdicts) one.analyses = columns(one.analyses);
    const box = element("div", root, { class: "analyses" });
    const picker = "analyses-of-" + count;
    element("label", box, { for: picker }, "Verdict");
    const select = element("select", box, { id: picker });
    told.verdicts.forEach((one, i) => element("option", select, { value: i }, one.name));
    const switches = element("div", box, { class: "switches" });
    const picture = element("div", box, { class: "picture" });
    const said = element("p", box, { class: "said", "aria-live": "polite" });

    function show(one, kept) {
      const rows = chosen(one.analyses, kept), counts = tally(one.analyses, rows);
      const parts = [...counts].sort((a, b) => b[1] - a[1]).map(([verdict, n]) => `${n} ${verdict}`);
      said.textContent = rows.length ? `${rows.length} of ${one.analyses.verdict.length} analyses: ${parts.join(", ")}. This page says ${one.verdict}.` : "No analysis is left: switch an option on in every choice.";
      curve(picture, one, one.analyses, rows);
    }

    function open() {
      const one = told.verdicts[select.value];
      const kept = {};
      switches.replaceChildren();
      one.choices.forEach((choice) => {
        const group = element("fieldset", switches, {});
        element("legend", group, {}, words(choice));
        const options = [...new Set(one.analyses[choice].map(String))];
        kept[choice] = new Set(options);
        for (const option of options) {
          const label = element("label", group, {});
          const input = element("input", label, { type: "checkbox" });
          input.checked = true;
          label.append(" " + words(option));
          input.addEventListener("change", () => { if (input.checked) kept[choice].add(option); else kept[choice].delete(option); show(one, kept); });
        }
      });
      show(one, kept);
    }

    select.addEventListener("change", open);
    open();
    root.classList.add("live");
  }

  document.querySelectorAll('[data-explorer="analyses_explorer"]').forEach(explore);
})();
