// The form in which somebody says what they found, or corrects what they have said.

import { h, refill } from "./dom.js";
import { named, t } from "./language.js";
import { choice } from "./shell.js";

/**
 * A form for the one side that our token speaks for, with the words that the settings allow.
 * @param {any} app @param {any} duty One of GET /v1/reviews. @param {any} before Our own review that this corrects, or null.
 * @param {(duty: any) => void} onGiven Gets the duty as it is now.
 */
export function reviewForm(app, duty, before, onGiven) {
  const { role, decisions, reasons, note_chars: longest } = app.me.reviews;
  // Sent again after a lost answer it counts once; two windows are two reviews.
  const key = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");
  const first = (/** @type {string} */ said, /** @type {string[]} */ words) => (words.includes(said) ? said : words[0]);
  const given = { role, decision: first(before?.decision, decisions), reason: first(before?.reason, reasons), supersedes: before?.review_id };
  const note = longest > 0 && h("textarea", { rows: 2, maxlength: longest });
  if (note) note.value = before?.note ?? "";
  const send = h("button", { class: "primary", type: "submit" }, t(before ? "sendCorrection" : "giveReview"));
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const options = (/** @type {string} */ group, /** @type {string[]} */ words) => words.map((id) => /** @type {[string, string]} */ ([id, named(group, id)]));
  return h("form", { class: "review", on: { submit: async (/** @type {Event} */ event) => {
    event.preventDefault();
    send.disabled = true;
    try {
      const { subject } = await app.api.review(duty, { ...given, note: note ? note.value : "", idempotency_key: key });
      onGiven(subject ?? duty);
    } catch (reason) {
      if (/** @type {any} */ (reason).code === undefined) throw reason;
      problem.hidden = false;
      refill(problem, t("failed", { reason: /** @type {any} */ (reason).status ? /** @type {any} */ (reason).message : t("unreachable") }));
    } finally {
      send.disabled = false;
    }
  } } },
    h("p", { class: "soft small" }, `${t("reviewAs")}: ${named("review_role", role)}`, before && `. ${t("correctionNote")}`),
    h("div", { class: "filters" },
      choice(t("decision"), options("decision", decisions), given.decision, (decision) => (given.decision = decision)),
      choice(t("reason"), options("reason", reasons), given.reason, (reason) => (given.reason = reason))),
    note && h("label", { class: "field" }, h("span", {}, t("note")), note), problem, send);
}
