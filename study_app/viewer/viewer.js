// The rating screen: one picture, or two side by side or in one place, and a button for each answer.
// One vote is {session, trial, attempt, stimulus, ...}. The server sends new data for the trial that
// it waits for; only this allows the next vote.
//
// States of a trial: loading (pictures not decoded), waiting (pictures shown; the minimum time runs,
// or one of two pictures in one place was not seen yet), ready (a vote counts), sent (the vote is
// repeated until the server answers), feedback (practice: the answer is shown until the rater
// continues), blocked (the pictures cannot be shown in exact pixels).

const GREY = "rgb(128, 128, 128)";
const RESEND_MS = 3000;
const RETRY_MS = 1000;
const OPEN = ["waiting", "ready"]; // states in which the rater looks at pictures
const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowDown: "↓" };
const views = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  let view = views.get(parentElement);
  if (!view) {
    view = new View(parentElement);
    views.set(parentElement, view);
  }
  view.send = setTriggerValue;
  view.update(data);
  return () => view.leave();
}

class View {
  constructor(root) {
    const find = (selector) => root.querySelector(selector);
    this.stage = find(".stage");
    this.canvases = [find("canvas")]; // and one more for a second picture
    this.names = [...root.querySelectorAll(".names button")];
    this.card = find(".card");
    this.go = find(".go");
    this.note = find(".note");
    this.said = find(".said");
    this.undo = find(".undo");
    this.grades = find(".grades");
    this.buttons = [];
    this.pictures = new Map(); // key -> promise of a decoded picture
    this.data = null; // the trial on screen
    this.waitingData = null; // the next trial, while feedback is shown
    this.bitmaps = null;
    this.ratio = null; // device pixel ratio at the start of this page
    this.offered = null; // another ratio, if the rater continues with it
    this.focusLost = 0; // how often the page was left since this trial began
    this.away = false;
    this.serial = 0; // counts shown trials, so that late callbacks of earlier ones are ignored
    this.timers = {};
    this.canvases[0].addEventListener("click", () => this.pictureClicked(0));
    this.names.forEach((name, index) => name.addEventListener("click", () => this.toggle(index)));
    this.undo.addEventListener("click", () => this.takeBack());
    this.go.addEventListener("click", () => this.proceed());
    const onResize = () => this.resized();
    this.listeners = [
      [window, "keydown", (event) => this.key(event)],
      [window, "keyup", (event) => this.keyUp(event)],
      [window, "resize", onResize],
      [window.visualViewport, "resize", onResize],
      [window, "blur", () => this.left()],
      [window, "focus", () => this.back()],
      [document, "visibilitychange", () => (document.hidden ? this.left() : this.back())],
    ];
    this.listening = false;
  }

  listen() {
    if (this.listening) return;
    this.listening = true;
    // Capture keys first; use only the focus events of the window itself.
    for (const [target, name, handler] of this.listeners)
      target.addEventListener(name, handler, name.startsWith("key"));
  }

  leave() {
    this.listening = false;
    for (const [target, name, handler] of this.listeners)
      target.removeEventListener(name, handler, name.startsWith("key"));
    clearTimeout(this.timers.resend);
  }

  update(data) {
    this.listen();
    const wanted = [...data.pictures, ...data.next];
    for (const picture of wanted) this.fetchPicture(picture);
    const kept = new Set([...wanted, ...(this.data?.pictures ?? [])].map((picture) => picture.key));
    for (const key of [...this.pictures.keys()]) if (!kept.has(key)) this.pictures.delete(key);
    const same = this.data && ["session", "trial", "attempt"].every((n) => data[n] === this.data[n]) &&
      data.pictures.every((picture, index) => picture.key === this.data.pictures[index]?.key);
    const rated = ["sent", "feedback"].includes(this.state()) && data.session === this.data?.session;
    if (rated && data.feedback && data.feedback.trial === this.data?.trial) {
      clearTimeout(this.timers.resend);
      this.waitingData = same ? null : data; // no next trial after the last practice picture
      this.enter("feedback");
      this.say(data.feedback.text, data.texts.go_on);
      return;
    }
    if (same && data.told) {
      // The stored grade differs from the pressed one: show it, with Undo.
      clearTimeout(this.timers.resend);
      this.data = data;
      this.label();
      if (this.state() !== "loading") this.show();
      return;
    }
    if (same) {
      this.data = data;
      this.label();
      if (data.problem && this.state() !== "loading") this.note.textContent = data.problem;
      if (this.state() === "sent") {
        if (data.refused) {
          // Refused: the rater rates the same picture again.
          clearTimeout(this.timers.resend);
          this.note.textContent = data.refused;
          this.unmark();
          this.show();
        } else {
          // The server answers but has not stored the vote: it failed, or another server has replaced it.
          this.resends = 0;
          this.scheduleResend(data.problem ? RESEND_MS : RETRY_MS / 4);
        }
      }
      return;
    }
    clearTimeout(this.timers.resend);
    this.begin(data);
  }

