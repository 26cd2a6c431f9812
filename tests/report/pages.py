"""Checks of every page in a browser: clipping, contrast, keyboard, print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WIDTHS = (360, 768, 1366, 1920)

# Text that leaves the window although nothing around it scrolls, or that its own box cuts off.
_CLIPPED = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const apart = element.closest("script, style, .scroll, .stage-room, [hidden]");
    if (!walker.currentNode.data.trim() || apart) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    for (const box of range.getClientRects())
      if (box.width && (box.right > innerWidth + 1 || box.left < -1)) found.push(range.toString());
    const cut = getComputedStyle(element).overflowX !== "visible";
    if (cut && element.scrollWidth > element.clientWidth + 1) found.push(element.textContent);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
  return found;
}"""

# The contrast of WCAG 2 (1.4.3, level AA) of every text that is shown on plain colours.
_FAINT = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const level = ([r, g, b]) => {
    const part = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 20, 23] : [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility() || element.closest("script, style, noscript")) continue;
    const style = getComputedStyle(element);
    const [a, b] = [level(parse(style.color)), level(behind(element))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) found.push(element.outerHTML.slice(0, 120));
  }
  return found;
}"""

# Numbers that the column which stays in sight covers in part: 32.21 must not read 2.21.
_HALF_COVERED = """() => {
  const found = [];
  for (const room of document.querySelectorAll(".scroll")) {
    const table = room.querySelector("table");
    if (!table || !table.checkVisibility() || room.scrollWidth <= room.clientWidth + 1) continue;
    const cells = [...table.querySelectorAll("td.number")].filter((c) => c.textContent.length > 1);
    room.scrollIntoView({ block: "center", behavior: "instant" });
    for (let at = 0; at < room.scrollWidth - room.clientWidth; at += 17) {
      room.scrollLeft = at;
      room.dispatchEvent(new Event("scroll"));
      for (const cell of cells) {
        const range = document.createRange();
        range.selectNodeContents(cell);
        const box = range.getBoundingClientRect();
        const y = (box.top + box.bottom) / 2;
        if (y < 0 || y > innerHeight || box.right > room.getBoundingClientRect().right) continue;
        const seen = (x) => x > 0 && cell.contains(document.elementFromPoint(x, y));
        if (seen(box.right - 2) && !seen(box.left + 2)) found.push(cell.textContent);
      }
    }
    room.scrollLeft = 0;
  }
  return found;
}"""


@contextmanager
def opened(browser, path: Path, width: int, **options) -> Iterator:
    """The page in a window of that width. It may log nothing and ask no other host for anything."""
    context = browser.new_context(viewport={"width": width, "height": 844}, **options)
    context.set_default_timeout(60_000)  # a busy machine is no fault of the page
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda r: r.url.startswith(("file:", "data:")) or faults.append(r.url))
    page.goto(path.as_uri())
    try:
        yield page
    finally:
        context.close()
    assert faults == []


def require_readable(page) -> None:
    """Nothing is clipped, faint, or covered in part, what is folded included."""
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert page.evaluate(_CLIPPED) == []
    assert page.evaluate(_FAINT) == []
    assert page.evaluate(_HALF_COVERED) == []


def require_keyboard(page) -> None:
    """Tab reaches every control once, in the order in which they stand."""
    controls = page.evaluate(
        """() => {
          document.activeElement.blur();
          const all = [...document.querySelectorAll(
            "a[href], button, input, select, textarea, summary, [tabindex='0']")];
          const radios = new Set();
          window.order = all.filter((e) => {
            if (!e.checkVisibility() || e.disabled) return false;
            if (e.type !== "radio") return true;
            return e.checked && !radios.has(e.name) && radios.add(e.name);
          });
          return window.order.length;
        }"""
    )
    page.keyboard.press("Tab")
    for i in range(controls):
        place = page.evaluate("window.order.indexOf(document.activeElement)")
        assert place == i, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        page.keyboard.press("Tab")


def printed_pages(page) -> int:
    """How many A4 pages a printer would give."""
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))
