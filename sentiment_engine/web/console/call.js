// The page of one call: what was said of it, second by second, while it happens or afterwards.

import { AlertList } from "./alert_list.js";
import { CallData } from "./call_data.js";
import { causeBars } from "./causes.js";
import { Charts, colourOf } from "./charts.js";
import { h, refill } from "./dom.js";
import { Feed } from "./feed.js";
import { Lanes, MOODS } from "./lanes.js";
import { clock, hundredths, named, number, t } from "./language.js";
import { onLook } from "./palette.js";
import { token } from "./preferences.js";
import { address } from "./router.js";
import { facts, storyLine } from "./call_facts.js";

const ASKED_EVERY_MS = 1000;

export class CallPage {
  #data = new CallData();
  #cursor = "0";
  #timer = /** @type {any} */ (0);
  #isClosed = false;
  /** Seconds; null follows the call. @type {number | null} */
  #at = null;
  #feed = /** @type {Feed | null} */ (null);

  /** @param {any} app @param {string} id */
  constructor(app, id) {
    this.#app = app;
    this.#id = id;
    this.#facts = h("div", {});
    this.#moment = h("div", { class: "moment" });
    this.#story = h("ol", { class: "story" });
    this.#legend = h("p", { class: "legend" });
    this.#note = h("p", { class: "empty" }, t("loading"));
    this.#scrub = h("input", { type: "range", min: 0, max: 0, step: 1, value: 0, on: { input: () => this.#read(Number(this.#scrub.value)) } });
    const [curve, stack, canvas] = [h("div", { class: "plot" }), h("div", { class: "plot" }), h("canvas", { class: "lanes", "aria-hidden": "true" })];
    this.#alerts = new AlertList(app, { filter: (alert) => alert.call === id });
    this.#body = h("div", { class: "columns call-columns", hidden: true },
      h("div", { class: "stack" },
        figure("curve", h("p", { class: "legend" }, h("span", { class: "ink" }, t("tension")), h("span", { class: "customer" }, t("customerHeat")), h("span", { class: "agent" }, t("agentHeat"))), curve),
        figure("timeline", h("p", { class: "legend" }, ...MOODS.map(([mood]) => h("span", { class: `mood-${mood}` }, named("emotion", mood)))), canvas, h("label", {}, h("span", { class: "hidden" }, t("timeline")), this.#scrub), h("p", { class: "soft small" }, t("timelineNote"))),
        figure("stacked", this.#legend, stack, h("p", { class: "soft small" }, t("stackedNote"))),
        h("section", { class: "card", "aria-labelledby": "story" }, h("h2", { id: "story" }, t("whatHappened")), this.#story)),
      h("aside", { class: "stack" }, this.#facts,
        h("section", { class: "card", "aria-live": "off" }, this.#moment),
        h("section", { "aria-labelledby": "call-alerts" }, h("h2", { id: "call-alerts" }, t("alertsOfCall")), this.#alerts.element)));
    this.element = h("div", { class: "page" },
      h("p", {}, h("a", { class: "back", href: address("calls") }, t("back"))), h("h1", { class: "call-id" }, id), this.#note, this.#body);
    this.#charts = new Charts(curve, stack, (at) => this.#read(at));
    this.#lanes = new Lanes(canvas, (part) => this.#read(part * Math.max(10, this.#data.end_s)));
    this.#unlook = onLook(() => this.#draw(true));
    this.#resizes = new ResizeObserver(() => this.#drawLanes());
    this.#resizes.observe(curve);
    if (app.live.keeps) this.#ask();
    else this.#follow();
  }

  #app;
  #id;
  #facts;
  #moment;
  #story;
  #legend;
  #note;
  #scrub;
  #alerts;
  #body;
  #charts;
  #lanes;
  #unlook;
  #resizes;

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#feed?.stop();
    this.#alerts.close();
    this.#charts.close();
    this.#resizes.disconnect();
    this.#unlook();
  }

  /** Reads what is kept, and while the call goes on what is new. */
  async #ask() {
    try {
      if (this.#cursor === "0") this.#addAlerts(await this.#app.api.ask(`/v1/calls/${encodeURIComponent(this.#id)}`));
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
    if (!this.#data.ended) this.#timer = setTimeout(() => this.#ask(), ASKED_EVERY_MS);
  }

  /** @param {{alerts: any[]}} answer */
  #addAlerts({ alerts }) {
    for (const row of alerts) this.#app.live.state.addAlert(row);
    this.#app.live.changed();
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

  /** @param {number} at_s */
  #read(at_s) {
    this.#at = at_s;
    this.#drawMoment();
    this.#drawLanes();
    this.#charts.point(at_s);
  }

  /** @param {boolean} isAnew */
  #draw(isAnew = false) {
    const data = this.#data;
    if (!data.started) return;
    this.#body.hidden = false;
    this.#note.hidden = data.ticks.length > 0;
    refill(this.#note, t("noTicksYet"));
    this.#charts.draw(data, isAnew);
    refill(this.#legend, ...data.causes().map((cause) => {
      const key = h("span", {}, named("cause", cause));
      key.style.setProperty("--key", `var(${colourOf(cause)})`);
      return key;
    }));
    refill(this.#facts, facts(data));
    refill(this.#story, ...data.story.map(storyLine));
    this.#scrub.max = String(Math.ceil(data.end_s));
    this.#drawMoment();
    this.#drawLanes();
    if (this.#at !== null) this.#charts.point(this.#at);
  }

  #drawLanes() {
    this.#lanes.draw(this.#data, this.#charts.frame, this.#at ?? this.#data.end_s);
  }

  #drawMoment() {
    const at = this.#at ?? this.#data.end_s;
    const { tick, emotions } = this.#data.moment(at);
    this.#scrub.value = String(Math.round(at));
    this.#scrub.setAttribute("aria-valuetext", tick ? `${clock(at)}, ${t("tensionOf", { n: hundredths(tick.level) })}` : clock(at));
    if (!tick) return;
    const heat = (/** @type {number | undefined} */ value) => (value === undefined ? "–" : hundredths(value));
    refill(this.#moment,
      h("h2", {}, t("moment", { t: clock(at) })),
      h("p", {}, t("curveNote", { level: hundredths(tick.level), agent: heat(tick.agent), customer: heat(tick.customer ?? tick.mixed) })),
      causeBars(tick.causes, 10),
      h("h3", {}, t("emotions")),
      ...Object.entries(emotions).map(([party, scores]) => h("p", { class: "scores" }, h("b", {}, named("party", party)),
        scores
          ? Object.entries(/** @type {Record<string, number>} */ (scores)).sort(([, a], [, b]) => b - a).slice(0, 3).map(([label, p]) => `${named("emotion", label)} ${number(100 * p)} %`).join(", ")
          : "–")));
  }
}

/** @param {string} key @param {...any} parts */
function figure(key, ...parts) {
  return h("figure", { class: "card" }, h("figcaption", {}, h("h2", {}, t(key))), ...parts);
}
