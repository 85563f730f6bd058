// All alerts: those that are open first, those that cleared as far back as they are kept.

import { AlertList } from "./alert_list.js";
import { h } from "./dom.js";
import { holds, period, search } from "./filters.js";
import { NAMES } from "./names.js";
import { kindName, named, t } from "./language.js";
import { choice, showUnseen } from "./shell.js";

const PAGE = 100;
/** Cards that are drawn before anybody asks for more. */
const MOST = 500;
/** The words of a party are a cause of tension and an observation alike, and have one name here. */
const KINDS = [...new Set([...Object.keys(NAMES.cause), ...Object.keys(NAMES.kind)])];
/** What the server is asked for each state. @type {Record<string, Record<string, boolean>>} */
const STATES = { open: { open: true }, unseen: { open: true, acknowledged: false }, cleared: { open: false } };

/** As GET /v1/alerts takes them: no name begins so. */
const NOBODY = "-";
const SOMEBODY = "*";

/** Choices of one group of names. @param {string} group @param {string} any @returns {[string, string][]} */
const options = (group, any) => [["", any], ...Object.keys(NAMES[group]).map((id) => /** @type {[string, string]} */ ([id, named(group, id)]))];

export class AlertsPage {
  #asked = { state: "", severity: "", kind: "", assigned: "", q: "", from: "", to: "" };
  /** Where the next page begins; null after the last one, undefined before the first. @type {string | null | undefined} */
  #before = undefined;
  /** When the oldest row of the pages so far was raised: what lies behind it comes with its page. */
  #oldest = "";
  #asks = 0;

  /** @param {any} app */
  constructor(app) {
    this.#app = app;
    this.#list = new AlertList(app, {
      filter: (alert) => this.#matches(alert) && this.#reaches(alert),
      most: MOST,
      empty: () => t(this.#before === undefined && app.live.keeps ? "loading" : Object.values(this.#asked).some(Boolean) ? "noneMatch" : "alertsEmpty"),
    });
    this.#more = h("button", { hidden: true, on: { click: () => this.#load() } }, t("more"));
    this.element = h("div", { class: "page narrow" },
      h("h1", {}, t("alerts")),
      h("div", { class: "filters" },
        search((q) => this.#ask({ q })),
        choice(t("state"), [["", t("anyState")], ["open", t("open")], ["unseen", t("unseen")], ["cleared", t("cleared")]], "", (state) => this.#ask({ state })),
        choice(t("severity"), options("severity", t("anySeverity")), "", (severity) => this.#ask({ severity })),
        choice(t("kind"), [["", t("anyKind")], ...KINDS.map((kind) => /** @type {[string, string]} */ ([kind, kindName(kind)]))], "", (kind) => this.#ask({ kind })),
        choice(t("assignment"), this.#holders(), "", (assigned) => this.#ask({ assigned })),
        ...period((changes) => this.#ask(changes))),
      this.#list.element, this.#more);
    this.#unwatch = app.live.watch(() => this.#count());
    this.#count();
    this.#ask({});
  }

  #app;
  #list;
  #more;
  #unwatch;

  close() {
    this.#asks += 1;
    this.#list.close();
    this.#unwatch();
  }

  #count() {
    showUnseen([...this.#app.live.state.alerts.values()].filter((alert) => alert.open && !alert.seen).length);
  }

  /** @returns {[string, string][]} */
  #holders() {
    const { name, assignees } = this.#app.me;
    const others = assignees.filter((/** @type {string} */ one) => one !== name).map((/** @type {string} */ one) => /** @type {[string, string]} */ ([one, one]));
    return [["", t("anyAssignment")], ...(name ? [/** @type {[string, string]} */ ([name, t("mine")])] : []), [NOBODY, t("nobody")], [SOMEBODY, t("somebody")], ...others];
  }

  /** As the server would answer, so that what the feed brings is filtered alike. @param {any} alert */
  #matches({ call, event, open, seen, assigned, raisedAt }) {
    const { severity, kind, state, assigned: holder, q, from, to } = this.#asked;
    return (
      (!severity || event.severity === severity) &&
      (!kind || event.kind === kind) &&
      (!state || (state === "unseen" ? open && !seen : open === (state === "open"))) &&
      (!holder || (assigned ? holder === SOMEBODY || holder === assigned.to : holder === NOBODY)) &&
      (!from || raisedAt >= from) &&
      (!to || raisedAt < to) &&
      holds(call, q)
    );
  }

  /** Open alerts are all known; of the others no more than the pages so far, or there would be holes. @param {any} alert */
  #reaches({ open, raisedAt }) {
    return open || !this.#before || raisedAt >= this.#oldest;
  }

  /** @param {Partial<{state: string, severity: string, kind: string, assigned: string, q: string, from: string, to: string}>} changes */
  #ask(changes) {
    Object.assign(this.#asked, changes);
    this.#before = undefined;
    this.#list.most = MOST;
    this.#list.draw();
    if (this.#app.live.keeps) this.#load();
  }

  async #load() {
    this.#asks += 1;
    const ask = this.#asks;
    this.#more.disabled = true;
    const { state, ...query } = this.#asked;
    try {
      const page = await this.#app.api.ask("/v1/alerts", { ...query, ...STATES[state], limit: PAGE, before: this.#before });
      if (ask !== this.#asks) return; // asked anew, or gone, in between
      for (const row of page.alerts) this.#app.live.state.addAlert(row);
      if (this.#before) this.#list.most += PAGE;
      this.#before = page.next;
      this.#oldest = page.alerts.at(-1)?.raised_at ?? "";
      this.#more.hidden = page.next === null;
      this.#list.draw();
      this.#app.live.changed();
    } catch (reason) {
      this.#before ??= null;
      this.#app.failed(reason);
    } finally {
      this.#more.disabled = false;
    }
  }
}
