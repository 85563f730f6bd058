// Which seconds of a call are drawn: one window for the curves, the waveform and the lanes. No DOM in here.

/** No window is shorter, and no call is drawn as if it were. */
export const LEAST_S = 10;
/** Where the moment stands, 0..1 of the window, after the window has turned to it. */
const AHEAD = 0.1;

export class View {
  #span_s = LEAST_S;
  #from_s = 0;
  /** Seconds; null is the whole call, however long it gets. @type {number | null} */
  #width_s = null;

  get span_s() {
    return this.#span_s;
  }

  get from_s() {
    return this.#width_s === null ? 0 : this.#from_s;
  }

  get to_s() {
    return this.from_s + (this.#width_s ?? this.#span_s);
  }

  get isWhole() {
    return this.#width_s === null;
  }

  /** Where a moment stands, 0..1 of the window; outside it below or above. @param {number} at_s */
  part(at_s) {
    return (at_s - this.from_s) / (this.to_s - this.from_s);
  }

  /** The moment at 0..1 of the window. @param {number} part */
  moment(part) {
    return this.from_s + Math.min(1, Math.max(0, part)) * (this.to_s - this.from_s);
  }

  /** The call is at least this long. @param {number} end_s */
  grow(end_s) {
    this.#span_s = Math.max(this.#span_s, end_s);
  }

  whole() {
    this.#width_s = null;
  }

  /** Divides the window's width by `factor`; the moment comes to its middle, as far as the call allows. @param {number} factor @param {number} at_s */
  zoom(factor, at_s) {
    const width = Math.max(LEAST_S, (this.to_s - this.from_s) / factor);
    this.#width_s = width < this.#span_s ? width : null;
    this.#move(at_s - width / 2);
  }

  /** Turns to a moment that the window does not show; whether it had to. @param {number} at_s */
  follow(at_s) {
    const before = this.from_s;
    const part = this.part(at_s);
    if (part < 0 || part > 1) this.#move(at_s - AHEAD * (this.to_s - before));
    return this.from_s !== before;
  }

  /** @param {number} from_s */
  #move(from_s) {
    this.#from_s = Math.max(0, Math.min(from_s, this.#span_s - (this.#width_s ?? this.#span_s)));
  }
}
