// One call on the wall: level, curves, stage, time, its worst open alert.

import { h } from "./dom.js";
import { clock, hundredths, named, t } from "./language.js";
import { address } from "./router.js";
import { spark } from "./spark.js";
import { mood } from "./state.js";

export class CallCard {
  isVisible = false;
  hasAlert = false;
  hasPast = false;
  /** The level that its place on the wall follows. */
  place = 0;
  #call = /** @type {any} */ (null);
  #alert = /** @type {any} */ (null);

  /** @param {any} call @param {import("./spark.js").Sparks} sparks */
  constructor(call, sparks) {
    this.id = call.id;
    this.#sparks = sparks;
    this.#curve = spark();
    this.#level = h("b", { class: "level" });
    this.#stage = h("span", { class: "stage" });
    this.#time = h("span", { class: "time" });
    this.#note = h("p", { class: "alert-line", hidden: true });
    this.#link = h("a", { href: address("call", call.id), title: call.id }, call.id);
    this.element = h("li", { class: "card call-card", "data-call": call.id },
      h("div", { class: "card-head" }, h("h3", {}, this.#link), this.#level),
      this.#curve.element,
      h("p", { class: "meta" }, this.#stage, this.#time),
      this.#note);
  }

  #sparks;
  #curve;
  #level;
  #stage;
  #time;
  #note;
  #link;

  close() {
    this.#sparks.leave(this.#curve);
    this.element.remove();
  }

  /** @param {any} call @param {import("./state.js").State} state */
  update(call, state) {
    this.#call = call;
    [this.#alert = null] = state.openOf(call.id);
    this.hasAlert = this.#alert !== null;
    if (this.isVisible) this.draw();
  }

  paint() {
    if (this.isVisible && this.#call) this.#sparks.paint(this.#curve, () => this.#call.points);
  }

  draw() {
    const call = this.#call;
    const level = call.tick ? hundredths(call.level) : "–";
    set(this.#level, level);
    set(this.#stage, named("stage", call.started?.stage ?? "general"));
    set(this.#time, clock(call.at_s));
    const looks = `card call-card ${mood(call.level)}${this.#alert ? ` has-alert ${this.#alert.event.severity}` : ""}${this.#alert?.seen ? " is-seen" : ""}`;
    if (this.element.className !== looks) this.element.className = looks;
    this.#note.hidden = !this.#alert;
    set(this.#note, this.#alert?.event.summary ?? "");
    const label = `${call.id}. ${t("tensionOf", { n: level })}${this.#alert ? `. ${named("severity", this.#alert.event.severity)}` : ""}`;
    if (this.#link.getAttribute("aria-label") !== label) this.#link.setAttribute("aria-label", label);
    this.paint();
  }
}

/** Writes only what changed: a layout saved. @param {Element} element @param {string} text */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
