// The page of one call: what was said of it, second by second, while it happens or afterwards.

import { AlertList } from "./alert_list.js";
import { CallData } from "./call_data.js";
import { Charts, colourOf } from "./charts.js";
import { h, refill } from "./dom.js";
import { Feed } from "./feed.js";
import { Lanes, MOODS, putHead } from "./lanes.js";
import { clock, hundredths, named, t } from "./language.js";
import { momentText } from "./moment.js";
import { onLook } from "./palette.js";
import { token } from "./preferences.js";
import { Player } from "./player.js";
import { address, readHash } from "./router.js";
import { facts, storyLine } from "./call_facts.js";
import { View } from "./view.js";
import { Zooms } from "./zooms.js";

const ASKED_EVERY_MS = 1000;
/** The call's row, which tells of its recording, is asked for each so many times. */
const ROW_EVERY = 10;
/** A recording is whole soon after its call, or something is wrong with it. */
const ROWS_AFTER_END = 60;
/** A playing call moves its lines with each frame, its texts so often. */
const TEXTS_EVERY_MS = 250;

export class CallPage {
  #data = new CallData();
  #cursor = "0";
  #asks = 0;
  #rowsAfterEnd = 0;
  #told = 0;
  #view = new View();
  #toldMs = 0;
  #timer = /** @type {any} */ (0);
  #isClosed = false;
  /** Seconds; null follows the call. @type {number | null} */
  #at = null;
  #feed = /** @type {Feed | null} */ (null);

