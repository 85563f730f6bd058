// The page itself: the newest phrase large, what the agent answers to it, and what came before.

import { h, icon, refill } from "../console/dom.js";
import { clock } from "../console/language.js";
import { AnswerBox } from "./answer_box.js";
import { large, small, spoken } from "./offer.js";
import { say } from "./words.js";

const LISTENING = "M4 10v4M8 7v10M12 4v16M16 7v10M20 10v4";

export class Desk {
  /**
   * @param {import("./picture.js").Picture} picture
   * @param {{send: (alert: string, answer: string, note: string) => Promise<any>, keeps: boolean, showsAll: boolean}} how
   */
  constructor(picture, { send, keeps, showsAll }) {
    this.#picture = picture;
    this.#send = send;
    this.#keeps = keeps;
    this.#showsAll = showsAll;
    this.#where = h("p", { class: "where soft" });
    this.#now = h("section", { class: "card now", tabindex: "-1", "aria-label": say("title") });
    this.#earlier = h("section", { class: "earlier", hidden: true });
    this.#spoken = h("p", { class: "hidden", role: "status" });
    this.element = h("div", { class: "desk" }, h("h1", { class: "hidden" }, say("title")),
      showsAll && h("p", { class: "told" }, say("everybody")),
      this.#where, this.#now, this.#earlier, this.#spoken);
    this.draw();
  }

  #picture;
  #send;
  #keeps;
  #showsAll;
  #where;
  #now;
  #earlier;
  #spoken;
  #shown = /** @type {import("./picture.js").Offer | null | undefined} */ (undefined);
  #box = /** @type {AnswerBox | null} */ (null);
  #why = /** @type {any} */ (null);
  #badge = h("p", { class: "badge", hidden: true });
  #calm = /** @type {string | null} */ (null);

  /** Shows the picture of now. @param {import("./picture.js").Offer | null} fresh What has just come, if anything has. */
  draw(fresh = null) {
    const { now, call } = this.#picture;
    this.#where.textContent = call && !this.#showsAll ? say(call.live ? "callLive" : "callEnded", { call: call.id }) : "";
    if (now) this.#offer(now);
    else this.#quiet(call?.live ? "listening" : "idle");
    this.#past();
    if (fresh) this.#spoken.textContent = spoken(fresh);
  }

  /** @param {import("./picture.js").Offer} offer */
  #offer(offer) {
    const call = this.#picture.calls.get(offer.call);
    if (offer !== this.#shown) {
      const hadFocus = this.#now.contains(document.activeElement);
      this.#shown = offer;
      this.#calm = null;
      this.#box = new AnswerBox((answer, note) => this.#send(offer.alert, answer, note), this.#keeps);
      const parts = large(offer, call?.language ?? "");
      this.#why = parts[0];
      refill(this.#now,
        h("p", { class: "when soft small" }, [say("at", { t: clock(offer.at_s) }), this.#showsAll && say("callLive", { call: offer.call })].filter(Boolean).join(" · ")),
        this.#badge, ...parts, this.#box.element);
      if (hadFocus) this.#now.focus();
    }
    this.#why.textContent = offer.summary;
    const ended = call && !call.live;
    this.#badge.hidden = !(offer.over || ended);
    this.#badge.textContent = ended ? say("over") : say("calmer");
    this.#box?.show(this.#picture.answers.get(offer.alert) ?? null);
  }

  /** Nothing to say. @param {"listening" | "idle"} state */
  #quiet(state) {
    if (this.#calm === state) return;
    this.#calm = state;
    this.#shown = null;
    this.#box = null;
    refill(this.#now, h("div", { class: `quiet ${state}` }, icon(LISTENING), h("p", { class: "quiet-title" }, say(state)), h("p", { class: "soft" }, say(`${state}Text`))));
  }

  #past() {
    const offers = this.#picture.earlier;
    this.#earlier.hidden = !offers.length;
    refill(this.#earlier, h("h2", {}, say("earlier")),
      h("ol", {}, ...offers.map((offer) => small(offer, this.#showsAll ? say("callLive", { call: offer.call }) : "",
        (this.#picture.isLast(offer) && this.#picture.answers.get(offer.alert)) || null))));
  }
}
