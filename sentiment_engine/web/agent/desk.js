// The page itself: the newest phrase large, what the agent answers to it, and what came before.

import { h, icon, refill } from "../console/dom.js";
import { clock } from "../console/language.js";
import { AnswerBox } from "./answer_box.js";
import { large, spoken } from "./offer.js";
import { Past } from "./past.js";
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
    this.#past = new Past(showsAll);
    this.#spoken = h("p", { class: "hidden", role: "status" });
    this.element = h("div", { class: "desk" }, h("h1", { class: "hidden" }, say("title")),
      showsAll && h("p", { class: "told" }, say("everybody")),
      this.#where, this.#now, this.#past.element, this.#spoken);
    this.draw();
  }

  #picture;
  #send;
  #keeps;
  #showsAll;
  #where;
  #now;
  #past;
  #spoken;
  #shown = /** @type {import("./picture.js").Offer | null} */ (null);
  /** One for each alert, so that what is written survives a newer phrase. @type {Map<string, AnswerBox>} */
  #boxes = new Map();
  #why = /** @type {any} */ (null);
  #badge = h("p", { class: "badge", hidden: true });
  #quietly = /** @type {string | null} */ (null);

  /** Shows the picture of now. @param {import("./picture.js").Offer | null} fresh What has just come, if anything has. */
  draw(fresh = null) {
    const { now, call, earlier } = this.#picture;
    this.#where.textContent = call && !this.#showsAll ? say(call.live ? "callLive" : "callEnded", { call: call.id }) : "";
    for (const alert of this.#boxes.keys()) if (!this.#picture.offers.some((offer) => offer.alert === alert)) this.#boxes.delete(alert);
    // First what came before: it takes its box out of the card, and with it whoever writes there.
    this.#past.show(earlier, (offer) => (this.#keeps && this.#picture.isLast(offer) ? this.#box(offer.alert) : null));
    if (now) this.#offer(now);
    else this.#quiet(call?.live ? "listening" : "idle");
    if (fresh) this.#spoken.textContent = spoken(fresh);
  }

  /** @param {string} alert */
  #box(alert) {
    let box = this.#boxes.get(alert);
    if (!box) {
      box = new AnswerBox((answer, note) => this.#send(alert, answer, note), this.#keeps);
      this.#boxes.set(alert, box);
    }
    box.show(this.#picture.answers.get(alert) ?? null);
    return box;
  }

  /** @param {import("./picture.js").Offer} offer */
  #offer(offer) {
    const call = this.#picture.calls.get(offer.call);
    const box = this.#box(offer.alert);
    if (offer !== this.#shown) {
      const hadFocus = this.#now.contains(document.activeElement);
      this.#shown = offer;
      this.#quietly = null;
      const parts = large(offer, call?.language ?? "");
      this.#why = parts[0];
      const when = [say("at", { t: clock(offer.at_s) }), this.#showsAll && say("callLive", { call: offer.call })];
      box.moveTo(() => refill(this.#now, h("p", { class: "when soft small" }, when.filter(Boolean).join(" · ")), this.#badge, ...parts, box.element));
      if (hadFocus && !this.#now.contains(document.activeElement)) this.#now.focus({ preventScroll: true });
    }
    this.#why.textContent = offer.summary;
    const ended = call && !call.live;
    this.#badge.hidden = !(offer.over || ended);
    this.#badge.textContent = ended ? say("over") : say("calmer");
  }

  /** Nothing to say. @param {"listening" | "idle"} state */
  #quiet(state) {
    if (this.#quietly === state) return;
    this.#quietly = state;
    this.#shown = null;
    refill(this.#now, h("div", { class: `quiet ${state}` }, icon(LISTENING), h("p", { class: "quiet-title" }, say(state)), h("p", { class: "soft" }, say(`${state}Text`))));
  }
}
