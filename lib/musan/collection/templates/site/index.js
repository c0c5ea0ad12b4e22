// Choose and sort the claims. Without it the table is whole, in the order of the report.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";
  const frame = document.querySelector(".verdicts");
  const body = frame.querySelector("tbody");
  const rows = [...body.rows];
  frame.before(document.getElementById("filters").content.cloneNode(true));
  const form = document.querySelector(".filters");
  const fields = [...form.querySelectorAll("[data-filter]")];
  const said = form.querySelector("output");
  const columns = { statement: 1, attribution: 2, grade: 4 };
  const has = (row, key, wanted) => {
    if (key === "words") return row.textContent.toLowerCase().includes(wanted.toLowerCase());
    const cell = row.cells[columns[key]];
    return (cell.querySelector(".verdict") || cell.firstChild || cell).textContent.trim() === wanted;
  };
  function choose() {
    const asked = fields.filter((field) => field.value.trim()).map((field) => [field.dataset.filter, field.value.trim()]);
    rows.forEach((row) => { row.hidden = !asked.every(([key, wanted]) => has(row, key, wanted)); });
    const left = rows.filter((row) => !row.hidden).length;
    said.textContent = asked.length ? left + " of " + rows.length + " claims" : rows.length + " claims";
  }
  form.addEventListener("input", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(choose));
  choose();

  const heads = [...frame.querySelectorAll("th[data-sort]")];
  heads.forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const up = head.getAttribute("aria-sort") !== "ascending", key = head.dataset.sort;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const place = (row) => Number(row.dataset[key]);
      rows.sort((a, b) => ((place(a) - place(b)) * (up ? 1 : -1)) || (a.dataset.order - b.dataset.order));
      body.append(...rows);
    };
  });
});
