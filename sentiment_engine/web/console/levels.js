// How loud each party spoke, as the engine measured it: what can be shown of voices that nobody kept.

import { colours } from "./palette.js";
import { LANE } from "./wave.js";

/** dBFS of the thinnest and the fullest band: telephone speech lies between. */
const [FAINT, FULL] = [-55, -10];

/** @param {number} level_db @returns {number} 0..1 */
export const fullness = (level_db) => Math.min(1, Math.max(0.04, (level_db - FAINT) / (FULL - FAINT)));

/** @param {HTMLCanvasElement} canvas @param {import("./call_data.js").CallData} data @param {{left: number, width: number}} frame @param {import("./view.js").View} view */
export function drawLevels(canvas, data, frame, view) {
  const height = data.parties.length * LANE;
  const ratio = devicePixelRatio;
  canvas.style.left = `${frame.left}px`;
  canvas.style.width = `${frame.width}px`;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(frame.width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.scale(ratio, ratio);
  const ink = colours(["--agent", "--customer"]);
  const x = (/** @type {number} */ at_s) => view.part(at_s) * frame.width;
  data.parties.forEach((party, lane) => {
    pen.fillStyle = ink[party === "agent" ? "--agent" : "--customer"];
    let from_s = 0; // windows overlap: each adds what the one before did not cover
    for (const { party: whose, start_s, end_s, level_db } of data.voices) {
      if (whose !== party) continue;
      const tall = fullness(level_db) * (LANE - 8);
      const left = x(Math.max(from_s, start_s));
      pen.fillRect(left, lane * LANE + (LANE - tall) / 2, Math.max(1, x(end_s) - left), tall);
      from_s = end_s;
    }
  });
}
