// Runs on the audio thread: two inputs at the context's rate become interleaved 16-bit frames at the rate of
// the stream. A self-contained file, because not every browser lets a worklet import another one.
//
// Why resample here: a context made with the stream's own rate would leave it to the browser, but Firefox
// refuses to connect a track of another rate to it, and the quality would differ from browser to browser.

/** Edges of the low-pass as fractions of the lower of the two rates: 3.4 kHz passes and 4 kHz does not at 8 kHz. */
const PASS = 0.425;
const STOP = 0.5;
const ATTENUATION_DB = 66;
/** More would be megabytes of coefficients; every rate that sound hardware uses needs fewer. */
const MOST_PHASES = 1280;
/** Samples that the audio thread works on at a time. */
const QUANTUM = 128;

/** Modified Bessel function of the first kind, order 0, by its series. @param {number} x */
function bessel0(x) {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > 1e-12 * sum; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** @param {number} a @param {number} b @returns {number} */
function gcd(a, b) {
  return b ? gcd(b, a % b) : a;
}

/**
 * Streaming resampler of one channel: a Kaiser-windowed sinc, in phases. Any block length in, the same samples out.
 */
export class Resampler {
  /**
   * @param {number} from Hz, a whole number.
   * @param {number} to Hz, a whole number.
   * @throws {RangeError} The two are in no workable proportion.
   */
  constructor(from, to) {
    const divisor = gcd(from, to);
    this.up = to / divisor;
    this.down = from / divisor;
    if (!(from > 0 && to > 0) || !Number.isInteger(from) || !Number.isInteger(to) || this.up > MOST_PHASES) {
      throw new RangeError(`cannot resample ${from} Hz to ${to} Hz: use an AudioContext of 44100 or 48000 Hz`);
    }
    const low = Math.min(from, to) / from;
    const beta = 0.1102 * (ATTENUATION_DB - 8.7);
    const half = (ATTENUATION_DB - 7.95) / (2.285 * 2 * Math.PI * (STOP - PASS) * low) / 2;
    this.taps = 2 * Math.ceil(half) + 2;
    const cutoff = (PASS + STOP) * low; // of Nyquist: twice the middle of the transition
    /** @type {Float32Array[]} */
    this.phases = Array.from({ length: this.up }, (_, phase) => {
      const row = new Float64Array(this.taps);
      const centre = this.taps / 2 - 1 + phase / this.up;
      let sum = 0;
      for (let k = 0; k < this.taps; k += 1) {
        const t = k - centre;
        const sinc = t === 0 ? cutoff : Math.sin(Math.PI * cutoff * t) / (Math.PI * t);
        const x = 1 - (t / (this.taps / 2)) ** 2;
        row[k] = x > 0 ? sinc * bessel0(beta * Math.sqrt(x)) : 0;
        sum += row[k];
      }
      return Float32Array.from(row, (c) => c / sum); // every phase passes a constant unchanged
    });
    this.history = new Float32Array(this.taps - 1);
    this.phase = 0;
    this.skip = 0;
  }

  /**
   * @param {Float32Array} block Samples at `from`.
   * @returns {Float32Array} As many samples at `to` as are now known.
   */
  process(block) {
    const { taps, up, down, phases } = this;
    const input = new Float32Array(this.history.length + block.length);
    input.set(this.history);
    input.set(block, this.history.length);
    const out = new Float32Array(Math.ceil(((block.length + 1) * up) / down) + 1);
    let made = 0;
    let at = this.skip;
    while (at + taps <= input.length) {
      const row = phases[this.phase];
      let sum = 0;
      for (let k = 0; k < taps; k += 1) sum += row[k] * input[at + k];
      out[made] = sum;
      made += 1;
      this.phase += down;
      at += Math.floor(this.phase / up);
      this.phase %= up;
    }
    const keepFrom = input.length - (taps - 1);
    this.skip = at - keepFrom;
    this.history = input.slice(keepFrom);
    return out.subarray(0, made);
  }
}

/** Joins two channels and cuts them into frames of 16-bit samples, channel by channel in turn. */
export class Framer {
  /** @param {number} samples Of one channel, in a frame. */
  constructor(samples) {
    this.size = 2 * samples;
    this.frame = new Int16Array(this.size);
    this.filled = 0;
  }

  /**
   * @param {Float32Array} left @param {Float32Array} right As many samples as `left`.
   * @param {(frame: Int16Array) => void} emit Is given each full frame, to keep.
   */
  push(left, right, emit) {
    for (let k = 0; k < left.length; k += 1) {
      this.frame[this.filled] = pcm16(left[k]);
      this.frame[this.filled + 1] = pcm16(right[k]);
      this.filled += 2;
      if (this.filled === this.size) {
        emit(this.frame); // and may be transferred: it has no length any more
        this.frame = new Int16Array(this.size);
        this.filled = 0;
      }
    }
  }
}

/** @param {number} x */
function pcm16(x) {
  return Math.round(Math.max(-1, Math.min(1, x)) * 32767);
}

// Imported by a page, as tests do, this file only offers its classes.
if (typeof registerProcessor === "function") {
  class Tap extends AudioWorkletProcessor {
    /** @param {{processorOptions: {rate: number, frameSamples: number}}} options */
    constructor({ processorOptions: { rate, frameSamples } }) {
      super();
      this.resamplers = [new Resampler(sampleRate, rate), new Resampler(sampleRate, rate)];
      this.framer = new Framer(frameSamples);
      this.open = true;
      this.port.onmessage = () => {
        this.open = false; // the only message there is: close
      };
    }

    /** @param {Float32Array[][]} inputs */
    process(inputs) {
      // An input that nothing is connected to has no channels: that party is silent, and time goes on.
      const samples = inputs.find((channels) => channels.length)?.[0].length ?? QUANTUM;
      const [agent, customer] = inputs.map((channels) => channels[0] ?? new Float32Array(samples));
      this.framer.push(this.resamplers[0].process(agent), this.resamplers[1].process(customer), (frame) =>
        this.port.postMessage(frame, [frame.buffer]),
      );
      return this.open;
    }
  }
  registerProcessor("sentiment-engine-tap", Tap);
}
