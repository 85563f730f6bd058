// The two charts of a call, drawn by uPlot: the curves, and the causes stacked.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { clock, number } from "./language.js";
import { colours } from "./palette.js";

const HEIGHT = 210;
const LEFT = 62;
export const CAUSE_COLOURS = /** @type {Record<string, string>} */ ({
  customer_anger: "--cause-1", agent_anger: "--cause-2", anger: "--cause-1", customer_distress: "--cause-3", mutual_escalation: "--cause-4",
  raised_voice: "--cause-5", overlap: "--cause-6", interruptions: "--cause-7", silence: "--cause-8", words: "--cause-9",
});
/** @param {string} cause */
export const colourOf = (cause) => CAUSE_COLOURS[cause] ?? "--soft";

/** @param {(number | null)[]} values @param {number} digits @param {(u: any, splits: number[]) => string[]} say */
function options(width, extra, say) {
  const { "--soft": soft, "--line": line } = colours(["--soft", "--line"]);
  const axis = { stroke: soft, font: "12px system-ui, sans-serif", grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return {
    width, height: HEIGHT, legend: { show: false }, padding: [8, 18, 0, 0],
    cursor: { sync: { key: "call" }, points: { size: 7 }, drag: { x: false, y: false } },
    axes: [
      { ...axis, size: 30, values: (/** @type {any} */ _, /** @type {number[]} */ splits) => splits.map(clock) },
      { ...axis, size: LEFT, values: say },
    ],
    ...extra,
  };
}

export class Charts {
  #plots = /** @type {any[]} */ ([]);
  #hasStack = "";
  #at = /** @type {number | null} */ (null);

  /** @param {HTMLElement} curve @param {HTMLElement} stack @param {(at_s: number) => void} onMoment @param {import("./view.js").View} view */
  constructor(curve, stack, onMoment, view) {
    this.#view = view;
    this.#places = [curve, stack];
    this.#onMoment = onMoment;
    this.#resizes = new ResizeObserver(() => {
      for (const [at, plot] of this.#plots.entries()) {
        const width = this.#places[at].clientWidth;
        if (width && width !== plot.width) plot.setSize({ width, height: HEIGHT });
      }
    });
    this.#resizes.observe(curve);
  }

  #view;
  #places;
  #onMoment;
  #resizes;

  close() {
    this.#resizes.disconnect();
    this.#forget();
  }

  #forget() {
    for (const plot of this.#plots) plot.destroy();
    this.#plots = [];
  }

  /** Pixels between the left edge of a chart and second 0, and the width of all seconds. */
  get frame() {
    const [plot] = this.#plots;
    return plot ? { left: plot.bbox.left / devicePixelRatio, width: plot.bbox.width / devicePixelRatio } : null;
  }

  /** @param {import("./call_data.js").CallData} data @param {boolean} isAnew The look has changed. */
  draw(data, isAnew = false) {
    if (!data.ticks.length || !this.#places[0].clientWidth) return;
    const causes = data.causes();
    const signature = causes.join();
    if (isAnew || signature !== this.#hasStack || !this.#plots.length) {
      this.#forget();
      this.#hasStack = signature;
      this.#build(data, causes);
      return;
    }
    this.#plots[0].setData(data.curve());
    this.#plots[1].setData(data.stack(causes));
  }

  /** Draws the seconds of the view of now. */
  turn() {
    for (const plot of this.#plots) plot.setScale("x", { min: this.#view.from_s, max: this.#view.to_s });
  }

  /** Puts the cursor of both charts at a moment. @param {number} at_s */
  point(at_s) {
    this.#at = at_s;
    // By the view: a plot's own scale turns a little later.
    const part = this.#view.part(at_s);
    const isShown = part >= 0 && part <= 1;
    for (const plot of this.#plots) {
      const { clientWidth, clientHeight } = plot.over;
      plot.setCursor(isShown ? { left: part * clientWidth, top: clientHeight / 2 } : { left: -10, top: -10 }, false);
    }
  }

  /** @param {import("./call_data.js").CallData} data @param {string[]} causes */
  #build(data, causes) {
    const ink = colours(["--ink", "--agent", "--customer", "--wash", ...causes.map(colourOf)]);
    const x = { time: false, range: () => [this.#view.from_s, this.#view.to_s] };
    const hooks = { init: [(/** @type {any} */ plot) => {
      plot.over.addEventListener("click", () => {
        const { left } = plot.cursor;
        if (left >= 0) this.#onMoment(plot.posToVal(left, "x"));
      });
      // The pointer takes the cursor along and leaves without it: back to the moment that is read.
      plot.over.addEventListener("mouseleave", () => setTimeout(() => this.#at !== null && this.point(this.#at)));
    }] };
    const [curve, stack] = this.#places;
    const width = curve.clientWidth;
    const points = { show: false };
    this.#plots.push(new uPlot(options(width, {
      hooks,
      scales: { x, y: { range: [0, 1] } },
      series: [
        {},
        { stroke: ink["--ink"], width: 2.5, fill: ink["--wash"], points },
        { stroke: ink["--agent"], width: 1.5, dash: [6, 4], points },
        { stroke: ink["--customer"], width: 1.5, points },
      ],
    }, (/** @type {any} */ _, splits) => splits.map((value) => String(Math.round(100 * value)))), data.curve(), curve));
    this.#plots.push(new uPlot(options(width, {
      hooks,
      scales: { x, y: { range: (/** @type {any} */ _u, /** @type {number} */ _least, /** @type {number} */ most) => [0, Math.max(2, most * 1.05)] } },
      series: [{}, ...[...causes].reverse().map((cause) => ({ fill: ink[colourOf(cause)], stroke: ink[colourOf(cause)], width: 0, points }))],
    }, (/** @type {any} */ _, splits) => splits.map((value) => number(value, value % 1 ? 1 : 0))), data.stack(causes), stack));
  }
}
