// Sliders on the model of attendance. The equations are those of musan.methods.workplace, whose docstring derives them.
(function () {
  "use strict";
  const OPTIONS = ["attend", "sign_and_leave", "stay_away", "exempt"];
  const WORDS = { attend: "attend all day", sign_and_leave: "sign in and leave", stay_away: "stay away", exempt: "buy leave" };

  // The normal distribution function, by the series of Marsaglia (2004), Journal of Statistical Software 11(4).
  function normal(x) {
    if (x > 8) return 1;
    if (x < -8) return 0;
    let term = x, sum = x;
    for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum) && k < 400; k += 2) { term *= x * x / k; sum += term; }
    return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  }

  function lines(v) {
    const pay = v.wage_kpw_per_month + v.ration_kg_per_month * v.rice_price_kpw_per_kg;
    const days = v.working_days_per_month, hardship = v.hardship_kpw_per_month;
    const sentence = v.share_sentenced_if_detected * v.sentence_months;
    const left = v.detection_in_day_per_month * sentence, away = v.detection_at_muster_per_month * sentence;
    const withheld = v.detection_in_day_per_month * v.share_of_pay_lost_if_detected;
    const fee = v.exemption_fee_kpw_per_month === null ? Infinity : v.exemption_fee_kpw_per_month;
    return [
      [pay, 0],
      [(pay * (1 - withheld) - left * hardship) / (1 + left), v.share_of_day_left * days / (1 + left)],
      [-away * hardship / (1 + away), days / (1 + away)],
      [-fee, days],
    ];
  }

  // The share of workers for whom each option pays most: on an interval of market income, which is log-normal.
  function shares(values) {
    const all = lines(values);
    const start = [0, 0, 0, 0], end = Array(4).fill(Infinity);
    for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) {
      const [a, b] = all[i], [c, d] = all[j];
      if (b > d) {
        const crossing = (a - c) / (d - b);
        end[j] = Math.min(end[j], crossing);
        start[i] = Math.max(start[i], crossing);
      } else if (b === d && i !== j && (a > c || (a === c && i < j))) end[j] = 0;
    }
    const below = (income) => normal(Math.log(Math.max(income, 0) / values.market_income_kpw_per_day) / values.market_income_log_sd);
    return Object.fromEntries(OPTIONS.map((name, i) => [name, end[i] > start[i] ? below(end[i]) - below(start[i]) : 0]));
  }

  globalThis.musanAttendance = { shares };
  if (typeof document === "undefined") return;

  function element(name, parent, attributes, text) {
    const made = document.createElement(name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text) made.textContent = text;
    parent.append(made);
    return made;
  }

  function number(value) {
    return value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(2)));
  }

  function explore(root, count) {
    const told = JSON.parse(root.querySelector("script").textContent);
    const values = { ...told.values };
    const box = element("form", root, { class: "sliders", "aria-label": told.caption });
    const bars = element("div", root, { class: "bars" });
    const said = element("p", root, { class: "said", "aria-live": "polite" });
    const drawn = OPTIONS.map((name) => {
      const row = element("div", bars, { class: "bar" });
      element("span", row, { class: "name" }, WORDS[name]);
      const track = element("span", row, { class: "track" });
      return { name, fill: element("span", track, { class: "fill", "data-option": name }), share: element("span", row, { class: "share" }) };
    });

    function show() {
      const found = shares(values);
      for (const one of drawn) {
        one.fill.style.width = 100 * found[one.name] + "%";
        one.share.textContent = (100 * found[one.name]).toFixed(1) + " %";
      }
      const [low, high] = told.stated;
      const inside = found.sign_and_leave >= low && found.sign_and_leave <= high;
      said.textContent = "In the model " + (100 * found.sign_and_leave).toFixed(0) + " percent sign in and leave, " +
        (inside ? "within" : "outside") + " the " + 100 * low + " to " + 100 * high + " percent reported.";
    }

    const fields = told.sliders.map((one, i) => {
      const id = "slider-" + count + "-" + i;
      const row = element("div", box, { class: "slider" });
      element("label", row, { for: id }, one.label);
      const input = element("input", row, { id, type: "range", min: one.low, max: one.high, step: one.step });
      const shown = element("output", row, { for: id });
      const set = (value) => { values[one.name] = value; shown.textContent = number(value); input.setAttribute("aria-valuetext", number(value) + " " + one.unit); };
      input.value = values[one.name];
      set(values[one.name]);
      input.addEventListener("input", () => { set(input.valueAsNumber); show(); });
      return { input, set, name: one.name };
    });
    const reset = element("button", box, { type: "button" }, "Back to the numbers of this page");
    reset.onclick = () => { for (const one of fields) { one.input.value = told.values[one.name]; one.set(told.values[one.name]); } show(); };
    show();
    root.classList.add("live");
  }

  document.querySelectorAll('[data-explorer="attendance_explorer"]').forEach(explore);
})();
