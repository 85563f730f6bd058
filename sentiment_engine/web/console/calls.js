// Calls that are kept: by part of their id, day, language, with or without alerts, newest first.

import { h, put, refill } from "./dom.js";
import { period, search } from "./filters.js";
import { clock, hundredths, named, t, when } from "./language.js";
import { address } from "./router.js";
import { choice } from "./shell.js";

const PAGE = 50;

export class CallsPage {
  #asked = { q: "", live: "", alerts: "", language: "", from: "", to: "" };
  /** @type {any[]} */
  #rows = [];
  #before = /** @type {string | null} */ (null);
  #asks = 0;

  /** @param {any} app */
  constructor(app) {
    this.#app = app;
    this.#body = h("tbody");
    this.#note = h("p", { class: "empty" }, t("loading"));
    this.#more = h("button", { hidden: true, on: { click: () => this.#load() } }, t("more"));
    const heads = ["callId", "began", "stage", "duration", "peak", "secondsAbove", "alertCount"];
    this.element = h("div", { class: "page" },
      h("h1", {}, t("calls")),
      h("div", { class: "filters" },
        search((q) => this.#ask({ q })),
        choice(t("state"), [["", t("liveOrEnded")], ["true", t("liveOnly")], ["false", t("endedOnly")]], "", (live) => this.#ask({ live })),
        choice(t("alerts"), [["", t("allCalls")], ["true", t("withAlerts")], ["false", t("withoutAlerts")]], "", (alerts) => this.#ask({ alerts })),
        choice(t("language_"), [["", t("anyLanguage")], ["zh-CN", "中文"], ["en", "English"]], "", (language) => this.#ask({ language })),
        ...period((changes) => this.#ask(changes))),
      h("div", { class: "card scroll", tabindex: "0", role: "region", "aria-label": t("calls") },
        h("table", { class: "list" }, h("thead", {}, h("tr", {}, ...heads.map((key) => h("th", { scope: "col" }, t(key))))), this.#body), this.#note),
      this.#more);
    if (app.live.keeps) this.#load();
    else refill(this.#note, t("nothingKept"));
  }

  #app;
  #body;
  #note;
  #more;

  close() {
    this.#asks += 1;
  }

  /** @param {Record<string, string>} changes */
  #ask(changes) {
    Object.assign(this.#asked, changes);
    this.#rows = [];
    this.#before = null;
    if (this.#app.live.keeps) this.#load();
  }

  async #load() {
    this.#asks += 1;
    const ask = this.#asks;
    this.#more.disabled = true;
    try {
      const page = await this.#app.api.ask("/v1/calls", { ...this.#asked, before: this.#before, limit: PAGE });
      if (ask !== this.#asks) return; // asked anew, or gone, in between
      this.#rows.push(...page.calls);
      this.#before = page.next;
      this.#draw();
    } catch (reason) {
      this.#app.failed(reason);
    } finally {
      this.#more.disabled = false;
    }
  }

  #draw() {
    refill(this.#body, ...this.#rows.map(row));
    this.#note.hidden = this.#rows.length > 0;
    refill(this.#note, t("callsEmpty"));
    this.#more.hidden = this.#before === null;
  }
}

/** @param {any} call A row of GET /v1/calls. */
function row(call) {
  const summary = call.ended?.summary;
  const line = h("tr", { "data-call": call.call_id });
  put(line,
    h("th", { scope: "row" }, h("a", { href: address("call", call.call_id) }, call.call_id)),
    h("td", {}, when(call.started_at)),
    h("td", {}, named("stage", call.stage)),
    h("td", {}, call.live ? h("b", { class: "live-tag" }, t("now")) : clock(call.ended.duration_s)),
    h("td", {}, summary ? hundredths(summary.peak) : "–"),
    h("td", {}, summary ? t("seconds", { n: Math.round(summary.seconds_above) }) : "–"),
    h("td", {}, call.alerts ? h("b", { class: "count" }, call.alerts) : "0"));
  return line;
}