  /** @param {any} app @param {string} id @param {import("./router.js").Moment} moment */
  constructor(app, id, moment) {
    this.#app = app;
    this.#id = id;
    this.#at = moment.at;
    this.#sought = moment.alert;
    this.#facts = h("div", {});
    this.#reading = h("div", { class: "moment" });
    this.#story = h("ol", { class: "story" });
    this.#legend = h("p", { class: "legend" });
    this.#note = h("p", { class: "empty" }, t("loading"));
    this.#scrub = h("input", { type: "range", min: 0, max: 0, step: 1, value: 0, on: { input: () => this.#read(Number(this.#scrub.value)) } });
    this.#head = h("i", { class: "playhead" });
    this.#player = new Player(app, id, (at, isSought) => (isSought ? this.#read(at) : this.#hear(at)), () => this.#draw());
    if (moment.at !== null) this.#player.seek(moment.at);
    this.#zooms = new Zooms(this.#view, () => this.#moment, () => this.#turn());
    const [curve, stack, canvas] = [h("div", { class: "plot" }), h("div", { class: "plot" }), h("canvas", { class: "lanes", "aria-hidden": "true" })];
    this.#alerts = new AlertList(app, { filter: (alert) => alert.call === id });
    this.#body = h("div", { class: "columns call-columns", hidden: true },
      h("div", { class: "stack" },
        figure("curve", this.#zooms.element, h("p", { class: "legend" }, h("span", { class: "ink" }, t("tension")), h("span", { class: "customer" }, t("customerHeat")), h("span", { class: "agent" }, t("agentHeat"))), curve),
        this.#player.element,
        figure("timeline", h("p", { class: "legend" }, ...MOODS.map(([mood]) => h("span", { class: `mood-${mood}` }, named("emotion", mood)))), h("div", { class: "lane-box" }, canvas, this.#head), h("label", {}, h("span", { class: "hidden" }, t("timeline")), this.#scrub), h("p", { class: "soft small" }, t("timelineNote"))),
        figure("stacked", this.#legend, stack, h("p", { class: "soft small" }, t("stackedNote"))),
        h("section", { class: "card", "aria-labelledby": "story" }, h("h2", { id: "story" }, t("whatHappened")), this.#story)),
      h("aside", { class: "stack" }, this.#facts,
        h("section", { class: "card", "aria-live": "off" }, this.#reading),
        h("section", { "aria-labelledby": "call-alerts" }, h("h2", { id: "call-alerts" }, t("alertsOfCall")), this.#alerts.element)));
    this.element = h("div", { class: "page" },
      h("p", {}, h("a", { class: "back", href: address("calls") }, t("back"))), h("h1", { class: "call-id" }, id), this.#note, this.#body);
    this.element.addEventListener("click", (/** @type {any} */ event) => this.#followLink(event));
    this.#charts = new Charts(curve, stack, (at) => this.#read(at), this.#view);
    this.#lanes = new Lanes(canvas, (part) => this.#read(this.#view.moment(part)));
    this.#unlook = onLook(() => this.#draw(true));
    this.#resizes = new ResizeObserver(() => this.#drawLanes());
    this.#resizes.observe(curve);
    if (app.live.keeps) this.#ask();
    else this.#follow();
  }

  #app;
  #id;
  #facts;
  #reading;
  #story;
  #legend;
  #note;
  #scrub;
  #alerts;
  #body;
  #charts;
  #lanes;
  #head;
  #player;
  #zooms;
  /** The alert whose beginning was asked for, until it is known. @type {string | null} */
  #sought;
  #unlook;
  #resizes;

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#feed?.stop();
    this.#alerts.close();
    this.#player.close();
    this.#charts.close();
    this.#resizes.disconnect();
    this.#unlook();
  }

  /** Reads what is kept, and while the call goes on what is new. */
  async #ask() {
    try {
      if (this.#asks++ % ROW_EVERY === 0 || this.#data.ended) await this.#askRow();
      await this.#app.api.events(this.#id, (/** @type {any[]} */ events, /** @type {string} */ cursor) => {
        for (const event of events) {
          this.#data.take(event);
          if (event.alert_id) this.#app.live.state.recall(event);
        }
        this.#app.live.changed();
        if (events.length) this.#cursor = cursor;
        return !this.#isClosed;
      }, this.#cursor);
      if (this.#isClosed) return;
      this.#draw();
    } catch (reason) {
      if (this.#isClosed) return;
      if (/** @type {any} */ (reason).code === "unknown_id") {
        refill(this.#note, t("unknownCall"));
        return;
      }
      this.#app.failed(reason);
    }
    if (!this.#data.ended || (this.#player.isGrowing && this.#rowsAfterEnd++ < ROWS_AFTER_END)) this.#timer = setTimeout(() => this.#ask(), ASKED_EVERY_MS);
  }

  async #askRow() {
    const { alerts, recording } = await this.#app.api.ask(`/v1/calls/${encodeURIComponent(this.#id)}`);
    for (const row of alerts) this.#app.live.state.addAlert(row);
    this.#app.live.changed();
    if (!this.#isClosed) this.#player.know(recording);
  }

  /** Where nothing is kept, the feed's memory is all there is. */
  #follow() {
    const url = `${location.origin.replace(/^http/, "ws")}/v1/feed`;
    this.#feed = new Feed({
      url, token: token.get(), query: { calls: this.#id }, since: "0",
      onEvent: (event) => {
        this.#data.take(event);
        this.#timer ||= setTimeout(() => {
          this.#timer = 0;
          this.#draw();
        }, 200);
      },
      onGap: () => (this.#data = new CallData()),
      onState: () => {},
    });
    this.#feed.open();
  }

  /** The moment that is read: of a call that is over where playback begins, of a live one what is newest. */
  get #moment() {
    return this.#at ?? (this.#data.ended && this.#player.duration_s ? 0 : this.#data.end_s);
  }

  /** Goes to a moment if the address means this page. @param {string} page @param {string} argument @param {import("./router.js").Moment} moment */
  seek(page, argument, { at, alert }) {
    if (page !== "call" || argument !== this.#id) return false;
    if (at !== null) this.#read(at);
    this.#sought = alert;
    this.#findAlert();
    return true;
  }

  /** A moment that somebody points at: everything goes there, the sound too. @param {number} at_s */
  #read(at_s) {
    this.#at = at_s;
    this.#player.seek(at_s);
    this.#drawMoment();
    if (this.#view.follow(at_s)) this.#turn();
    else this.#point();
  }

  /** A moment that is being heard. @param {number} at_s */
  #hear(at_s) {
    this.#at = at_s;
    if (this.#view.follow(at_s)) this.#turn();
    else this.#point();
    if (performance.now() - this.#toldMs < TEXTS_EVERY_MS) return;
    this.#toldMs = performance.now();
    this.#drawMoment();
  }

  /** Links to moments of this page go there even when the address has them already. @param {MouseEvent} event */
  #followLink(event) {
    const link = /** @type {HTMLAnchorElement | null} */ (/** @type {Element} */ (event.target).closest("a"));
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const { page, argument, moment } = readHash(new URL(link.href).hash);
    if (moment.at === null || !this.seek(page, argument, moment)) return;
    event.preventDefault();
    history.replaceState(null, "", link.href);
  }

  #findAlert() {
    const alert = this.#sought && this.#data.story.find(({ type, alert_id }) => type === "alert.raised" && alert_id === this.#sought);
    if (!alert) return;
    this.#sought = null;
    this.#read(alert.since_s);
  }

  /** The seconds that are shown are others. */
  #turn() {
    this.#charts.turn();
    this.#drawLanes();
    this.#zooms.draw();
  }

  /** The line through everything. */
  #point() {
    const at = this.#moment;
    putHead(this.#head, this.#charts.frame, this.#view, at);
    this.#player.point(at);
    if (this.#at !== null) this.#charts.point(at);
  }

  /** @param {boolean} isAnew */
  #draw(isAnew = false) {
    const data = this.#data;
    if (!data.started) return;
    this.#body.hidden = false;
    this.#note.hidden = data.ticks.length > 0;
    refill(this.#note, t("noTicksYet"));
    this.#view.grow(Math.max(data.end_s, this.#player.duration_s));
    this.#charts.draw(data, isAnew);
    refill(this.#legend, ...data.causes().map((cause) => {
      const key = h("span", {}, named("cause", cause));
      key.style.setProperty("--key", `var(${colourOf(cause)})`);
      return key;
    }));
    refill(this.#facts, facts(data));
    this.#tell();
    this.#scrub.max = String(Math.ceil(data.end_s));
    this.#drawMoment();
    this.#turn();
    this.#findAlert();
  }

  /** What is told already stays as it is: somebody may be on a link of it. */
  #tell() {
    const { story } = this.#data;
    if (this.#told > story.length) this.#told = 0;
    if (!this.#told) this.#story.replaceChildren();
    this.#story.append(...story.slice(this.#told).map(storyLine));
    this.#told = story.length;
  }

  #drawLanes() {
    this.#lanes.draw(this.#data, this.#charts.frame, this.#view);
    this.#player.draw(this.#data, this.#charts.frame, this.#view);
    this.#point();
  }

  #drawMoment() {
    const at = this.#moment;
    const { tick, emotions } = this.#data.moment(at);
    this.#scrub.value = String(Math.round(at));
    this.#scrub.setAttribute("aria-valuetext", tick ? `${clock(at)}, ${t("tensionOf", { n: hundredths(tick.level) })}` : clock(at));
    if (tick) refill(this.#reading, ...momentText(at, tick, emotions));
  }
}

/** @param {string} key @param {...any} parts */
function figure(key, ...parts) {
  return h("figure", { class: "card" }, h("figcaption", {}, h("h2", {}, t(key))), ...parts);
}
