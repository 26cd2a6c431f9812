// The display check: compares the window with the largest picture of this rater's playlist, in
// device pixels, and continues only if it fits.

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const { layout, largest, magnification, texts } = data;
  const find = (selector) => parentElement.querySelector(selector);
  const size = (width, height) => `${width} × ${height}`;
  const measure = () => {
    const ratio = window.devicePixelRatio;
    const [width, height] = [largest.width * magnification, largest.height * magnification];
    const room = roomFor(layout, ratio);
    const screen = Math.floor(window.innerHeight * ratio);
    const fits = squareFor(largest, magnification, layout, ratio) > 0;
    find(".need-label").textContent = texts.need;
    find(".have-label").textContent = texts.have;
    find(".need").textContent =
      size(stepOf(layout, width, ratio) + width, height + screen - room.height);
    find(".have").textContent = size(room.width, screen);
    find(".verdict").textContent = fits ? texts.ok : texts.small;
    find(".go").textContent = texts.go_on;
    find(".go").disabled = !fits;
    return {
      pixel_ratio: ratio,
      window_width: window.innerWidth,
      window_height: window.innerHeight,
      screen_width: window.screen.width,
      screen_height: window.screen.height,
    };
  };
  measure();
  window.addEventListener("resize", measure);
  find(".go").onclick = () => setTriggerValue("done", measure());
  return () => window.removeEventListener("resize", measure);
}
