// Hearing a call again: its waveform, and the controls of its sound. Where no audio was kept: how loud each party was.

import { h, icon, refill } from "./dom.js";
import { LaneNames } from "./lane_names.js";
import { clock, t } from "./language.js";
import { putHead } from "./lanes.js";
import { drawLevels } from "./levels.js";
import { onLook } from "./palette.js";
import { Playback } from "./playback.js";
import { recordingOf, unpack } from "./recording.js";
import { choice } from "./shell.js";
import { asked, nextAlert, overSilence, previousAlert } from "./steps.js";
import { LANE, Wave } from "./wave.js";

const SPEEDS = [0.75, 1, 1.25, 1.5, 2];
const ARROW_S = 5;
/** Of a call that goes on, playback begins with what was said last. */
const LAST_S = 10;
const [PLAY, PAUSE] = ["M8 5v14l11-7z", "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z"];
const UNPLAYABLE = new DOMException("", "NotSupportedError");

export class Player {
  #data = /** @type {import("./call_data.js").CallData | null} */ (null);
  #peaks = /** @type {import("./recording.js").Peaks | null} */ (null);
  #recording = /** @type {any} */ (undefined);
  #speed = 1;
  #skips = false;
  /** Null until somebody has chosen a moment. @type {number | null} */
  #at_s = null;
  #asks = 0;
  #hasFailed = false;
  #url = "";
  #isLoading = false;
  #isClosed = false;