  begin(data) {
    this.waitingData = null;
    this.data = data;
    this.serial += 1;
    this.focusLost = 0;
    this.unmark();
    this.label();
    this.load();
  }

  label() {
    const { texts, progress, answers, names, layout } = this.data;
    const bar = this.stage.querySelector(".bar");
    bar.setAttribute("aria-valuemax", progress.total);
    bar.setAttribute("aria-valuenow", progress.done);
    bar.setAttribute("aria-label", progress.text);
    bar.firstElementChild.style.width = `${(100 * progress.done) / progress.total}%`;
    this.stage.querySelector(".where").textContent = progress.text;
    this.stage.dataset.mode = layout.mode ?? "";
    this.stage.dataset.wordy = String(layout.wordy);
    this.grades.setAttribute("aria-label", texts.question);
    this.grades.dir = layout.pictures > 1 ? "ltr" : "";
    this.undo.textContent = texts.undo;
    this.undo.hidden = !this.data.undo;
    if (this.canvases.length < layout.pictures) this.addCanvas();
    this.canvases.forEach((canvas, index) =>
      canvas.setAttribute("aria-label", names[index] ?? texts.picture));
    this.names[0].parentElement.hidden = !this.data.named;
    this.stage.querySelector(".space").textContent = texts.space;
    this.names.forEach((name, index) => {
      name.textContent = names[index] ?? "";
      name.disabled = layout.mode !== "place";
    });
    // Made once, so that a button that has the focus keeps it.
    while (this.buttons.length < answers.length) this.addButton();
    this.buttons.forEach((button, index) => {
      const { score, text, key } = answers[index];
      button.dataset.score = score;
      const sign = document.createElement("span");
      sign.textContent = `[${SIGNS[key] ?? key}]`;
      button.replaceChildren(text, sign);
    });
  }

  addCanvas() {
    const second = this.canvases[0].cloneNode();
    second.addEventListener("click", () => this.pictureClicked(1));
    this.canvases[0].after(second);
    this.canvases.push(second);
  }

  addButton() {
    const button = document.createElement("button");
    button.type = "button";
    button.addEventListener("click", () => this.vote(Number(button.dataset.score)));
    this.grades.append(button);
    this.buttons.push(button);
  }

  // --- the picture ------------------------------------------------------------------------

  fetchPicture(picture) {
    if (!this.pictures.has(picture.key)) {
      const decoded = decode(picture);
      this.pictures.set(picture.key, decoded);
      decoded.catch(() => {
        this.pictures.delete(picture.key);
        this.send("missing", picture.key); // not at its address: request it through the component
      });
    }
    return this.pictures.get(picture.key);
  }

  async load() {
    const serial = this.serial;
    this.enter("loading");
    this.timers.slow = setTimeout(() => this.tell(serial, this.data.texts.loading), 700);
    while (serial === this.serial) {
      const { pictures, texts } = this.data;
      try {
        const bitmaps = await Promise.all(pictures.map((picture) => this.fetchPicture(picture)));
        if (serial !== this.serial) return;
        clearTimeout(this.timers.slow);
        this.bitmaps = bitmaps;
        this.show();
        return;
      } catch {
        this.tell(serial, texts.load_failed);
        await new Promise((done) => setTimeout(done, RETRY_MS));
      }
    }
  }

  tell(serial, text) {
    if (serial === this.serial && this.state() === "loading") this.note.textContent = text;
  }

