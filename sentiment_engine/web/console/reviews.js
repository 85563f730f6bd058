// The review queue: what two people still have to look at, and where they say what they found.

import { h, refill } from "./dom.js";
import { named, t, when } from "./language.js";
import { NAMES } from "./names.js";
import { address } from "./router.js";
import { choice } from "./shell.js";

const PAGE = 50;
const ROLES = /** @type {const} */ (["business", "legal"]);

/** @param {string} group @returns {[string, string][]} */
const options = (group) => Object.keys(NAMES[group]).map((id) => [id, named(group, id)]);

export class ReviewsPage {
  #asked = { state: "open", role: "" };
  #after = /** @type {string | null} */ (null);
  #asks = 0;

  /** @param {any} app */
  constructor(app) {
    this.#app = app;
    this.#list = h("ul", { class: "alerts" });
    this.#note = h("p", { class: "empty" }, t("loading"));
    this.#more = h("button", { hidden: true, on: { click: () => this.#load() } }, t("more"));
    this.#counts = { open: h("b"), overdue: h("b") };
    const day = h("input", { type: "date", value: new Date().toISOString().slice(0, 10) });
    this.element = h("div", { class: "page narrow" },
      h("h1", {}, t("reviews")), h("p", { class: "soft" }, t("reviewsNote")),
      h("dl", { class: "figures" },
        h("div", {}, h("dt", {}, t("countOpen")), h("dd", {}, this.#counts.open)),
        h("div", { class: "unseen" }, h("dt", {}, t("countOverdue")), h("dd", {}, this.#counts.overdue))),
      h("div", { class: "filters" },
        choice(t("state"), options("review_state"), "open", (state) => this.#ask({ state })),
        choice(t("reviewAs"), [["", t("anyRole")], ...options("review_role")], "", (role) => this.#ask({ role })),
        h("label", { class: "field" }, h("span", {}, t("dayLog")), day),
        h("button", { on: { click: () => this.#download(day.value) } }, t("download"))),
      this.#list, this.#note, this.#more);
    if (app.live.keeps) this.#load();
    else refill(this.#note, t("nothingKept"));
  }

  #app;
  #list;
  #note;
  #more;
  #counts;

  close() {
    this.#asks += 1;
  }

  /** @param {Partial<{state: string, role: string}>} changes */
  #ask(changes) {
    Object.assign(this.#asked, changes);
    this.#after = null;
    this.#list.replaceChildren();
    if (this.#app.live.keeps) this.#load();
  }

  async #load() {
    this.#asks += 1;
    const ask = this.#asks;
    try {
      const { reviews, counts, next } = await this.#app.api.ask("/v1/reviews", { ...this.#asked, after: this.#after, limit: PAGE });
      if (ask !== this.#asks) return; // asked anew, or gone, in between
      this.#list.append(...reviews.map((/** @type {any} */ duty) => this.#card(duty)));
      for (const name of /** @type {const} */ (["open", "overdue"])) refill(this.#counts[name], counts[name]);
      this.#after = next;
      this.#more.hidden = next === null;
      this.#note.hidden = this.#list.childElementCount > 0;
      refill(this.#note, t("reviewsEmpty"));
    } catch (reason) {
      if (/** @type {any} */ (reason).status === 404) refill(this.#note, t("noReviews"));
      else this.#app.failed(reason);
    }
  }

  /** @param {any} duty */
  #card(duty) {
    const card = h("li", { class: `card alert ${duty.state === "overdue" ? "warning" : duty.state === "done" ? "is-cleared" : ""}`, "data-duty": duty.cursor });
    const missing = ROLES.filter((role) => !duty[role].review);
    const lines = ROLES.map((role) => {
      const { review, overdue, due_at } = duty[role];
      const side = named("review_role", role);
      return h("li", { class: overdue ? "late" : "" }, review
        ? t("reviewedBy", { role: side, decision: named("decision", review.decision), reason: named("reason", review.reason), name: review.by, time: when(review.reviewed_at) })
        : t(overdue ? "overdueSince" : "dueAt", { role: side, time: when(due_at) }), review?.note && h("blockquote", {}, review.note));
    });
    refill(card,
      h("div", { class: "alert-head" },
        h("span", { class: "severity" }, named("review_state", duty.state)), h("span", { class: "kind" }, named("review_why", duty.why)),
        h("a", { href: address("call", duty.call_id, duty.alert_id ? { alert: duty.alert_id } : {}) }, duty.alert_id ?? duty.call_id), h("span", {}, t("owedSince", { time: when(duty.owed_since) }))),
      h("ul", { class: "duties" }, ...lines),
      missing.length > 0 && this.#form(duty, missing, card));
    return card;
  }

  /** @param {any} duty @param {string[]} missing @param {HTMLElement} card */
  #form(duty, missing, card) {
    // Sent again after a lost answer it counts once; two windows are two reviews.
    const key = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");
    const given = { role: missing.includes(this.#asked.role) ? this.#asked.role : missing[0], decision: "confirmed", reason: "tension" };
    const note = h("textarea", { rows: 2, maxlength: 2000 });
    const send = h("button", { class: "primary", type: "submit" }, t("giveReview"));
    const problem = h("p", { class: "problem", role: "alert", hidden: true });
    return h("form", { class: "review", on: { submit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      send.disabled = true;
      try {
        const { subject } = await this.#app.api.review(duty, { ...given, note: note.value, idempotency_key: key });
        card.replaceWith(this.#card(subject ?? duty));
      } catch (reason) {
        if (/** @type {any} */ (reason).code === undefined) throw reason;
        problem.hidden = false;
        refill(problem, t("failed", { reason: /** @type {any} */ (reason).status ? /** @type {any} */ (reason).message : t("unreachable") }));
      } finally {
        send.disabled = false;
      }
    } } },
      h("div", { class: "filters" },
        choice(t("role"), options("review_role").filter(([role]) => missing.includes(role)), given.role, (role) => (given.role = role)),
        choice(t("decision"), options("decision"), given.decision, (decision) => (given.decision = decision)),
        choice(t("reason"), options("reason"), given.reason, (reason) => (given.reason = reason))),
      h("label", { class: "field" }, h("span", {}, t("note")), note), problem, send);
  }

  /** @param {string} day */
  async #download(day) {
    try {
      const minutes = -new Date(`${day}T00:00:00`).getTimezoneOffset();
      const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60].map((part) => String(part).padStart(2, "0"));
      const file = await this.#app.api.file("/v1/reviews/log", { day, format: "csv", offset: `${minutes < 0 ? "-" : "+"}${hours}:${rest}` });
      const link = h("a", { href: URL.createObjectURL(file), download: `reviews-${day}.csv` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (reason) {
      this.#app.failed(reason);
    }
  }
}
