// What the server has to hear of one call, in order; the newest seconds stay, for a server that asks again.
// Pure: no sockets, no clocks. Positions are samples of the call's media clock; one sample here is one
// moment, on both channels.

/**
 * @typedef {{audio: Int16Array<ArrayBuffer>} | {gap: {seconds: number, reason: string}} | {text: string}} Item
 * @typedef {{at: number, length: number, item: Item}} Entry
 */

export class Timeline {
  /** @type {Entry[]} */
  #entries = [];
  /** Index of the first entry that has not been taken. */
  #index = 0;
  /** Position up to which all has been taken. */
  #cursor = 0;
  #end = 0;
  #audioKept = 0;
  #begun = false;

  /**
   * @param {number} rate Samples a second; a multiple of 1000, so that whole milliseconds are whole samples.
   * @param {number} keepSeconds How much audio stays, taken or not. What is older goes, and if it was not
   *   taken a gap with reason `lost` stands in its place.
   */
  constructor(rate, keepSeconds) {
    this.#rate = rate;
    this.#keep = Math.round(keepSeconds * rate);
  }

  #rate;
  #keep;

  /** Seconds of the media clock that have been put in. */
  get endSeconds() {
    return this.#end / this.#rate;
  }

  /** Seconds that have been put in and not been taken. */
  get waitingSeconds() {
    return (this.#end - this.#cursor) / this.#rate;
  }

  /** Whether {@link next} has nothing to give. */
  get isDrained() {
    return this.#index >= this.#entries.length && this.#cursor >= this.#end;
  }

  /** @param {Int16Array<ArrayBuffer>} pcm Interleaved samples of two channels. */
  audio(pcm) {
    const length = pcm.length / 2;
    this.#put(length, { audio: pcm });
    this.#audioKept += length;
    while (this.#audioKept > this.#keep) this.#forgetOldest();
  }

  /**
   * Time that passes without audio.
   * @param {number} seconds Rounded to milliseconds.
   * @param {'lost' | 'paused' | 'idle'} reason
   */
  gap(seconds, reason) {
    const length = Math.round(seconds * 1000) * (this.#rate / 1000);
    if (length > 0) this.#put(length, { gap: { seconds: length / this.#rate, reason } });
  }

  /** @param {string} text A message whose place is after the audio so far. */
  text(text) {
    this.#put(0, { text });
  }

  /**
   * The server has heard the call up to here: what follows is to be taken (again). A call of this name that
   * the server knew before this timeline began moves the timeline's start to where that call stands.
   * @param {number} seconds What the server calls `resume_at_s`.
   * @returns {boolean} Whether the server knows nothing of the audio it was sent, so that its call begins
   *   anew with the oldest that is kept.
   */
  resume(seconds) {
    const position = Math.round(seconds * 1000) * (this.#rate / 1000);
    const anew = this.#begun && position === 0 && this.#cursor > 0;
    if (!this.#begun) this.#shift(position - this.#oldest());
    else if (anew) this.#shift(-this.#oldest());
    this.#begun = true;
    this.#cursor = position;
    const index = this.#entries.findIndex(
      ({ at, length }) => at + length > position || (length === 0 && at >= position),
    );
    this.#index = index < 0 ? this.#entries.length : index;
    if (position > this.#end) this.#end = position;
    return anew;
  }

  /**
   * The next thing to send, or null when there is nothing.
   * @returns {Item | null}
   */
  next() {
    const entry = this.#entries[this.#index];
    const from = entry ? entry.at : this.#end;
    if (this.#cursor < from) {
      const seconds = (from - this.#cursor) / this.#rate;
      this.#cursor = from;
      return { gap: { seconds, reason: "lost" } };
    }
    if (!entry) return null;
    const skip = this.#cursor - entry.at;
    this.#index += 1;
    this.#cursor = entry.at + entry.length;
    const { item } = entry;
    if ("audio" in item) return { audio: item.audio.subarray(2 * skip) };
    if ("gap" in item) return { gap: { seconds: (entry.length - skip) / this.#rate, reason: item.gap.reason } };
    return item;
  }

  #oldest() {
    return this.#entries.length ? this.#entries[0].at : this.#end;
  }

  /** @param {number} length @param {Item} item */
  #put(length, item) {
    this.#entries.push({ at: this.#end, length, item });
    this.#end += length;
    if (this.#entries.length > MOST_ENTRIES) this.#forgetOldest();
  }

  #forgetOldest() {
    const entry = this.#entries.shift();
    if (entry && "audio" in entry.item) this.#audioKept -= entry.length;
    this.#index = Math.max(0, this.#index - 1);
  }

  /** @param {number} by */
  #shift(by) {
    for (const entry of this.#entries) entry.at += by;
    this.#end += by;
    this.#cursor += by;
  }
}

/** Gaps and messages take no audio, so that they need a bound of their own: hours of them. */
const MOST_ENTRIES = 10_000;
