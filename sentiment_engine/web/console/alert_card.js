// One alert: how bad, why, which phrases were offered and by which rule, who has seen it.

import { Assign, holder } from "./assign.js";
import { causeBars } from "./causes.js";
import { h, put } from "./dom.js";
import { clock, hundredths, kindName, lately, named, t } from "./language.js";
import { NAMES } from "./names.js";
import { address } from "./router.js";

const SNOOZE_MS = 600_000;

/** @param {any} one A suggestion. */
function phrase(one) {
  return h("li", { class: `phrase ${one.mode} ${one.audience}` },
    h("p", { class: "tags" },
      h("b", { class: "tag" }, named("mode", one.mode)),
      h("span", {}, one.audience === "supervisor" ? t("forSupervisor") : t("forAgent")),
      h("span", {}, named("technique", one.technique))),
    h("blockquote", { lang: one.language }, one.text),
    h("details", {}, h("summary", {}, t("chosenBecause")), h("p", {}, one.rule)));
}

/** What the agent said of it, in a line. @param {{by: string, answer: string, note: string, at: string}} one */
function told({ by: name, answer, note, at }) {
  const values = { answer: named("answer", answer), name, time: lately(at) };
  return [t(name ? "answeredBy" : "answeredAt", values), note].filter(Boolean).join(". ");
}

export class AlertCard {
  #signature = "";

  /** @param {any} app @param {any} alert @param {{isBrief: boolean, onSnooze: () => void}} how */
  constructor(app, alert, { isBrief, onSnooze }) {
    this.#app = app;
    this.#isBrief = isBrief;
    this.#onSnooze = onSnooze;
    this.#head = h("div", { class: "alert-head" });
    this.#body = h("div", { class: "alert-body" });
    this.#answered = h("p", { class: "answered soft small", hidden: true });
    this.#seen = h("p", { class: "seen", hidden: true });
    this.#ack = h("button", { class: "primary", on: { click: () => this.#acknowledge() } }, t("acknowledge"));
    this.#assign = new Assign(app, isBrief);
    this.#snooze = h("button", { on: { click: () => this.#putOff() } });
    this.element = h("li", { "data-alert": alert.id }, this.#head, this.#body, this.#answered,
      h("div", { class: "actions" }, this.#seen, this.#ack, this.#snooze, ...this.#assign.elements));
    this.update(alert);
  }

  #app;
  #isBrief;
  #onSnooze;
  #head;
  #body;
  #answered;
  #seen;
  #ack;
  #assign;
  #snooze;
  #alert = /** @type {any} */ (null);

  get isSnoozed() {
    return (this.#app.snoozed.get(this.#alert.id) ?? 0) > Date.now();
  }

  /** @param {any} alert */
  update(alert) {
    this.#alert = alert;
    const { event, open, seen, answered, assigned, suggestions } = alert;
    const signature = `${event.type} ${event.at_s} ${event.severity} ${open} ${seen?.at} ${answered?.at} ${assigned?.to} ${assigned?.at} ${this.isSnoozed} ${suggestions.map((/** @type {any} */ one) => one.id)}`;
    if (signature === this.#signature) return;
    this.#signature = signature;
    this.element.className = `card alert ${open ? "" : "is-cleared"} ${event.severity} ${seen ? "is-seen" : ""}`;
    this.#head.replaceChildren();
    put(this.#head,
      h("span", { class: "severity" }, named("severity", event.severity)),
      Object.hasOwn(NAMES.kind, event.kind) && h("span", { class: "kind" }, kindName(event.kind)),
      !open && h("span", { class: "kind" }, t("cleared")),
      holder(this.#app, alert),
      h("a", { href: address("call", alert.call) }, alert.call),
      h("span", { class: "at", title: t("tensionOf", { n: hundredths(event.level) }) }, `${t("tension")} ${hundredths(event.level)}`),
      h("span", { class: "at" }, h("a", { href: address("call", alert.call, { t: event.since_s }) }, t("since", { t: clock(event.since_s) })), ` · ${lately(alert.raisedAt)}`));
    this.#fill(event);
    this.#seen.hidden = !seen;
    this.#answered.hidden = !answered;
    if (answered) this.#answered.textContent = told(answered);
    if (seen) this.#seen.textContent = seen.by ? t("seenBy", { name: seen.by, time: lately(seen.at) }) : t("seenAt", { time: lately(seen.at) });
    this.#ack.hidden = Boolean(seen) || !this.#app.live.keeps || !this.#app.may("acknowledge");
    this.#assign.update(alert);
    this.#snooze.hidden = !open;
    this.#snooze.textContent = this.isSnoozed ? t("wake") : t("snooze");
  }

  /** @param {any} event */
  #fill(event) {
    const { suggestions, open } = this.#alert;
    const shown = this.#isBrief ? suggestions.slice(0, 1) : suggestions;
    this.#body.replaceChildren();
    put(this.#body,
      h("p", { class: "summary" }, event.summary),
      event.flags?.length > 0 && h("p", { class: "soft" }, event.flags.map((/** @type {string} */ flag) => flag.replaceAll("_", " ")).join(", ")),
      ...Object.entries(event.cannot_judge ?? {}).map(([party, reasons]) =>
        h("p", { class: "soft" }, t("cannotJudge", {
          party: named("party", party),
          reasons: /** @type {string[]} */ (reasons).map((reason) => named("quality", reason)).join(", "),
        }))),
      Object.keys(event.causes).length > 0 && h("div", { class: "why" }, h("h4", {}, t("why")), causeBars(event.causes, this.#isBrief ? 3 : 8)),
      // What has cleared is listed with its end alone; the call's page knows what was offered.
      (shown.length > 0 || open) && h("div", { class: "phrases" }, !this.#isBrief && h("h4", {}, t("phrases")),
        shown.length ? h("ul", {}, ...shown.map(phrase)) : !this.#isBrief && h("p", { class: "soft" }, t("noPhrases"))));
  }

  async #acknowledge() {
    this.#ack.disabled = true;
    try {
      const row = await this.#app.api.acknowledge(this.#alert.id);
      this.#app.live.state.addAlert(row);
      this.#app.live.changed();
    } catch (reason) {
      this.#app.failed(reason);
    } finally {
      this.#ack.disabled = false;
    }
  }

  #putOff() {
    if (this.isSnoozed) this.#app.snoozed.delete(this.#alert.id);
    else this.#app.snoozed.set(this.#alert.id, Date.now() + SNOOZE_MS);
    this.#onSnooze();
  }
}
