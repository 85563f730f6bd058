// Closer, wider, the whole call: buttons for the seconds that the page of a call shows.

import { h, icon } from "./dom.js";
import { t } from "./language.js";
import { LEAST_S } from "./view.js";

const FACTOR = 2;

export class Zooms {
  /** @param {import("./view.js").View} view @param {() => number} moment What is kept in sight. @param {() => void} onTurn */
  constructor(view, moment, onTurn) {
    this.#view = view;
    const button = (/** @type {string} */ key, /** @type {string} */ path, /** @type {() => void} */ act) =>
      h("button", { class: "plain", "aria-label": t(key), title: t(key), on: { click: () => {
        act();
        onTurn();
      } } }, icon(path));
    this.#closer = button("zoomIn", "M12 5v14M5 12h14", () => view.zoom(FACTOR, moment()));
    this.#wider = button("zoomOut", "M5 12h14", () => view.zoom(1 / FACTOR, moment()));
    this.#whole = button("zoomWhole", "M4 5v14M20 5v14M8 12h8M10.5 9l-3 3 3 3M13.5 9l3 3-3 3", () => view.whole());
    this.element = h("div", { class: "zooms", role: "group", "aria-label": t("zoom") }, this.#closer, this.#wider, this.#whole);
  }

  #view;
  #closer;
  #wider;
  #whole;

  /** What can still be done. */
  draw() {
    this.#closer.disabled = this.#view.to_s - this.#view.from_s <= LEAST_S;
    this.#wider.disabled = this.#whole.disabled = this.#view.isWhole;
  }
}
