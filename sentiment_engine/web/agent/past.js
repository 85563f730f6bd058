// Earlier phrases, newest first; each can still be answered, and a note that is being written stays where it is.

import { h, refill } from "../console/dom.js";
import { clock } from "../console/language.js";
import { say } from "./words.js";

export class Past {
  /** @param {boolean} showsCalls Whether each has to say of which call it is. */
  constructor(showsCalls) {
    this.#showsCalls = showsCalls;
    this.#list = h("ol");
    this.element = h("section", { class: "earlier", hidden: true }, h("h2", {}, say("earlier")), this.#list);
  }

  #showsCalls;
  #list;
  /** @type {Map<import("./picture.js").Offer, Row>} */
  #rows = new Map();

  /**
   * @param {import("./picture.js").Offer[]} offers Newest first.
   * @param {(offer: import("./picture.js").Offer) => import("./answer_box.js").AnswerBox | null} boxOf Null where something newer is answered.
   */
  show(offers, boxOf) {
    this.element.hidden = !offers.length;
    this.#rows = new Map(offers.map((offer) => [offer, this.#rows.get(offer) ?? new Row(offer, this.#showsCalls)]));
    const rows = [...this.#rows.values()].map(({ element }) => element);
    const old = [...this.#list.children];
    const fresh = rows.length - old.length;
    // What stays is not touched: whoever reads or writes in it would be thrown out.
    if (fresh >= 0 && old.every((row, at) => row === rows[fresh + at])) this.#list.prepend(...rows.slice(0, fresh));
    else this.#list.replaceChildren(...rows);
    for (const [offer, row] of this.#rows) row.show(boxOf(offer));
  }
}

class Row {
  /** @param {import("./picture.js").Offer} offer @param {boolean} showsCall */
  constructor(offer, showsCall) {
    this.#title = h("summary");
    this.#answer = h("details", { hidden: true }, this.#title);
    this.element = h("li", { class: "past" },
      h("p", { class: "soft small" }, [clock(offer.at_s), showsCall && say("callLive", { call: offer.call })].filter(Boolean).join(" · ")),
      ...offer.phrases.map((one) => h("p", { class: one.mode, lang: one.language }, one.text)),
      !offer.phrases.length && h("p", {}, offer.summary),
      this.#answer);
  }

  #title;
  #answer;

  /** @param {import("./answer_box.js").AnswerBox | null} box */
  show(box) {
    this.#answer.hidden = !box;
    if (!box) return;
    refill(this.#title, box.answer ? say("answered", { answer: say(box.answer.answer) }) : say("answer"));
    if (this.#answer.contains(box.element)) return;
    box.moveTo(() => this.#answer.append(box.element), () => (this.#answer.open = true));
  }
}
