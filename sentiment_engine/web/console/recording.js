// What a waveform is drawn from: the server's peaks, as numbers of equal height. No DOM in here.

/** A call that never gets louder is not drawn as if it did. */
const LEAST_PEAK = 0.15;
const FULL = 127;
/** Loudness is not amplitude: drawn as it is, all but shouts would look like silence. */
const BEND = 0.7;

/**
 * @typedef {object} Peaks
 * @property {string[]} channels
 * @property {number} duration_s
 * @property {Float32Array[]} columns Of each channel lowest and highest in turn; 1 is the loudest of all channels.
 */

/** @param {any} answer Of GET /v1/calls/{id}/recording/peaks. @returns {Peaks | null} Null while nothing is in it. */
export function unpack({ channels, duration_s, peaks }) {
  if (!(duration_s > 0) || !peaks.length || !peaks[0].length) return null;
  let most = LEAST_PEAK * FULL;
  for (const column of peaks) for (const value of column) most = Math.max(most, Math.abs(value));
  // One scale for all channels: who was louder must look louder.
  return { channels, duration_s, columns: peaks.map((/** @type {number[]} */ column) => Float32Array.from(column, (value) => Math.sign(value) * (Math.abs(value) / most) ** BEND)) };
}

/** @param {string} callId */
export const recordingOf = (callId) => `/v1/calls/${encodeURIComponent(callId)}/recording`;
