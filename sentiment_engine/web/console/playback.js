// The sound of a recording: fetched with the token in a header, played from memory, each party with a switch of its own.

import { recordingOf } from "./recording.js";

export class Playback {
  media = new Audio();
  #url = "";
  #isClosed = false;
  #context = /** @type {AudioContext | null} */ (null);
  /** By channel. @type {GainNode[]} */
  #gains = [];
  /** @type {Set<number>} */
  #muted = new Set();

  /** @param {import("./api.js").Api} api @param {string} callId */
  constructor(api, callId) {
    this.#api = api;
    this.#callId = callId;
  }

  #api;
  #callId;

  /** Seconds that can be played now; 0 too of what turned out to be no audio. */
  get loaded_s() {
    return this.#url && this.media.readyState ? this.media.duration : 0;
  }

  /**
   * The recording as it is now, under an address in this tab's memory; null when the page has been left meanwhile.
   * @param {number} channels @returns {Promise<string | null>}
   * @throws {import("./api.js").ApiError}
   */
  async fetch(channels) {
    const file = await this.#api.file(recordingOf(this.#callId), {});
    if (this.#isClosed) return null;
    this.#forget();
    this.#url = URL.createObjectURL(file);
    if (channels > 1 && !this.#context) this.#connect(channels);
    return this.#url;
  }

  /** @param {number} channel @param {boolean} isMuted */
  mute(channel, isMuted) {
    if (isMuted) this.#muted.add(channel);
    else this.#muted.delete(channel);
    if (this.#gains[channel]) this.#gains[channel].gain.value = isMuted ? 0 : 1;
  }

  /** Browsers keep sound back until somebody has pressed something. */
  async wake() {
    if (this.#context?.state === "suspended") await this.#context.resume();
  }

  close() {
    this.#isClosed = true;
    this.media.pause();
    this.media.removeAttribute("src");
    this.media.load();
    this.#forget();
    this.#context?.close();
  }

  /** Both parties in both ears: with one earpiece off, nobody may go missing. @param {number} channels */
  #connect(channels) {
    this.#context = new AudioContext();
    const parts = new ChannelSplitterNode(this.#context, { numberOfOutputs: channels });
    new MediaElementAudioSourceNode(this.#context, { mediaElement: this.media }).connect(parts);
    for (let channel = 0; channel < channels; channel += 1) {
      const gain = new GainNode(this.#context, { gain: this.#muted.has(channel) ? 0 : 1 });
      parts.connect(gain, channel).connect(this.#context.destination);
      this.#gains.push(gain);
    }
  }

  #forget() {
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = "";
  }
}