  /** @param {any} app @param {string} id @param {(at_s: number, isSought: boolean) => void} onTime A moment that is heard, or was asked for here. @param {() => void} onKnown There is a recording, or more of it. */
  constructor(app, id, onTime, onKnown) {
    this.#app = app;
    this.#id = id;
    this.#onTime = onTime;
    this.#onKnown = onKnown;
    this.#playback = new Playback(app.api, id);
    const button = (/** @type {string} */ name, /** @type {string} */ path, /** @type {() => void} */ act) => h("button", { class: "round", "aria-label": t(name), title: t(name), on: { click: act } }, icon(path));
    this.#play = h("button", { class: "round primary", on: { click: () => this.#toggle() } });
    this.#position = h("span", { class: "position" });
    this.#bar = h("div", { class: "player-bar", role: "group", "aria-label": t("playback"), hidden: true },
      button("previousAlert", "M6 5v14M19 5v14l-10-7z", () => this.#step(previousAlert)), this.#play, button("nextAlert", "M18 5v14M5 5v14l10-7z", () => this.#step(nextAlert)),
      this.#position,
      choice(t("speed"), SPEEDS.map((speed) => [String(speed), `${speed}×`]), "1", (speed) => this.#setSpeed(Number(speed))),
      h("label", { class: "check" }, h("input", { type: "checkbox", on: { change: (/** @type {any} */ event) => (this.#skips = event.target.checked) } }), t("skipSilence")));
    this.#heading = h("h2", { id: "recording" });
    this.#names = new LaneNames((channel, isMuted) => this.#playback.mute(channel, isMuted));
    this.#host = h("div", { class: "wave" });
    this.#canvas = h("canvas", { class: "levels", "aria-hidden": "true" });
    this.#head = h("i", { class: "playhead" });
    this.#box = h("div", { class: "wave-box", on: { click: (/** @type {any} */ event) => this.#click(event) } }, this.#names.element, this.#host, this.#canvas, this.#head);
    this.#note = h("p", { class: "soft small" });
    this.#problem = h("p", { class: "problem", role: "alert", hidden: true });
    this.element = h("figure", { class: "card player", "aria-labelledby": "recording" }, h("figcaption", {}, this.#heading), this.#bar, this.#box, this.#problem, this.#note);
    this.#wave = new Wave(this.#host, this.#playback.media, () => this.#hear());
    for (const type of ["play", "pause", "finish"]) this.#wave.surfer.on(/** @type {any} */ (type), () => this.#showState());
    this.#playback.media.addEventListener("error", () => this.#url && this.#fail(UNPLAYABLE));
    addEventListener("keydown", this.#key);
    this.#unlook = onLook(() => this.#peaks && this.#wave.look());
    this.#showState();
  }

  #app; #id; #onTime; #onKnown; #playback; #play; #position; #bar; #heading; #names; #host; #canvas; #head; #box; #note; #problem; #wave; #unlook;
  #frame = { left: 0, width: 0 };
  #view = /** @type {import("./view.js").View | null} */ (null);

  close() {
    this.#isClosed = true;
    removeEventListener("keydown", this.#key);
    this.#unlook();
    this.#wave.close();
    this.#playback.close();
  }

  /** Seconds that were kept; 0 without a recording. */
  get duration_s() {
    return this.#peaks?.duration_s ?? 0;
  }

  /** Whether more may still be kept than was said. */
  get isGrowing() {
    return this.#recording?.live === true;
  }

  /** What the server says of the recording: that of GET /v1/calls/{id}, null when none is kept. @param {any} recording */
  async know(recording) {
    const isNews = recording && (recording.duration_s !== this.#recording?.duration_s || recording.live !== this.#recording?.live);
    this.#recording = recording ?? null;
    if (!isNews) return;
    this.#asks += 1;
    const ask = this.#asks;
    try {
      const peaks = unpack(await this.#app.api.ask(`${recordingOf(this.#id)}/peaks`));
      if (this.#isClosed || !peaks || ask !== this.#asks) return;
      this.#hasFailed = false;
      this.#peaks = peaks;
    } catch (reason) {
      if (/** @type {any} */ (reason).code === undefined) throw reason;
      this.#hasFailed = true;
      if (!this.#isClosed) this.#fail(/** @type {any} */ (reason));
      return;
    }
    await this.#wave.show(this.#peaks, this.#url);
    if (this.#isClosed) return;
    this.#showState();
    this.#onKnown();
  }

  /** Where playback would begin. */
  get #start_s() {
    return this.#at_s ?? (this.isGrowing ? Math.max(0, this.duration_s - LAST_S) : 0);
  }

  /** @param {import("./call_data.js").CallData} data @param {{left: number, width: number} | null} frame Of the charts. @param {import("./view.js").View} view */
  draw(data, frame, view) {
    this.#data = data;
    this.#view = view;
    if (frame) this.#frame = frame;
    this.#place();
  }

  /** The moment that is read now: where playback goes on. @param {number} at_s */
  seek(at_s) {
    this.#at_s = at_s;
    if (this.#url) this.#wave.surfer.setTime(at_s);
    this.#showState();
  }

  /** Puts the line at a moment. @param {number} at_s */
  point(at_s) {
    if (this.#view) putHead(this.#head, this.#frame, this.#view, at_s);
  }

  #place() {
    if (!this.#data || !this.#view || !this.#frame.width) return;
    const hasWave = this.#peaks !== null;
    this.#bar.hidden = this.#host.hidden = !hasWave;
    this.#canvas.hidden = hasWave;
    const parties = this.#peaks?.channels ?? this.#data.parties;
    this.#names.draw(parties, hasWave && parties.length > 1);
    this.#names.element.style.width = `${this.#frame.left}px`;
    this.#box.style.height = `${parties.length * LANE}px`;
    if (hasWave) this.#wave.place(this.#frame, this.#view);
    else drawLevels(this.#canvas, this.#data, this.#frame, this.#view);
    refill(this.#heading, t(hasWave ? "recording" : "voices"));
    refill(this.#note, hasWave ? t("playerNote") : `${t("voicesNote")} ${this.#hasFailed ? "" : t(this.#recording ? "recordingBegins" : "notKept")}`);
  }

  #showState() {
    const isPlaying = this.#wave.surfer.isPlaying();
    const name = t(this.#isLoading ? "loading" : isPlaying ? "pause" : "play");
    refill(this.#play, icon(isPlaying ? PAUSE : PLAY));
    this.#play.setAttribute("aria-label", name);
    this.#play.title = name;
    this.#play.setAttribute("aria-busy", String(this.#isLoading));
    this.#showPosition();
  }

  #showPosition() {
    refill(this.#position, `${clock(Math.min(this.#start_s, this.duration_s))} / ${clock(this.duration_s)}`);
  }

  async #toggle() {
    const { surfer } = this.#wave;
    if (!this.#peaks || this.#isLoading) return;
    if (surfer.isPlaying()) {
      surfer.pause();
      return;
    }
    this.#problem.hidden = true;
    try {
      this.#at_s = this.#start_s >= this.duration_s - 0.2 && !this.isGrowing ? 0 : this.#start_s;
      if (!this.#url || this.duration_s > this.#playback.loaded_s + 1) await this.#load();
      if (this.#isClosed) return;
      await this.#playback.wake();
      surfer.setTime(this.#at_s);
      surfer.setPlaybackRate(this.#speed, true);
      await surfer.play();
    } catch (reason) {
      if (/** @type {any} */ (reason).code === undefined) throw reason;
      if (!this.#isClosed) this.#fail(/** @type {any} */ (reason));
    } finally {
      this.#isLoading = false;
      if (!this.#isClosed) this.#showState();
    }
  }

  /** The sound is fetched when somebody wants to hear it, and not before. */
  async #load() {
    this.#isLoading = true;
    this.#showState();
    const peaks = /** @type {import("./recording.js").Peaks} */ (this.#peaks);
    const url = await this.#playback.fetch(peaks.channels.length);
    if (url === null) return;
    const { media } = this.#playback;
    const known = new Promise((resolve, reject) => {
      media.addEventListener("loadedmetadata", resolve, { once: true });
      media.addEventListener("error", () => reject(UNPLAYABLE), { once: true });
    });
    this.#url = url;
    await Promise.all([known, this.#wave.show(peaks, url)]);
    this.#place();
  }

  /** @param {{name: string, message: string, code: string | number}} reason */
  #fail({ name, message, code }) {
    this.#problem.hidden = false;
    refill(this.#problem, name === "NotSupportedError" ? t("cannotPlay") : name === "NotAllowedError" ? t("pressAgain")
      : t("failed", { reason: code === "unreachable" ? t("unreachable") : message }));
  }

  /** Each frame while it plays. */
  #hear() {
    if (this.#isLoading || this.#isClosed || !this.#wave?.surfer.isPlaying()) return;
    this.#at_s = this.#playback.media.currentTime;
    const next = this.#skips && this.#data ? overSilence(this.#data.speech, this.#at_s) : null;
    if (next !== null) this.seek(next);
    this.#showPosition();
    this.#onTime(this.#at_s, false);
  }

  /** @param {(story: any[], at_s: number) => number | null} find */
  #step(find) {
    const at = find(this.#data?.story ?? [], this.#start_s);
    if (at !== null) this.#onTime(at, true);
  }

  /** @param {number} speed */
  #setSpeed(speed) {
    this.#speed = speed;
    if (this.#url) this.#wave.surfer.setPlaybackRate(speed, true);
  }

  /** @param {any} event */
  #click({ clientX, target }) {
    if (!this.#view || target.closest("button") || !this.#frame.width) return;
    const x = clientX - this.#box.getBoundingClientRect().left - this.#frame.left;
    if (x >= 0) this.#onTime(this.#view.moment(x / this.#frame.width), true);
  }

  /** @param {KeyboardEvent} event */
  #key = (event) => {
    const wish = this.#peaks && asked(event);
    if (!wish) return;
    event.preventDefault();
    if (wish === "toggle") this.#toggle();
    else if (wish === "previous") this.#step(previousAlert);
    else if (wish === "next") this.#step(nextAlert);
    else this.#onTime(Math.min(this.duration_s, Math.max(0, this.#start_s + (wish === "on" ? ARROW_S : -ARROW_S))), true);
  };
}
