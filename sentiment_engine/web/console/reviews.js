// The review queue: what two people still have to look at, and where they say what they found.

import { h, refill } from "./dom.js";
import { named, t, when } from "./language.js";
import { NAMES } from "./names.js";
import { reviewForm } from "./review_form.js";
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
      !app.me.reviews.role && h("p", { class: "soft" }, t("reviewsReadOnly")), this.#list, this.#note, this.#more);
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
    const { name, reviews: { role: ours } } = this.#app.me;
    const put = (/** @type {any} */ now) => card.replaceWith(this.#card(now));
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
      ours && (!duty[ours].review ? reviewForm(this.#app, duty, null, put) : duty[ours].review.by === name && this.#correct(duty, duty[ours].review, put)));
    return card;
  }

  /** A button that opens the form anew; both reviews are kept. @param {any} duty @param {any} review @param {(duty: any) => void} put */
  #correct(duty, review, put) {
    const button = h("button", { on: { click: () => {
      const form = reviewForm(this.#app, duty, review, put);
      button.replaceWith(form);
      form.querySelector("select")?.focus();
    } } }, t("correctReview"));
    return button;
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