  // Draw, then start the minimum time at the frame that shows the pictures.
  show() {
    const { texts, magnification, layout, largest, told } = this.data;
    const ratio = window.devicePixelRatio;
    this.ratio ??= ratio;
    if (!told && pinch() !== 1) return this.block(texts.pinched);
    if (!told && !coloursStand(this.stage)) return this.block(texts.colours_changed, texts.go_on);
    if (!told && ratio !== this.ratio) {
      this.offered = ratio;
      return this.block(texts.zoomed, texts.go_on);
    }
    const [bitmap] = this.bitmaps;
    // If the window is now too small for the largest picture, this one may still fit.
    const square =
      squareFor(largest, magnification, layout, ratio) ||
      (squareFor(bitmap, magnification, layout, ratio) && magnification);
    if (!square && !told) return this.block(texts.too_small);
    this.hideCard();
    this.drawn = { width: bitmap.width * square, height: bitmap.height * square };
    if (square) this.place(this.drawn.width, this.drawn.height, ratio);
    this.stage.dataset.hidden = String(!square);
    this.seen = 1; // pictures seen
    this.toggles = 0;
    this.standing = null;
    this.stage.dataset.standing = "false";
    this.enough = false;
    this.raise(0);
    if (told) return this.tellStored();
    if (this.state() === "sent" && !this.data.refused) return;
    this.enter("waiting");
    this.ask();
    const serial = this.serial;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (serial !== this.serial || this.state() !== "waiting") return;
      this.standing = this.changed = performance.now();
      this.stage.dataset.standing = "true"; // from now on the rater can switch pictures
      this.secondMs = 0;
      clearTimeout(this.timers.minimum);
      this.timers.minimum = setTimeout(() => {
        if (serial !== this.serial) return;
        this.enough = true;
        this.unlock();
      }, this.data.minimum_ms);
    }));
  }

  // A vote counts after the minimum time, and after both pictures were seen.
  unlock() {
    const both = this.data.layout.mode !== "place" || this.seen > 1;
    if (this.state() === "waiting" && this.enough && both) this.enter("ready");
  }

  // The question for screen readers; for two pictures it is in the note.
  ask() {
    const { texts, progress, layout } = this.data;
    const question = layout.pictures > 1 ? "" : texts.question;
    this.said.textContent = `${progress.text}. ${question}`;
  }

  // The stored grade, next to the picture if it is shown already.
  tellStored() {
    const { told, texts, undo } = this.data;
    this.enter("feedback");
    this.unmark();
    this.buttonOf(told.stored).classList.add("chosen");
    this.undo.disabled = !undo;
    this.waitingData = null;
    this.say(told.text, texts.go_on);
  }

  // One picture pixel on a square of whole device pixels. Browsers move boxes to whole CSS pixels or
  // whole device pixels when they paint, so every edge is at a multiple of both: at a ratio of 1.5,
  // every third device pixel. A canvas has a margin of the screen's grey below and on the right;
  // side by side, the right canvas covers the margin of the left one.
  place(width, height, ratio) {
    const { layout } = this.data;
    const room = roomFor(layout, ratio);
    const step = stepOf(layout, width, ratio);
    const left = meeting(Math.floor((room.width - step - width) / 2), ratio, -1);
    const top = meeting(room.top + Math.floor((room.height - height) / 2), ratio, -1);
    const outer = { width: meeting(width, ratio, 1), height: meeting(height, ratio, 1) };
    this.bitmaps.forEach((bitmap, index) => {
      const canvas = this.canvases[index];
      if (canvas.width !== outer.width) canvas.width = outer.width;
      if (canvas.height !== outer.height) canvas.height = outer.height;
      const context = canvas.getContext("2d", { alpha: false });
      context.fillStyle = GREY;
      context.fillRect(0, 0, outer.width, outer.height);
      context.imageSmoothingEnabled = false;
      context.drawImage(bitmap, 0, 0, width, height);
      canvas.style.width = `${outer.width / ratio}px`;
      canvas.style.height = `${outer.height / ratio}px`;
      canvas.style.left = `${(left + index * step) / ratio}px`;
      canvas.style.top = `${top / ratio}px`;
      const middle = (left + index * step + width / 2) / ratio;
      this.names[index].style.left = layout.mode === "side" ? `${middle}px` : "";
    });
  }

  // --- two pictures in one place ------------------------------------------------------------

  toggle(to) {
    const { layout, names } = this.data;
    const inView = ["waiting", "ready", "feedback"].includes(this.state()) && !this.data.told;
    if (layout.mode !== "place" || !inView || to === this.front) return;
    if (this.state() !== "feedback") {
      if (this.standing === null) return;
      const now = performance.now();
      if (this.front === 1) this.secondMs += now - this.changed;
      this.changed = now;
      this.toggles += 1;
      this.seen = 2;
    }
    this.raise(to);
    this.said.textContent = names[to];
    this.unlock();
  }

  // Both are drawn in the same place, so the one that comes to the front covers the other in the
  // same frame.
  raise(index) {
    this.front = index;
    const inPlace = this.data.layout.mode === "place";
    this.canvases.forEach((canvas, number) => {
      canvas.style.zIndex = inPlace && number === index ? 1 : 0;
      canvas.setAttribute("aria-hidden", String(inPlace && number !== index));
    });
    this.names.forEach((name, number) =>
      name.setAttribute("aria-pressed", String(inPlace && number === index)));
  }

  pictureClicked(index) {
    const { layout, answers } = this.data;
    if (layout.mode === "place") this.toggle(1 - this.front);
    else if (this.data.choose) this.vote(answers.at(-index).score); // the first, or the last
  }

  // --- events of the screen and the rater -----------------------------------------------------

  resized() {
    // A sent vote stays unchanged; otherwise place the picture again and restart its time.
    if (this.bitmaps && ["waiting", "ready", "blocked"].includes(this.state())) this.show();
  }

  left() {
    if (this.away) return;
    this.away = true;
    if (OPEN.includes(this.state())) this.focusLost += 1;
  }

  // Restart the time, so that the click that returns to the page is not a vote.
  back() {
    if (!this.away) return;
    this.away = false;
    this.resized();
  }

  block(text, button) {
    this.stage.dataset.hidden = "true";
    this.enter("blocked");
    this.say(text, button);
    // At the centre of the visible part of a pinch-zoomed page.
    const { offsetLeft, offsetTop, width, height } = window.visualViewport;
    this.card.style.left = pinch() === 1 ? "" : `${offsetLeft + width / 2}px`;
    this.card.style.top = pinch() === 1 ? "" : `${offsetTop + height * 0.45}px`;
    this.card.style.maxWidth = pinch() === 1 ? "" : `${width * 0.86}px`;
  }

  say(text, button) {
    this.card.firstElementChild.textContent = text;
    this.go.hidden = !button;
    if (button) this.go.textContent = button;
    this.card.hidden = false;
    if (button) this.go.focus({ preventScroll: true });
  }

  hideCard() {
    this.card.hidden = true;
    this.card.firstElementChild.textContent = "";
  }

  proceed() {
    if (this.state() === "feedback" && this.waitingData) {
      this.hideCard();
      this.begin(this.waitingData);
    } else if (this.state() === "feedback") {
      this.send("read", this.data.trial);
    } else if (this.state() === "blocked") {
      this.hideCard();
      this.ratio = this.offered ?? this.ratio;
      this.offered = null;
      this.show();
    }
  }

  // --- voting -----------------------------------------------------------------------------

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const answer = this.data?.answers.find((one) => one.key === keyOf(event));
    const space = event.key === " " || event.code === "Space";
    if (answer) {
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) this.vote(answer.score);
    } else if (event.key === "Backspace") {
      event.preventDefault();
      if (!event.repeat) this.takeBack();
    } else if (space && this.spaceToggles()) {
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) this.toggle(1 - this.front);
    }
  }

  // Otherwise the browser would press the button that has the focus.
  keyUp(event) {
    if (event.code === "Space" && this.spaceToggles()) event.preventDefault();
  }

  spaceToggles() {
    return this.data?.layout.mode === "place" && !["feedback", "blocked"].includes(this.state());
  }

  vote(score) {
    if (this.state() === "waiting" && this.enough) this.note.textContent = this.data.texts.see_both;
    if (this.state() !== "ready") return;
    if (pinch() !== 1 || !coloursStand(this.stage)) return this.show();
    const { data, bitmaps } = this;
    const now = performance.now();
    this.message = {
      session: data.session,
      trial: data.trial,
      attempt: data.attempt,
      stimulus: data.pictures[0].key,
      score,
      response_ms: Math.round(now - this.standing),
      pixel_ratio: window.devicePixelRatio,
      window_width: window.innerWidth,
      window_height: window.innerHeight,
      natural_width: bitmaps[0].width,
      natural_height: bitmaps[0].height,
      drawn_width: this.drawn.width,
      drawn_height: this.drawn.height,
      pinch: 1,
      forced_colors: matchMedia("(forced-colors: active)").matches,
      focus_lost: this.focusLost,
      ...this.twoPictures(now),
    };
    this.enter("sent");
    this.resends = 0;
    this.note.textContent = "";
    this.buttonOf(score).classList.add("chosen");
    this.sendVote();
  }

  // The data on a second picture. Side by side it is visible as long as the first.
  twoPictures(now) {
    const { layout, pictures } = this.data;
    if (layout.pictures < 2) return {};
    let stood = now - this.standing;
    if (layout.mode === "place") stood = this.secondMs + (this.front === 1 ? now - this.changed : 0);
    return {
      second: pictures[1].key,
      toggles: this.toggles,
      second_ms: Math.min(Math.round(stood), Math.round(now - this.standing)),
    };
  }

  buttonOf(score) {
    return this.buttons.find((button) => Number(button.dataset.score) === score);
  }

  // The waiting time grows, so as not to overload a slow server.
  sendVote() {
    this.send("vote", this.message);
    this.scheduleResend(RESEND_MS * 2 ** Math.min(this.resends, 2));
  }

  // A repeated vote changes nothing on the server, so it is safe to repeat it until the server
  // answers, for example after a lost connection.
  scheduleResend(wait) {
    clearTimeout(this.timers.resend);
    this.timers.resend = setTimeout(() => {
      if (this.state() !== "sent") return;
      this.note.textContent = this.data.texts.not_saved;
      this.resends += 1;
      this.sendVote();
    }, wait);
  }

  takeBack() {
    const told = this.state() === "feedback" && this.data.told;
    if (this.data?.undo && (told || ["waiting", "ready", "blocked"].includes(this.state())))
      this.send("undo", { session: this.data.session, ...this.data.undo });
  }

  state() {
    return this.stage.dataset.state;
  }

  enter(state) {
    this.stage.dataset.state = state;
    this.stage.dataset.trial = this.data ? `${this.data.trial}.${this.data.attempt}` : "";
    if (state === "ready" || state === "waiting") this.hideCard();
    if (state !== "loading" && state !== "sent" && !this.data?.refused)
      this.note.textContent = this.data?.layout.pictures > 1 && OPEN.includes(state) ? this.data.texts.question : "";
    this.undo.disabled = state === "sent" || state === "feedback";
    this.buttons.forEach((button) =>
      button.setAttribute("aria-disabled", String(state !== "ready")));
  }

  unmark() {
    this.buttons.forEach((button) => button.classList.remove("chosen"));
  }
}

