// The rating screen. One vote is {session, trial, attempt, stimulus, ...}; the server says which trial it waits for
// by sending new data, and only that unlocks the next vote.
//
// States of a trial: loading (picture not decoded), waiting (standing, minimum time running),
// ready (a vote counts), sent (vote on its way, sent again until the server answers), feedback
// (practice: the answer is shown until the rater goes on), blocked (the picture cannot be shown
// in exact pixels).

const TOP = 32;
const BOTTOM = 84;
const RESEND_MS = 3000;
const RETRY_MS = 1000;
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
    this.canvas = find("canvas");
    this.card = find(".card");
    this.go = find(".go");
    this.note = find(".note");
    this.undo = find(".undo");
    this.buttons = [...root.querySelectorAll(".grades button")];
    this.pictures = new Map(); // key -> promise of a decoded picture
    this.data = null; // the trial on screen
    this.waitingData = null; // the next trial, while feedback is read
    this.bitmap = null;
    this.ratio = null; // device pixel ratio that this page began with
    this.serial = 0; // grows with each trial shown; late callbacks of an older one do nothing
    this.timers = {};
    this.buttons.forEach((button) =>
      button.addEventListener("click", () => this.vote(Number(button.dataset.score))));
    this.undo.addEventListener("click", () => this.takeBack());
    this.go.addEventListener("click", () => this.proceed());
    this.onKey = (event) => this.key(event);
    this.onResize = () => this.resized();
    this.listening = false;
  }

  listen() {
    if (this.listening) return;
    this.listening = true;
    window.addEventListener("keydown", this.onKey, true);
    window.addEventListener("resize", this.onResize);
  }

  leave() {
    this.listening = false;
    window.removeEventListener("keydown", this.onKey, true);
    window.removeEventListener("resize", this.onResize);
    clearTimeout(this.timers.resend);
  }

  update(data) {
    this.listen();
    for (const picture of [data.picture, data.next]) if (picture) this.fetchPicture(picture);
    for (const key of [...this.pictures.keys()])
      if (key !== data.picture.key && key !== data.next?.key && key !== this.data?.picture.key)
        this.pictures.delete(key);
    const same = this.data && ["session", "trial", "attempt"].every((n) => data[n] === this.data[n]) &&
      data.picture.key === this.data.picture.key;
    const rated = ["sent", "feedback"].includes(this.state()) && data.session === this.data?.session;
    if (rated && data.feedback && data.feedback.trial === this.data?.trial) {
      clearTimeout(this.timers.resend);
      this.waitingData = same ? null : data; // no next trial after the last practice picture
      this.enter("feedback");
      this.say(data.feedback.text, data.texts.go_on);
      return;
    }
    if (same && data.told) {
      // Another grade than the one pressed is stored: it is shown, and may be taken back.
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
          // Not stored and not to be stored: the rater rates the same picture again.
          clearTimeout(this.timers.resend);
          this.note.textContent = data.refused;
          this.unmark();
          this.show();
        } else {
          // The server is there, and has not stored it: it could not, or is another one by now.
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
    this.unmark();
    this.label();
    this.load();
  }

  label() {
    const { texts, progress } = this.data;
    const bar = this.stage.querySelector(".bar");
    bar.setAttribute("aria-valuemax", progress.total);
    bar.setAttribute("aria-valuenow", progress.done);
    bar.setAttribute("aria-label", progress.text);
    bar.firstElementChild.style.width = `${(100 * progress.done) / progress.total}%`;
    this.stage.querySelector(".where").textContent = progress.text;
    this.stage.querySelector(".grades").setAttribute("aria-label", texts.question);
    this.canvas.setAttribute("aria-label", texts.picture);
    this.undo.textContent = texts.undo;
    this.undo.hidden = !this.data.undo;
    this.buttons.forEach((button, index) => {
      const key = document.createElement("span");
      key.textContent = `[${index + 1}]`;
      button.replaceChildren(`${index + 1} ${texts.grades[index]}`, key);
    });
  }

  // --- the picture ------------------------------------------------------------------------

  fetchPicture(picture) {
    if (!this.pictures.has(picture.key)) {
      const decoded = decode(picture);
      this.pictures.set(picture.key, decoded);
      decoded.catch(() => {
        this.pictures.delete(picture.key);
        this.send("missing", picture.key); // not at its address: ask for it by way of the votes
      });
    }
    return this.pictures.get(picture.key);
  }

  async load() {
    const serial = this.serial;
    this.enter("loading");
    this.timers.slow = setTimeout(() => this.tell(serial, this.data.texts.loading), 700);
    while (serial === this.serial) {
      const { picture, texts } = this.data;
      try {
        const bitmap = await this.fetchPicture(picture);
        if (serial !== this.serial) return;
        clearTimeout(this.timers.slow);
        this.bitmap = bitmap;
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

  // Draw, then count the minimum time from the frame in which the picture stands.
  show() {
    const { texts, magnification } = this.data;
    const ratio = window.devicePixelRatio;
    this.ratio ??= ratio;
    if (!this.data.told && ratio !== this.ratio) return this.block(texts.zoomed, texts.go_on);
    const width = this.bitmap.width * magnification;
    const height = this.bitmap.height * magnification;
    const room = {
      width: Math.round(window.innerWidth * ratio),
      top: Math.ceil(TOP * ratio),
      height: Math.floor((window.innerHeight - BOTTOM) * ratio) - Math.ceil(TOP * ratio),
    };
    const fits = width <= room.width && height <= room.height;
    if (!fits && !this.data.told) return this.block(texts.too_small);
    this.hideCard();
    this.drawn = { width, height };
    if (fits) this.place(width, height, room, ratio);
    this.canvas.style.visibility = fits ? "visible" : "hidden";
    if (this.data.told) return this.tellStored();
    if (this.state() === "sent" && !this.data.refused) return;
    this.enter("waiting");
    const serial = this.serial;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (serial !== this.serial || this.state() !== "waiting") return;
      this.standing = performance.now();
      clearTimeout(this.timers.minimum);
      this.timers.minimum = setTimeout(() => {
        if (serial === this.serial && this.state() === "waiting") this.enter("ready");
      }, this.data.minimum_ms);
    }));
  }

  // The picture's grade that is stored, beside the picture if it stands there already.
  tellStored() {
    const { told, texts, undo } = this.data;
    this.enter("feedback");
    this.unmark();
    this.buttons[told.stored - 1].classList.add("chosen");
    this.undo.disabled = !undo;
    this.waitingData = null;
    this.say(told.text, texts.go_on);
  }

  // One picture pixel on one device pixel. Browsers move boxes to whole CSS pixels or whole device
  // pixels when they paint, so every edge is put where the two meet: at a ratio of 1.5, on every
  // third device pixel. The canvas gets a margin of the screen's grey below and to the right.
  place(width, height, room, ratio) {
    const left = meeting(Math.floor((room.width - width) / 2), ratio, -1);
    const top = meeting(room.top + Math.floor((room.height - height) / 2), ratio, -1);
    const outer = { width: meeting(width, ratio, 1), height: meeting(height, ratio, 1) };
    if (this.canvas.width !== outer.width) this.canvas.width = outer.width;
    if (this.canvas.height !== outer.height) this.canvas.height = outer.height;
    const context = this.canvas.getContext("2d", { alpha: false });
    context.fillStyle = "rgb(128, 128, 128)";
    context.fillRect(0, 0, outer.width, outer.height);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.bitmap, 0, 0, width, height);
    this.canvas.style.width = `${outer.width / ratio}px`;
    this.canvas.style.height = `${outer.height / ratio}px`;
    this.canvas.style.left = `${left / ratio}px`;
    this.canvas.style.top = `${top / ratio}px`;
  }

  resized() {
    // A vote on its way stays as it was cast; any other picture is placed and timed anew.
    if (this.bitmap && ["waiting", "ready", "blocked"].includes(this.state())) this.show();
  }

  block(text, button) {
    this.canvas.style.visibility = "hidden";
    this.enter("blocked");
    this.say(text, button);
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
      this.ratio = window.devicePixelRatio;
      this.show();
    }
  }

  // --- voting -----------------------------------------------------------------------------

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key >= "1" && event.key <= "5" && event.key.length === 1) {
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) this.vote(Number(event.key));
    } else if (event.key === "Backspace") {
      event.preventDefault();
      if (!event.repeat) this.takeBack();
    }
  }

  vote(score) {
    if (this.state() !== "ready") return;
    const { data, bitmap } = this;
    this.message = {
      session: data.session,
      trial: data.trial,
      attempt: data.attempt,
      stimulus: data.picture.key,
      score,
      response_ms: Math.round(performance.now() - this.standing),
      pixel_ratio: window.devicePixelRatio,
      window_width: window.innerWidth,
      window_height: window.innerHeight,
      natural_width: bitmap.width,
      natural_height: bitmap.height,
      drawn_width: this.drawn.width,
      drawn_height: this.drawn.height,
    };
    this.enter("sent");
    this.resends = 0;
    this.note.textContent = "";
    this.buttons[score - 1].classList.add("chosen");
    this.sendVote();
  }

  // Each time it waits longer, so that a slow server is not made slower.
  sendVote() {
    this.send("vote", this.message);
    this.scheduleResend(RESEND_MS * 2 ** Math.min(this.resends, 2));
  }

  // The same vote again changes nothing on the server, so it is safe to repeat it until it is
  // answered: the connection may have been away.
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
    if (state !== "loading" && state !== "sent" && !this.data?.refused) this.note.textContent = "";
    this.undo.disabled = state === "sent" || state === "feedback";
    this.buttons.forEach((button) =>
      button.setAttribute("aria-disabled", String(state !== "ready")));
  }

  unmark() {
    this.buttons.forEach((button) => button.classList.remove("chosen"));
  }
}

// Counting up or down from a number of device pixels, the first that is a whole number of CSS
// pixels too.
function meeting(devicePixels, ratio, direction) {
  for (let n = devicePixels; n >= 0 && Math.abs(n - devicePixels) < 200; n += direction)
    if (Math.abs(n / ratio - Math.round(n / ratio)) < 1e-4) return n;
  return devicePixels;
}

async function decode({ url, width, height }) {
  const base = window.location.pathname.replace(/\/+$/, "");
  const address = url.startsWith("data:") ? url : base + url;
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  // Pixels as they are in the file: no colour management, no alpha arithmetic.
  const bitmap = await createImageBitmap(await answer.blob(), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  if (bitmap.width !== width || bitmap.height !== height) throw new Error("not the whole picture");
  return bitmap;
}
