// Who sees to an alert: taken with one button, given back with the same, or given to somebody else.

import { h, refill } from "./dom.js";
import { t } from "./language.js";
import { say } from "./shell.js";

/** A name as the server takes it, where there are no tokens to choose among. */
const NAME = "[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}";

/** What stands on an alert's card, or null. @param {any} app @param {any} alert */
export function holder(app, { assigned }) {
  if (!assigned) return null;
  const isMine = assigned.to === app.me.name;
  return h("span", { class: `kind holder ${isMine ? "is-mine" : ""}` }, isMine ? t("assignedToMe") : t("assignedTo", { name: assigned.to }));
}

export class Assign {
  #alert = /** @type {any} */ (null);
  /** Whom the form was filled with. @type {string | null} */
  #shown = null;

  /** @param {any} app @param {boolean} isBrief Whether there is room for one button alone. */
  constructor(app, isBrief) {
    this.#app = app;
    this.#take = h("button", { on: { click: () => this.#send(this.#isMine ? null : app.me.name) } });
    this.#field = h("span", {});
    this.#give = h("details", { class: "assign" }, h("summary", {}, t("assign")),
      h("form", { class: "filters", on: { submit: (/** @type {Event} */ event) => {
        event.preventDefault();
        this.#send(this.#field.querySelector("select, input").value.trim() || null);
      } } }, this.#field, h("button", { class: "primary", type: "submit" }, t("assign"))));
    const isOffered = app.live.keeps && app.may("assign");
    this.elements = isOffered ? [this.#take, ...(isBrief ? [] : [this.#give])] : [];
  }

  #app;
  #take;
  #field;
  #give;

  get #isMine() {
    return this.#app.me.name !== null && this.#alert.assigned?.to === this.#app.me.name;
  }

  /** @param {any} alert */
  update(alert) {
    const now = alert.assigned?.to ?? "";
    // A form that somebody fills in is not emptied under the hand by what else happens to the alert.
    if (now !== this.#shown) refill(this.#field, this.#choices(now));
    this.#shown = now;
    this.#alert = alert;
    // What somebody else has is taken over through the form, never by a slip.
    this.#take.hidden = this.#app.me.name === null || (Boolean(alert.assigned) && !this.#isMine);
    this.#take.textContent = t(this.#isMine ? "giveBack" : "takeIt");
  }

  /** @param {string} now */
  #choices(now) {
    const { assignees, open } = this.#app.me;
    const field = open
      ? h("input", { type: "text", pattern: NAME, maxlength: 64, autocomplete: "off", placeholder: t("nobody"), value: now })
      : h("select", {}, ...["", ...new Set([...assignees, ...(now ? [now] : [])])].map((name) => h("option", { value: name, selected: name === now }, name || t("nobody"))));
    return h("label", { class: "field" }, h("span", {}, t("assignTo")), field);
  }

  /** @param {string | null} to */
  async #send(to) {
    this.#take.disabled = true;
    try {
      const row = await this.#app.api.assign(this.#alert.id, to, this.#alert.assigned?.to ?? null);
      this.#give.open = false;
      this.#app.live.state.addAlert(row);
      this.#app.live.changed();
    } catch (reason) {
      if (/** @type {any} */ (reason).code === "assigned_meanwhile") say(t("assignedMeanwhile"), { severity: "warning" });
      else this.#app.failed(reason);
    } finally {
      this.#take.disabled = false;
    }
  }
}
