"use strict";

// Tables: a heading's button sorts by value within each block of rows; missing values stay last.
function makeSortable(table) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const groups = [...table.tBodies].map((body) => ({
    body,
    rows: [...body.rows].filter((row) => !row.classList.contains("group")),
  }));
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const next = { none: "ascending", ascending: "descending", descending: "none" };
      const order = next[head.getAttribute("aria-sort")];
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", order);
      table.classList.toggle("sorted", order !== "none");
      const key = (row) => row.cells[column].dataset.key;
      const numeric =
        head.classList.contains("number") || groups.every((g) => g.rows.every((r) => isNumber(key(r))));
      const compare = (a, b) =>
        numeric ? number(key(a)) - number(key(b)) || 0 : key(a).localeCompare(key(b), "en", { numeric: true });
      for (const { body, rows: original } of groups) {
        const rows = [...original];
        if (order !== "none") {
          rows.sort((a, b) => {
            if (!key(a) || !key(b)) return !key(a) - !key(b);
            return order === "ascending" ? compare(a, b) : compare(b, a);
          });
        }
        body.append(...rows);
      }
    });
  });
}
function number(text) {
  return text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text);
}
function isNumber(text) {
  return text !== "" && !Number.isNaN(number(text));
}
for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);

// Tables and figures that are wider than the page show that they scroll. The first column of a
// table stays visible and covers only whole columns.
function watchScroll(room) {
  const table = room.querySelector("table");
  const hint = document.createElement("p");
  hint.className = "scroll-hint";
  hint.textContent = table ? "↔ More columns: scroll sideways." : "↔ More to the right: scroll sideways.";
  room.after(hint);
  const update = () => {
    const over = room.scrollWidth > room.clientWidth + 1;
    hint.hidden = !over;
    if (!table) return;
    room.classList.toggle("holds", over);
    const first = table.tHead.rows[table.tHead.rows.length - 1].cells[0];
    if (!over || !first) return;
    const edge = first.getBoundingClientRect().right;
    let cover = 0;
    for (const cell of table.tHead.rows[table.tHead.rows.length - 1].cells) {
      const box = cell.getBoundingClientRect();
      if (cell !== first && box.left < edge - 1 && box.right > edge) cover = box.right - edge;
    }
    table.style.setProperty("--cover", `${cover}px`);
  };
  room.addEventListener("scroll", update, { passive: true });
  new ResizeObserver(update).observe(room);
  new ResizeObserver(update).observe(table ?? room.firstElementChild);
  update();
}
for (const room of document.querySelectorAll(".scroll")) watchScroll(room);

// Figures: enlarged in a dialog; Escape, its button or a click outside closes it.
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

