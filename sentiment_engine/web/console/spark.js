// Small curves on the wall. Paths of one document rather than canvases: two hundred canvases are two hundred layers,
// which a compositor puts together anew in every frame.

import { svg } from "./dom.js";
import { KEPT_S } from "./state.js";

const HEIGHT = 100;
/** Time for curves in one frame; what is dirty beyond it waits for the next. */
const BUDGET_MS = 5;
const LINES = ["customer", "agent", "level"];

/** The lines of a curve, empty. */
export function spark() {
  const paths = LINES.map((name) => svg("path", { class: name }));
  const grid = svg("path", { class: "grid", d: [0, 50, 100].map((y) => `M0 ${y}H${KEPT_S}`).join("") });
  const element = svg("svg", { class: "spark", viewBox: `0 0 ${KEPT_S} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, grid, ...paths);
  return { element, paths };
}

/** A line of a curve, its newest point at the right edge. @param {any[]} points @param {string} field */
export function line(points, field) {
  const end = points.at(-1)?.at ?? 0;
  let text = "";
  let isOn = false;
  for (const point of points) {
    const value = point[field];
    const x = KEPT_S - (end - point.at);
    if (x < 0) continue;
    if (value !== null) text += `${isOn ? "L" : "M"}${Math.round(10 * x) / 10} ${Math.round(HEIGHT * (1 - value))}`;
    isOn = value !== null;
  }
  return text;
}

/** Draws curves within a budget, each at most once a frame. */
export class Sparks {
  /** @type {Map<any, () => any[]>} */
  #dirty = new Map();
  #frame = 0;

  close() {
    cancelAnimationFrame(this.#frame);
  }

  /** Draws `points` soon. @param {{paths: any[]}} curve @param {() => any[]} points */
  paint(curve, points) {
    this.#dirty.set(curve, points);
    this.#frame ||= requestAnimationFrame(() => this.#work());
  }

  /** @param {{paths: any[]}} curve */
  leave(curve) {
    this.#dirty.delete(curve);
  }

  #work() {
    this.#frame = 0;
    const until = performance.now() + BUDGET_MS;
    for (const [curve, points] of this.#dirty) {
      this.#dirty.delete(curve);
      const found = points();
      curve.paths.forEach((path, at) => path.setAttribute("d", line(found, LINES[at])));
      if (performance.now() > until) break;
    }
    if (this.#dirty.size) this.#frame = requestAnimationFrame(() => this.#work());
  }
}
