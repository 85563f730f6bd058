// All alerts: those that are open first, those that cleared as far back as they are kept.

import { AlertList } from "./alert_list.js";
import { h } from "./dom.js";
import { NAMES } from "./names.js";
import { kindName, named, t } from "./language.js";
import { choice, showUnseen } from "./shell.js";

const PAGE = 100;
/** The words of a party are a cause of tension and an observation alike, and have one name here. */
const KINDS = [...new Set([...Object.keys(NAMES.cause), ...Object.keys(NAMES.kind)])];

/** Choices of one group of names. @param {string} group @param {string} any @returns {[string, string][]} */
const options = (group, any) => [["", any], ...Object.keys(NAMES[group]).map((id) => /** @type {[string, string]} */ ([id, named(group, id)]))];

export class AlertsPage {
  #asked = { severity: "", kind: "", state: "", text: "" };
  #before = /** @type {string | null | undefined} */ (undefined);

  /** @param {any} app */
  constructor(app) {
    this.#app = app;
    this.#list = new AlertList(app, { filter: (alert) => this.#matches(alert), most: 500 });
    this.#more = h("button", { hidden: !app.live.keeps, on: { click: () => this.#load() } }, t("more"));
    const search = h("input", { type: "search", on: { input: () => this.#ask({ text: search.value.trim().toLowerCase() }) } });
    this.element = h("div", { class: "page narrow" },
      h("h1", {}, t("alerts")),
      h("div", { class: "filters" },
        h("label", { class: "field" }, h("span", {}, t("searchCalls")), search),
        choice(t("state"), [["", t("anyState")], ["open", t("open")], ["unseen", t("unseen")], ["cleared", t("cleared")]], "", (state) => this.#ask({ state })),
        choice(t("severity"), options("severity", t("anySeverity")), "", (severity) => this.#ask({ severity })),
        choice(t("kind"), [["", t("anyKind")], ...KINDS.map((kind) => /** @type {[string, string]} */ ([kind, kindName(kind)]))], "", (kind) => this.#ask({ kind }))),
      this.#list.element, this.#more);
    this.#unwatch = app.live.watch(() => this.#count());
    this.#count();
  }

  #app;
  #list;
  #more;
  #unwatch;

  close() {
    this.#list.close();
    this.#unwatch();
  }

  #count() {
    showUnseen([...this.#app.live.state.alerts.values()].filter((alert) => alert.open && !alert.seen).length);
  }

  /** @param {any} alert */
  #matches({ call, event, open, seen }) {
    const { severity, kind, state, text } = this.#asked;
    return (
      (!severity || event.severity === severity) &&
      (!kind || event.kind === kind) &&
      (!state || (state === "unseen" ? open && !seen : open === (state === "open"))) &&
      call.toLowerCase().includes(text)
    );
  }

  /** @param {Partial<{severity: string, kind: string, state: string, text: string}>} changes */
  #ask(changes) {
    Object.assign(this.#asked, changes);
    this.#list.draw();
  }

  async #load() {
    this.#more.disabled = true;
    try {
      const page = await this.#app.api.ask("/v1/alerts", { limit: PAGE, before: this.#before });
      for (const row of page.alerts) this.#app.live.state.addAlert(row);
      this.#before = page.next;
      this.#more.hidden = page.next === null;
      this.#app.live.changed();
    } catch (reason) {
      this.#app.failed(reason);
    } finally {
      this.#more.disabled = false;
    }
  }
}
