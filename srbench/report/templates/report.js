"use strict";

// Tables: a heading's button sorts by the value behind the text; what is missing stays last.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const original = [...body.rows];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const next = { none: "ascending", ascending: "descending", descending: "none" };
      const order = next[head.getAttribute("aria-sort")];
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", order);
      table.classList.toggle("sorted", order !== "none");
      const key = (row) => row.cells[column].dataset.key;
      const numeric = head.classList.contains("number") || original.every((r) => isNumber(key(r)));
      const compare = (a, b) =>
        numeric ? number(key(a)) - number(key(b)) || 0 : key(a).localeCompare(key(b), "en", { numeric: true });
      const rows = [...original];
      if (order !== "none") {
        rows.sort((a, b) => {
          if (!key(a) || !key(b)) return !key(a) - !key(b);
          return order === "ascending" ? compare(a, b) : compare(b, a);
        });
      }
      body.append(...rows);
    });
  });
}
function number(text) {
  return text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text);
}
function isNumber(text) {
  return text !== "" && !Number.isNaN(number(text));
}

// Figures: enlarged in a dialog, closed by Escape, its button, or a click beside it.
const dialog = document.querySelector("dialog");
for (const button of document.querySelectorAll(".enlarge")) {
  button.addEventListener("click", () => {
    const small = button.querySelector("img");
    const large = dialog.querySelector("img");
    large.src = small.src;
    large.alt = small.alt;
    dialog.showModal();
  });
}
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

// Paper shows what the screen folds away.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});

// Before and after, at exact pixels: one pixel of the image is a whole number of screen pixels.
const viewer = document.querySelector(".viewer");
if (viewer) {
  const data = JSON.parse(document.getElementById("viewer-data").textContent);
  const part = (role) => viewer.querySelector(`[data-role="${role}"]`);
  const [image, left, right, zoom, divide] = ["image", "left", "right", "zoom", "divide"].map(part);
  const stage = part("stage");
  const flicker = part("flicker");
  let timer = 0;
  let whole = null; // null: divided; otherwise the side that is shown alone

  const fill = (select, names, chosen) => {
    select.replaceChildren(...names.map((name, i) => new Option(name, String(i))));
    select.value = String(Math.min(chosen, names.length - 1));
  };
  const now = () => data[Number(image.value)];

  function chooseImage(first) {
    const kept = first ? null : [left, right].map((s) => s.selectedOptions[0].text);
    const names = now().layers.map((layer) => layer.name);
    const index = (side, fallback) =>
      kept && names.includes(kept[side]) ? names.indexOf(kept[side]) : fallback;
    fill(left, names, index(0, now().left));
    fill(right, names, index(1, now().right));
    fillZoom();
    show();
  }
  function fillZoom() {
    const room = viewer.clientWidth * devicePixelRatio;
    const most = Math.max(1, Math.min(Math.floor(room / now().width), Math.ceil(4 * devicePixelRatio)));
    const names = Array.from({ length: most }, (_, i) => `${i + 1} × ${i + 1} screen pixels`);
    const tall = Math.floor((0.7 * innerHeight * devicePixelRatio) / now().height);
    fill(zoom, names, Math.max(1, Math.min(most, tall)) - 1);
    resize();
  }
  function resize() {
    const times = Number(zoom.value) + 1;
    stage.style.width = `${(now().width * times) / devicePixelRatio}px`;
    stage.style.height = `${(now().height * times) / devicePixelRatio}px`;
    viewer.querySelector(".captions").style.maxWidth = `max(18rem, ${stage.style.width})`;
  }
  function show() {
    for (const [select, side] of [[left, "left"], [right, "right"]]) {
      const layer = now().layers[Number(select.value)];
      const picture = part(`${side}-image`);
      picture.src = layer.source;
      picture.alt = `${now().title} by ${layer.name}`;
      const name = document.createElement("strong");
      name.textContent = layer.name;
      part(`${side}-scores`).replaceChildren(name, layer.scores);
    }
    part("where").textContent = `${now().title}: ${now().where}`;
    draw();
  }
  function draw() {
    const cut = whole === null ? Number(divide.value) : whole === "left" ? 100 : 0;
    part("right-image").style.clipPath = `inset(0 0 0 ${cut}%)`;
    part("line").style.left = `${cut}%`;
    part("line").hidden = whole !== null;
    part("left-scores").classList.toggle("away", whole === "right");
    part("right-scores").classList.toggle("away", whole === "left");
  }
  function other() {
    whole = whole === "left" ? "right" : "left";
    draw();
  }
  function run(on) {
    clearInterval(timer);
    // Fewer than three changes a second: faster flashing can harm.
    timer = on ? setInterval(other, 600) : 0;
    flicker.setAttribute("aria-pressed", String(on));
    if (on) other();
  }
  function divided() {
    run(false);
    whole = null;
    draw();
  }
  image.addEventListener("change", () => chooseImage(false));
  left.addEventListener("change", show);
  right.addEventListener("change", show);
  zoom.addEventListener("change", resize);
  divide.addEventListener("input", divided);
  flicker.addEventListener("click", () => (timer ? divided() : run(true)));
  part("switch").addEventListener("click", () => {
    run(false);
    other();
  });
  const drag = (event) => {
    const box = stage.getBoundingClientRect();
    divide.value = String((100 * (event.clientX - box.left)) / box.width);
    divided();
  };
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    drag(event);
  });
  stage.addEventListener("pointermove", (event) => {
    if (event.buttons) drag(event);
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) fillZoom();
    width = innerWidth;
  });
  fill(image, data.map((entry) => entry.title), 0);
  viewer.hidden = false;
  chooseImage(true);
}
