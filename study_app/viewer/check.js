// The display check: compares the window with the largest picture of this rater's playlist, in
// device pixels, and goes on only when it fits.

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const find = (selector) => parentElement.querySelector(selector);
  const size = (width, height) => `${width} × ${height}`;
  const measure = () => {
    const ratio = window.devicePixelRatio;
    const need = { width: data.width, height: data.height + Math.ceil(data.chrome * ratio) };
    const have = {
      width: Math.round(window.innerWidth * ratio),
      height: Math.floor(window.innerHeight * ratio),
    };
    const fits = have.width >= need.width && have.height >= need.height;
    find(".need-label").textContent = data.texts.need;
    find(".have-label").textContent = data.texts.have;
    find(".need").textContent = size(need.width, need.height);
    find(".have").textContent = size(have.width, have.height);
    find(".verdict").textContent = fits ? data.texts.ok : data.texts.small;
    find(".go").textContent = data.texts.go_on;
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
