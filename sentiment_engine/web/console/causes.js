// What raises a level, as bars: contributions on the logit scale, so that twice as long is twice as much evidence.

import { h } from "./dom.js";
import { named, signed, t } from "./language.js";

/** A bar this long is as much as one cause usually gives. */
const LEAST_SCALE = 2;

/** Causes by weight, the heaviest first. @param {Record<string, number>} causes @returns {[string, number][]} */
export const byWeight = (causes) => Object.entries(causes).sort(([, one], [, other]) => Math.abs(other) - Math.abs(one));

/** @param {Record<string, number>} causes @param {number} most */
export function causeBars(causes, most = 6) {
  const rows = byWeight(causes).slice(0, most);
  const scale = Math.max(LEAST_SCALE, ...rows.map(([, value]) => Math.abs(value)));
  return h("ul", { class: "bars", title: t("whyNote") },
    ...rows.map(([cause, value]) => {
      const bar = h("i", { class: value < 0 ? "less" : "" });
      bar.style.setProperty("--part", String(Math.abs(value) / scale));
      return h("li", { "data-cause": cause }, h("span", {}, named("cause", cause)), h("span", { class: "bar", "aria-hidden": "true" }, bar), h("b", {}, signed(value)));
    }));
}
