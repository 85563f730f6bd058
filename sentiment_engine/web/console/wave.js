// The waveform, a lane for each channel, drawn by wavesurfer over the same seconds as the charts.

import WaveSurfer from "../vendor/wavesurfer/wavesurfer.esm.js";
import { h } from "./dom.js";
import { colours } from "./palette.js";

export const LANE = 52;
/** So that the window can be moved up to the end of the call where the recording is shorter. */
const REACH = ":host .scroll::after { content: ''; position: absolute; top: 0; left: calc(var(--reach) - 1px); width: 1px; height: 1px; }";

export class Wave {
  #peaks = /** @type {import("./recording.js").Peaks | null} */ (null);
  #rate = 0;

  /** @param {HTMLElement} host @param {HTMLMediaElement} media @param {(at_s: number) => void} onTime While it plays, each frame. */
  constructor(host, media, onTime) {
    this.#host = host;
    // Made outside the document, where its style element is inert; as a sheet its rules need no exception in the page's policy.
    const shell = h("div", {});
    this.surfer = WaveSurfer.create({
      container: shell, media, height: LANE, cursorWidth: 0, interact: false, fillParent: false, autoScroll: false, autoCenter: false, hideScrollbar: true,
    });
    const { shadowRoot } = shell.firstElementChild;
    const style = shadowRoot.querySelector("style");
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style.textContent + REACH);
    shadowRoot.adoptedStyleSheets = [sheet];
    style.remove();
    host.append(shell);
    this.surfer.on("timeupdate", onTime);
  }

  #host;

  /** @param {import("./recording.js").Peaks} peaks @param {string} url Of the sound, or empty. */
  async show(peaks, url) {
    this.#peaks = peaks;
    this.#rate = 0;
    this.look();
    await this.surfer.load(url, peaks.columns, peaks.duration_s);
  }

  /** Colours of now. */
  look() {
    const ink = colours(["--agent", "--customer"]);
    this.surfer.setOptions({ splitChannels: this.#peaks?.channels.map((party) => {
      const colour = ink[party === "agent" ? "--agent" : "--customer"];
      return { waveColor: colour, progressColor: colour };
    }) });
  }

  /** @param {{left: number, width: number}} frame Of the charts. @param {import("./view.js").View} view */
  place({ left, width }, view) {
    this.#host.style.left = `${left}px`;
    this.#host.style.width = `${width}px`;
    if (!this.surfer.getDecodedData() || !width) return;
    const rate = width / (view.to_s - view.from_s);
    this.#host.style.setProperty("--reach", `${view.span_s * rate}px`);
    if (Math.abs(rate - this.#rate) > 1e-6) {
      this.#rate = rate;
      this.surfer.zoom(rate);
    }
    this.surfer.setScroll(view.from_s * rate);
  }

  close() {
    this.surfer.destroy();
  }
}
