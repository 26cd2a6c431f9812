// The layout of pictures in exact pixels: shared by the rating screen and the display check.
// `layout`: {pictures: 1 or 2, mode: null, "side" or "place", gap: device pixels between two, above,
// below: CSS pixels for texts, wordy: answers too long for five buttons in a row on a phone}.

const BELOW_ROWS = 246; // with the answers one below the other
const PHONE = 600; // narrower than this, also in viewer.css

// Device pixels that are left for pictures in the window.
function roomFor(layout, ratio) {
  const bottom = layout.wordy && window.innerWidth < PHONE ? BELOW_ROWS : layout.below;
  const top = Math.ceil(layout.above * ratio);
  return {
    top,
    width: Math.round(window.innerWidth * ratio),
    height: Math.floor((window.innerHeight - bottom) * ratio) - top,
  };
}

// Device pixels between the left edges of the two pictures.
function stepOf(layout, width, ratio) {
  return layout.mode === "side" ? meeting(width + layout.gap, ratio, 1) : 0;
}

// The number of device pixels per picture pixel: `magnification` or, on high-density screens, a
// whole multiple of it, so that a pixel is at least half a CSS pixel (otherwise a picture of 512
// pixels would be 171 wide on a phone). All pictures of a rater use the same number, so the largest
// must fit. 0: the largest does not fit at `magnification`.
function squareFor(largest, magnification, layout, ratio) {
  const room = roomFor(layout, ratio);
  for (let times = Math.max(1, Math.ceil(ratio / 2 - 0.01)); times >= 1; times -= 1) {
    const square = magnification * times;
    const width = largest.width * square;
    if (stepOf(layout, width, ratio) + width <= room.width && largest.height * square <= room.height)
      return square;
  }
  return 0;
}

// The next number of device pixels, upwards or downwards, that is also a whole number of CSS
// pixels.
function meeting(devicePixels, ratio, direction) {
  for (let n = devicePixels; n >= 0 && Math.abs(n - devicePixels) < 200; n += direction)
    if (Math.abs(n / ratio - Math.round(n / ratio)) < 1e-4) return n;
  return devicePixels;
}