// The short table: the controls select its contents; it is copied in the form of
// `srbench report --table`.
const chooser = document.querySelector('[data-role="choose"]');
if (chooser) {
  const data = JSON.parse(document.getElementById("short-data").textContent);
  const room = chooser.closest(".short");
  const table = room.querySelector("table");
  const make = (tag, text = "", attributes = {}) => {
    const element = document.createElement(tag);
    element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const choices = (legend, name, items, type, chosen) => {
    const set = make("fieldset");
    set.append(make("legend", legend));
    for (const item of items) {
      const label = make("label");
      const input = make("input", "", { type, name, value: item.id });
      input.checked = chosen(item);
      label.append(input, item.text);
      set.append(label);
    }
    return set;
  };
  const first = data.protocols[0];
  if (data.protocols.length > 1)
    chooser.append(choices("Protocol", "protocol", data.protocols, "radio", (p) => p === first));
  chooser.append(choices("Metrics", "metric", data.metrics, "checkbox", (m) => m.shown));
  if (data.places.length > 1)
    chooser.append(choices("Data sets", "place", data.places, "checkbox", () => true));
  chooser.append(choices("Methods", "method", data.methods, "checkbox", () => true));
  const copy = make("div", "", { class: "copy" });
  const status = make("span", "", { role: "status" });
  const copied = make("textarea", "", { readonly: "", "aria-label": "The copied text" });
  copied.hidden = true;
  for (const [kind, name] of [["tex", "LaTeX"], ["md", "Markdown"], ["csv", "CSV"]]) {
    const button = make("button", `Copy ${name}`, { type: "button" });
    button.addEventListener("click", async () => {
      copied.value = asText(chosenTable(), kind);
      copied.hidden = false;
      try {
        await navigator.clipboard.writeText(copied.value);
        status.textContent = `${name} copied`;
      } catch {
        copied.select();
        status.textContent = "select and copy it from the field below";
      }
    });
    copy.append(button);
  }
  copy.append(status);
  chooser.append(copy, copied);
  chooser.addEventListener("change", show);
  chooser.hidden = false;

  function chosen(name, items) {
    const inputs = [...chooser.querySelectorAll(`input[name="${name}"]`)];
    if (!inputs.length) return items;
    return items.filter((item) => inputs.some((input) => input.checked && input.value === item.id));
  }
  function chosenTable() {
    const protocol = chosen("protocol", data.protocols)[0];
    const key = (metric) => `${metric.id}:${metric.luma ? protocol.id : ""}`;
    const methods = chosen("method", data.methods);
    const places = chosen("place", data.places);
    const has = (place, method, metric) => place.cells[method.id]?.[key(metric)];
    const metrics = chosen("metric", data.metrics).filter((metric) =>
      places.some((place) => methods.some((method) => has(place, method, metric))));
    const groups = [];
    for (const place of places) {
      const here = methods.filter((method) => metrics.some((metric) => has(place, method, metric)));
      const columns = metrics.map((metric) => {
        const cells = here.map((method) => has(place, method, metric) ?? ["—", "---", ""]);
        const marks = marked(cells, metric.better);
        return cells.map(([text, tex, csv], i) => ({ text, tex, md: text, csv, mark: marks[i] }));
      });
      if (here.length)
        groups.push({ place, rows: here.map((method, i) => ({ method, cells: columns.map((c) => c[i]) })) });
    }
    const luma = metrics.filter((m) => m.luma).map((m) => m.luma);
    const by = (form) => (luma.length ? `; ${luma.join(" and ")} by protocol ${protocol[form]}` : "");
    const caption = (form) => `${data.scale[form]}Means over images${by(form)}. ${data.best[form]}`;
    const occurs = (mark) => groups.some((g) => g.rows.some((r) => r.cells.some((c) => c.text.includes(mark))));
    const notes = Object.keys(data.marks).filter(occurs).map((mark) => data.marks[mark]);
    return { metrics, groups, caption, notes };
  }
  function marked(cells, better) {
    const numbers = cells.map(([text, , csv]) => (csv === "" || text.includes("‡") ? null : shownNumber(text)));
    const known = [...new Set(numbers.filter((n) => n !== null))].sort((a, b) => a - b);
    if (better === "higher") known.reverse();
    if (!better || numbers.filter((n) => n !== null).length < 2) return cells.map(() => "");
    return numbers.map((n) => (n === null ? "" : (["best", "second"][known.indexOf(n)] ?? "")));
  }
  function shownNumber(text) {
    return Number(text.replace("†", "").replace("−", "-").replace("∞", "Infinity"));
  }
  function show() {
    const now = chosenTable();
    const head = make("tr");
    for (const [label, numeric] of [["Method", false], ...now.metrics.map((m) => [m.text, true])]) {
      const cell = make("th", "", { scope: "col", "aria-sort": "none", ...(numeric && { class: "number" }) });
      cell.append(make("button", label, { type: "button" }));
      head.append(cell);
    }
    const thead = make("thead");
    thead.append(head);
    const bodies = now.groups.map(({ place, rows }) => {
      const body = make("tbody");
      const title = make("tr", "", { class: "group" });
      title.append(make("th", place.text, { scope: "rowgroup", colspan: now.metrics.length + 1 }));
      body.append(title);
      for (const { method, cells } of rows) {
        const row = make("tr");
        row.append(make("td", method.text, { "data-key": method.text }));
        for (const cell of cells) {
          const shown = make("td", "", { class: "number", "data-key": cell.csv });
          shown.append(cell.mark ? make(cell.mark === "best" ? "strong" : "u", cell.text) : cell.text);
          row.append(shown);
        }
        body.append(row);
      }
      return body;
    });
    table.replaceChildren(thead, ...bodies);
    makeSortable(table);
    room.querySelector('[data-role="short-caption"]').textContent = now.caption("text");
    room.querySelector('[data-role="short-note"]').textContent = now.notes.map((n) => n.text).join("; ");
    status.textContent = "";
    copied.hidden = true;
  }
  function asText(now, kind) {
    const rows = now.groups.flatMap(({ place, rows: own }) =>
      own.map(({ method, cells }) => ({ place, cells: [place, method, ...cells] })));
    if (kind === "csv") {
      const head = ["dataset", "method", ...now.metrics.map((m) => m.id)];
      return [head, ...rows.map((r) => r.cells.map((c) => c.csv))].map((r) => `${r.join(",")}\n`).join("");
    }
    const heads = ["Data set", "Method", ...now.metrics.map((m) => m[kind])];
    const wrap = kind === "md" ? { best: ["**", "**"], second: ["<u>", "</u>"] }
      : { best: ["\\textbf{", "}"], second: ["\\underline{", "}"] };
    const cell = (c) => (c.mark ? wrap[c.mark][0] + c[kind] + wrap[c.mark][1] : c[kind]);
    if (kind === "md") {
      const rule = ["---", "---", ...now.metrics.map(() => "---:")].map((r, i) => (i < 2 ? ":---" : r));
      const line = (cells) => `| ${cells.join(" | ")} |`;
      const lines = [`# ${data.title}`, "", now.caption("md"), "", line(heads), line(rule),
        ...rows.map((r) => line(r.cells.map(cell)))];
      if (now.notes.length) lines.push("", ...now.notes.map((n) => `- ${n.md}`));
      return `${lines.join("\n")}\n`;
    }
    const parts = [[]];
    for (const { place } of now.groups) {
      const block = rows.filter((r) => r.place === place);
      if (parts.at(-1).length && parts.at(-1).length + block.length > data.long) parts.push([]);
      for (const row of block) {
        if (parts.at(-1).length === data.long) parts.push([]);
        parts.at(-1).push(row);
      }
    }
    const where = heads.length <= data.narrow ? "table" : "table*";
    const made = parts.map((part, i) => {
      const begin = i
        ? `\\addtocounter{table}{-1}\\caption{${data.title}, continued}`
        : `\\caption{${data.title}. ${now.caption("tex")}}\\label{tab:${data.stem}}`;
      const body = part.map((r, j) =>
        `${j && part[j - 1].place !== r.place ? "\\midrule\n" : ""}${r.cells.map(cell).join(" & ")} \\\\`);
      const note = i < parts.length - 1 ? ""
        : now.notes.map((n) => `\\par\\footnotesize\\raggedright ${n.tex}\n`).join("");
      return `\\begin{${where}}\n\\centering\\small\n${begin}\n\\begin{adjustbox}{max width=\\linewidth}\n`
        + `\\begin{tabular}{ll${"r".repeat(now.metrics.length)}}\n\\toprule\n${heads.join(" & ")} \\\\\n\\midrule\n`
        + `${body.join("\n")}\n\\bottomrule\n\\end{tabular}\n\\end{adjustbox}\n${note}\\end{${where}}\n`;
    });
    return `% \\usepackage{booktabs,adjustbox}\n${made.join("\n")}`;
  }
}

// Compare images at exact pixels: one pixel of the image is a whole number of screen pixels.
const viewer = document.querySelector(".viewer");
if (viewer) {
  const data = JSON.parse(document.getElementById("viewer-data").textContent);
  const part = (role) => viewer.querySelector(`[data-role="${role}"]`);
  const [image, left, right, zoom, divide] = ["image", "left", "right", "zoom", "divide"].map(part);
  const stage = part("stage");
  const flicker = part("flicker");
  let timer = 0;
  let whole = null; // null: divided; otherwise the picture that is shown alone

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
  // As wide as the page allows, unless the picture would be taller than the window. It may be wider
  // than the text.
  function fillZoom() {
    const times = (room, size) => Math.floor((room * devicePixelRatio) / size);
    const room = Math.max(viewer.clientWidth, document.documentElement.clientWidth - 40);
    const most = Math.max(1, times(room, now().width));
    const names = Array.from({ length: most }, (_, i) => (i ? `${i + 1} × enlarged` : "1 : 1"));
    const tall = times(0.9 * innerHeight, now().height);
    fill(zoom, names, Math.max(1, Math.min(most, tall)) - 1);
    resize();
  }
  function resize() {
    const times = Number(zoom.value) + 1;
    stage.style.width = `${(now().width * times) / devicePixelRatio}px`;
    stage.style.height = `${(now().height * times) / devicePixelRatio}px`;
    viewer.querySelector(".captions").style.maxWidth = `max(20rem, ${stage.style.width})`;
    const more = Math.max(0, stage.offsetWidth - viewer.clientWidth);
    const spare = (document.documentElement.clientWidth - 40 - viewer.clientWidth) / 2;
    part("room").style.marginInline = `${-Math.max(0, Math.min(more / 2, spare))}px`;
    // At a fraction of a screen pixel, every image pixel would be blurred.
    stage.style.marginLeft = "0";
    const start = stage.getBoundingClientRect().left * devicePixelRatio;
    stage.style.marginLeft = `${(Math.ceil(start - 0.01) - start) / devicePixelRatio}px`;
  }
  function show() {
    const original = now().layers.at(-1);
    part("original").hidden = !now().original;
    for (const [side, layer] of [
      ["left", now().layers[Number(left.value)]],
      ["right", now().layers[Number(right.value)]],
      ["original", original],
    ]) {
      const picture = part(`${side}-image`);
      if (picture.getAttribute("src") !== layer.source) picture.src = layer.source;
      picture.alt = `${now().title} by ${layer.name}`;
      if (side === "original") continue;
      const name = document.createElement("strong");
      name.textContent = layer.name;
      part(`${side}-scores`).replaceChildren(name, layer.scores && ` ${layer.scores}`);
    }
    part("where").textContent = `${now().title}: ${now().where}`;
    draw();
  }
  function draw() {
    const cut = whole === null ? Number(divide.value) : whole === "left" ? 100 : 0;
    part("right-image").style.clipPath = `inset(0 0 0 ${cut}%)`;
    part("line").style.left = `${cut}%`;
    part("line").hidden = whole !== null;
    part("original-image").hidden = whole !== "original";
    part("original").setAttribute("aria-pressed", String(whole === "original"));
    part("left-scores").classList.toggle("away", whole === "right" || whole === "original");
    part("right-scores").classList.toggle("away", whole === "left");
  }
  function other() {
    whole = whole === "left" ? "right" : "left";
    draw();
  }
  function flip() {
    run(false);
    other();
  }
  function original() {
    if (!now().original) return;
    run(false);
    whole = whole === "original" ? null : "original";
    draw();
  }
  function step(by) {
    const count = left.options.length;
    left.value = String((Number(left.value) + by + count) % count);
    show();
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
  part("flip").addEventListener("click", flip);
  part("original").addEventListener("click", original);
  stage.addEventListener("keydown", (event) => {
    const keys = {
      " ": flip, h: original, H: original, ArrowRight: () => step(1), ArrowLeft: () => step(-1),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
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
