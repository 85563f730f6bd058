// Reports of a period: by day, stage, cause, and after a phrase was shown. They print as they look, on white.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { h, put, refill } from "./dom.js";
import { currentLanguage, dayName, hundredths, kindName, named, number, signed, t, when } from "./language.js";
import { NAMES } from "./names.js";
import { colours, onLook } from "./palette.js";
import { daysBetween, zone } from "./report_data.js";
import { choice } from "./shell.js";

/** @param {string} title @param {string[]} heads Keys. @param {any[][]} rows */
function table(title, heads, rows, note = "") {
  if (!rows.length) return null;
  return h("section", { class: "card" }, h("h2", {}, t(title)),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t(title) }, h("table", { class: "list numbers" },
      h("thead", {}, h("tr", {}, ...heads.map((key) => h("th", { scope: "col" }, t(key))))),
      h("tbody", {}, ...rows.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), ...rest.map((cell) => h("td", {}, cell))))))),
    note && h("p", { class: "soft small" }, note));
}

/** @param {number | null} value */
const peak = (value) => (value === null ? "–" : hundredths(value));
/** @param {number} part */
const percent = (part) => t("percent", { n: number(100 * part) });

export class ReportsPage {
  #plot = /** @type {any} */ (null);
  #isClosed = false;
  #asks = 0;
  /** Phrases in force by id. @type {Map<string, any> | null} */
  #texts = null;
  #days = 7;
  #found = /** @type {any} */ (null);

