// Where pictures stand in exact pixels: shared by the rating screen and the display check.
// `layout`: {pictures: 1 or 2, mode: null, "side" or "place", gap: device pixels between two, above,
// below: CSS pixels taken by words, wordy: answers too long for five buttons in a row on a phone}.

const BELOW_ROWS = 246; // with the answers one below the other
const PHONE = 600; // narrower than this, also in viewer.css

// Device pixels that the window leaves for pictures.
function roomFor(layout, ratio) {
  const bottom = layout.wordy && window.innerWidth < PHONE ? BELOW_ROWS : layout.below;
  const top = Math.ceil(layout.above * ratio);
  return {
    top,
    width: Math.round(window.innerWidth * ratio),
    height: Math.floor((window.innerHeight - bottom) * ratio) - top,
  };
}

// Device pixels from the left edge of one picture to that of the other.
function stepOf(layout, width, ratio) {
  return layout.mode === "side" ? meeting(width + layout.gap, ratio, 1) : 0;
}

// How many device pixels wide and high a picture's pixel is: `magnification`, and on fine screens
// a whole multiple of it, so that a pixel is not smaller than half a CSS pixel (a picture of 512
// would be 171 wide on a phone). All pictures of a rater share it, so the largest must fit. 0: not
// even the plain one fits.
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

// Counting up or down from a number of device pixels, the first that is a whole number of CSS
// pixels too.
function meeting(devicePixels, ratio, direction) {
  for (let n = devicePixels; n >= 0 && Math.abs(n - devicePixels) < 200; n += direction)
    if (Math.abs(n / ratio - Math.round(n / ratio)) < 1e-4) return n;
  return devicePixels;
}
