// What was the case at one moment of a call, in words and bars.

import { causeBars } from "./causes.js";
import { h } from "./dom.js";
import { clock, hundredths, named, number, t } from "./language.js";

const MOST_CAUSES = 10;
const MOST_LABELS = 3;

/** @param {number} at_s @param {any} tick @param {Record<string, Record<string, number> | null>} emotions As `CallData.moment` gives them. */
export function momentText(at_s, tick, emotions) {
  const heat = (/** @type {number | undefined} */ value) => (value === undefined ? "–" : hundredths(value));
  return [
    h("h2", {}, t("moment", { t: clock(at_s) })),
    h("p", {}, t("curveNote", { level: hundredths(tick.level), agent: heat(tick.agent), customer: heat(tick.customer ?? tick.mixed) })),
    causeBars(tick.causes, MOST_CAUSES),
    h("h3", {}, t("emotions")),
    ...Object.entries(emotions).map(([party, scores]) => h("p", { class: "scores" }, h("b", {}, named("party", party)), scores ? strongest(scores) : "–")),
  ];
}

/** @param {Record<string, number>} scores */
const strongest = (scores) =>
  Object.entries(scores).sort(([, one], [, other]) => other - one).slice(0, MOST_LABELS).map(([label, p]) => `${named("emotion", label)} ${number(100 * p)} %`).join(", ");