  /** @param {any} app */
  constructor(app) {
    this.#app = app;
    this.#body = h("div", { class: "stack" });
    this.element = h("div", { class: "page report" },
      h("h1", {}, t("reports")),
      h("div", { class: "filters" },
        choice(t("range"), [["7", t("days7")], ["30", t("days30")], ["90", t("days90")], ["365", t("days365")]], "7", (days) => {
          this.#days = Number(days);
          this.#load();
        }, { id: "range" }),
        h("button", { on: { click: () => print() } }, t("print"))),
      this.#body);
    this.#unlook = onLook(() => this.#found && this.#draw());
    if (app.live.keeps) this.#load();
    else put(this.#body, h("p", { class: "empty" }, t("nothingKept")));
  }

  #app;
  #body;
  #unlook;

  close() {
    this.#isClosed = true;
    this.#plot?.destroy();
    this.#unlook();
  }

  async #load() {
    this.#asks += 1;
    const ask = this.#asks;
    refill(this.#body, h("p", { class: "empty" }, t("loading")));
    const midnight = new Date();
    midnight.setHours(0, 0, 0, 0);
    midnight.setDate(midnight.getDate() - (this.#days - 1)); // by the calendar: some days have 23 hours
    const from = midnight.toISOString();
    try {
      const found = await this.#app.api.ask("/v1/reports", { from, zone: zone() });
      this.#texts ??= new Map((await this.#app.api.ask("/v1/playbook")).entries.map((/** @type {any} */ entry) => [entry.id, entry]));
      if (this.#isClosed || ask !== this.#asks) return;
      this.#found = found;
      this.#draw();
    } catch (reason) {
      this.#app.failed(reason);
    }
  }

  /** A phrase in the page's language; its id alone when it is no longer in force. @param {string} id */
  #phrase(id) {
    if (!id) return t("noPhraseShown");
    const entry = this.#texts?.get(id);
    const text = entry?.[currentLanguage()];
    return h("span", { class: "phrase-name" }, text ?? id, text && h("small", {}, id));
  }

  #draw() {
    const found = this.#found;
    this.#plot?.destroy();
    this.#plot = null;
    if (!found.calls) {
      refill(this.#body, h("p", { class: "empty" }, t("reportEmpty")));
      return;
    }
    const chart = h("div", { class: "plot" });
    const figures = [["reportCalls", number(found.calls)], ["reportWithAlerts", `${number(found.with_alerts)} · ${percent(found.with_alerts / found.calls)}`],
      ["reportAlerts", number(found.alerts)], ["reportSeen", number(found.seen)], ["reportPeak", peak(found.peak)]];
    refill(this.#body,
      h("p", { class: "soft" }, t("reportPeriod", { from: when(found.from), to: when(new Date().toISOString()) })),
      h("dl", { class: "figures" }, ...figures.map(([name, value]) => h("div", { class: name }, h("dt", {}, t(name)), h("dd", {}, h("b", {}, value))))),
      found.by_day.length > 1 && h("figure", { class: "card" }, h("figcaption", {}, h("h2", {}, t("callsPerDay"))),
        h("p", { class: "legend" }, h("span", { class: "agent" }, t("reportCalls")), h("span", { class: "customer" }, t("reportWithAlerts"))), chart),
      table("byDay", ["day", "reportCalls", "reportWithAlerts", "reportAlerts", "reportPeak", "secondsAbove"],
        found.by_day.map((/** @type {any} */ row) => [dayName(row.day), row.calls, row.with_alerts, row.alerts, peak(row.peak), t("seconds", { n: number(row.seconds_above) })])),
      table("byStage", ["stage", "reportCalls", "reportWithAlerts", "reportAlerts", "reportPeak", "secondsAbove"],
        found.by_stage.map((/** @type {any} */ row) => [named("stage", row.stage), row.calls, row.with_alerts, row.alerts, peak(row.peak), t("seconds", { n: number(row.seconds_above) })])),
      table("byCause", ["cause", "reportAlerts", "share"], found.by_cause.map((/** @type {any} */ row) => [named("cause", row.cause), row.alerts, percent(row.share)])),
      // Alerts of tension are named by their cause, above.
      table("byKind", ["kind", "reportAlerts"], found.by_kind.filter((/** @type {any} */ { kind }) => Object.hasOwn(NAMES.kind, kind)).map((/** @type {any} */ row) => [kindName(row.kind), row.alerts])),
      table("byPhrase", ["phrase", "shown", "change", "fell"],
        found.by_phrase.map((/** @type {any} */ row) => [this.#phrase(row.id), row.shown, signed(100 * row.change, 0), percent(row.fell)]), t("phraseNote")),
      h("p", { class: "soft small" }, t("reportNote")));
    if (found.by_day.length > 1) this.#chart(chart, found.by_day);
  }

  /** @param {HTMLElement} place @param {any[]} found Days that have calls. */
  #chart(place, found) {
    const known = new Map(found.map((row) => [row.day, row]));
    const days = daysBetween(found[0].day, found[found.length - 1].day).map((day) => known.get(day) ?? { day, calls: 0, with_alerts: 0 });
    const ink = colours(["--agent", "--customer", "--soft", "--line"]);
    const bars = uPlot.paths.bars({ size: [0.6, 48] });
    const axis = { stroke: ink["--soft"], grid: { stroke: ink["--line"], width: 1 }, ticks: { show: false } };
    const said = (/** @type {number} */ at) => (Number.isInteger(at) && days[at] ? days[at].day.slice(5) : "");
    this.#plot = new uPlot({
      width: place.clientWidth || 800, height: 200, legend: { show: false }, cursor: { show: false },
      scales: { x: { time: false, range: [-0.5, days.length - 0.5] }, y: { range: (_u, _least, most) => [0, Math.max(1, most * 1.1)] } },
      axes: [{ ...axis, size: 30, incrs: [1, 2, 7, 14, 28], values: (_u, splits) => splits.map(said) }, { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] }],
      series: [{}, { fill: ink["--agent"], stroke: ink["--agent"], paths: bars, points: { show: false } }, { fill: ink["--customer"], stroke: ink["--customer"], paths: bars, points: { show: false } }],
    }, [days.map((_, at) => at), days.map(({ calls }) => calls), days.map(({ with_alerts }) => with_alerts)], place);
  }
}
