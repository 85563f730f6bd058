// Small curves on the wall, painted within a budget: what is dirty waits for the next frame rather than delay this one.

import { colours } from "./palette.js";
import { KEPT_S } from "./state.js";

const BUDGET_MS = 5;
const LINES = /** @type {const} */ ([["customer", "--customer"], ["agent", "--agent"], ["level", "--ink"]]);

export class Sparks {
  /** @type {Map<HTMLCanvasElement, () => any[]>} */
  #dirty = new Map();
  /** @type {WeakMap<HTMLCanvasElement, {width: number, height: number}>} */
  #sizes = new WeakMap();
  /** @type {Record<string, string>} */
  #colours = {};
  #frame = 0;
  #resizes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      this.#sizes.set(/** @type {any} */ (target), { width: contentRect.width, height: contentRect.height });
      this.#onSize(/** @type {any} */ (target));
    }
  });

  /** @param {(canvas: HTMLCanvasElement) => void} onSize Asks for a canvas to be painted again. */
  constructor(onSize) {
    this.#onSize = onSize;
    this.recolour();
  }

  #onSize;

  recolour() {
    this.#colours = colours(["--customer", "--agent", "--ink", "--line"]);
  }

  /** @param {HTMLCanvasElement} canvas */
  follow(canvas) {
    this.#resizes.observe(canvas);
  }

  /** @param {HTMLCanvasElement} canvas */
  leave(canvas) {
    this.#resizes.unobserve(canvas);
    this.#dirty.delete(canvas);
  }

  close() {
    this.#resizes.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  /** Paints `points` on `canvas` soon. @param {HTMLCanvasElement} canvas @param {() => any[]} points */
  paint(canvas, points) {
    this.#dirty.set(canvas, points);
    this.#frame ||= requestAnimationFrame(() => this.#work());
  }

  #work() {
    this.#frame = 0;
    const until = performance.now() + BUDGET_MS;
    for (const [canvas, points] of this.#dirty) {
      this.#dirty.delete(canvas);
      this.#draw(canvas, points());
      if (performance.now() > until) break;
    }
    if (this.#dirty.size) this.#frame = requestAnimationFrame(() => this.#work());
  }

  /** @param {HTMLCanvasElement} canvas @param {any[]} points */
  #draw(canvas, points) {
    const size = this.#sizes.get(canvas);
    if (!size || !size.width || !size.height) return;
    const ratio = Math.min(2, devicePixelRatio);
    const width = Math.round(size.width * ratio);
    const height = Math.round(size.height * ratio);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.clearRect(0, 0, width, height);
    const end = points.at(-1)?.at ?? 0;
    const edge = 2 * ratio;
    const x = (/** @type {number} */ at) => width - edge - ((end - at) / KEPT_S) * (width - 2 * edge);
    const y = (/** @type {number} */ value) => height - edge - value * (height - 2 * edge);
    pen.strokeStyle = this.#colours["--line"];
    pen.lineWidth = ratio;
    pen.beginPath();
    for (const value of [0, 0.5, 1]) {
      pen.moveTo(0, Math.round(y(value)) + 0.5);
      pen.lineTo(width, Math.round(y(value)) + 0.5);
    }
    pen.stroke();
    for (const [field, colour] of LINES) {
      pen.strokeStyle = this.#colours[colour];
      pen.lineWidth = (field === "level" ? 2 : 1.25) * ratio;
      pen.beginPath();
      let isOn = false;
      for (const point of points) {
        const value = point[field];
        if (value === null) isOn = false;
        else if (isOn) pen.lineTo(x(point.at), y(value));
        else {
          pen.moveTo(x(point.at), y(value));
          isOn = true;
        }
      }
      pen.stroke();
    }
  }
}