// The key of an event, also if digits need shift (AZERTY), have other characters (Arabic) or come
// from the numpad without Num Lock.
function keyOf(event) {
  if (/^[1-5]$|^Arrow/.test(event.key)) return event.key;
  return /^(?:Digit|Numpad)([1-5])$/.exec(event.code)?.[1];
}

// The pinch-zoom factor; browsers report 1 inexactly after a gesture.
function pinch() {
  const { scale } = window.visualViewport;
  return Math.abs(scale - 1) < 0.01 ? 1 : scale;
}

// Whether grey is shown as grey, that is no extension or setting changes colours.
function coloursStand(stage) {
  if (getComputedStyle(stage).backgroundColor !== GREY) return false;
  if (matchMedia("(inverted-colors: inverted)").matches) return false;
  for (let element = stage; element; element = element.parentElement ?? element.getRootNode().host)
    if (getComputedStyle(element).filter !== "none") return false;
  return true;
}

async function decode({ url, width, height }) {
  const base = window.location.pathname.replace(/\/+$/, "");
  const address = url.startsWith("data:") ? url : base + url;
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  // The pixels of the file: no colour management, no premultiplied alpha.
  const bitmap = await createImageBitmap(await answer.blob(), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  if (bitmap.width !== width || bitmap.height !== height) throw new Error("not the whole picture");
  return bitmap;
}
