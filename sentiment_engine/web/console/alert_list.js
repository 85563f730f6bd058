// A list of alerts that keeps its cards, and the focus in them, while what it shows changes.

import { AlertCard } from "./alert_card.js";
import { h } from "./dom.js";
import { t } from "./language.js";
import { byUrgency } from "./state.js";

/** A list that says nothing new for this long looks whether a snooze is over. */
const LOOK_MS = 5000;

export class AlertList {
  /** @type {Map<string, AlertCard>} */
  #cards = new Map();
  #showsSnoozed = false;

  /** @param {any} app @param {{isBrief?: boolean, filter: (alert: any) => boolean, most?: number, empty?: () => string}} how */
  constructor(app, { isBrief = false, filter, most = 100, empty = () => t("alertsEmpty") }) {
    this.#app = app;
    this.#isBrief = isBrief;
    this.#filter = filter;
    this.#emptyText = empty;
    this.most = most;
    this.#list = h("ul", { class: `alerts ${isBrief ? "brief" : ""}` });
    this.#empty = h("p", { class: "empty" });
    this.#snoozed = h("button", { class: "plain", hidden: true, "aria-pressed": "false", on: { click: () => {
      this.#showsSnoozed = !this.#showsSnoozed;
      this.#snoozed.setAttribute("aria-pressed", String(this.#showsSnoozed));
      this.draw();
    } } });
    this.element = h("div", {}, this.#snoozed, this.#list, this.#empty);
    this.#unwatch = app.live.watch((/** @type {any} */ _, /** @type {boolean} */ alerts) => alerts && this.draw());
    this.#timer = setInterval(() => this.draw(), LOOK_MS);
    this.draw();
  }

  #app;
  #isBrief;
  #filter;
  #emptyText;
  #list;
  #empty;
  #snoozed;
  #unwatch;
  #timer;

  close() {
    this.#unwatch();
    clearInterval(this.#timer);
  }

  draw() {
    const now = Date.now();
    const isAsleep = (/** @type {any} */ alert) => (this.#app.snoozed.get(alert.id) ?? 0) > now;
    const matching = [...this.#app.live.state.alerts.values()].filter(this.#filter).sort(byUrgency);
    const asleep = matching.filter(isAsleep).length;
    const wanted = (this.#showsSnoozed ? matching : matching.filter((alert) => !isAsleep(alert))).slice(0, this.most);
    const ids = new Set(wanted.map(({ id }) => id));
    for (const [id, card] of this.#cards) {
      if (ids.has(id)) continue;
      card.element.remove();
      this.#cards.delete(id);
    }
    let at = this.#list.firstElementChild;
    for (const alert of wanted) {
      let card = this.#cards.get(alert.id);
      if (card) card.update(alert);
      else {
        card = new AlertCard(this.#app, alert, { isBrief: this.#isBrief, onSnooze: () => this.draw() });
        this.#cards.set(alert.id, card);
      }
      if (card.element === at) at = at.nextElementSibling;
      else this.#list.insertBefore(card.element, at);
    }
    this.#empty.hidden = wanted.length > 0;
    if (!wanted.length) this.#empty.textContent = this.#emptyText();
    this.#snoozed.hidden = !asleep && !this.#showsSnoozed;
    this.#snoozed.textContent = t("showSnoozed", { n: asleep });
  }
}
