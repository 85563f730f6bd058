// Beside the waveform: whose lane it is, with a switch for the party's sound where there is one.

import { h, icon, refill } from "./dom.js";
import { named, t } from "./language.js";

const SPEAKER = "M4 9v6h4l5 4V5L8 9zM16.5 8.5a5 5 0 0 1 0 7";
const MUTED = "M4 9v6h4l5 4V5L8 9zM17 9.5l5 5M22 9.5l-5 5";

export class LaneNames {
  element = h("div", { class: "lane-names" });
  #shown = "";

  /** @param {(channel: number, isMuted: boolean) => void} onMute */
  constructor(onMute) {
    this.#onMute = onMute;
  }

  #onMute;

  /** @param {string[]} parties @param {boolean} canMute */
  draw(parties, canMute) {
    const asked = `${parties} ${canMute}`;
    if (asked === this.#shown) return; // a switch keeps its state, and the focus
    this.#shown = asked;
    refill(this.element, ...parties.map((party, channel) => h("span", {}, named("party", party), canMute && this.#switch(party, channel))));
  }

  /** @param {string} party @param {number} channel */
  #switch(party, channel) {
    const name = t("muteParty", { party: named("party", party) });
    let isMuted = false;
    const button = h("button", { class: "plain", "aria-label": name, title: name, "aria-pressed": "false", on: { click: () => {
      isMuted = !isMuted;
      this.#onMute(channel, isMuted);
      button.setAttribute("aria-pressed", String(isMuted));
      refill(button, icon(isMuted ? MUTED : SPEAKER));
    } } }, icon(SPEAKER));
    return button;
  }
}
