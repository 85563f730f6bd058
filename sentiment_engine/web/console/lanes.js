// One lane for each party: speech as blocks in the colour of the emotion, gaps hatched, alerts as a line above.

import { strongest } from "./call_data.js";
import { named } from "./language.js";
import { colours } from "./palette.js";

const LANE = 30;
const APART = 8;
const TOP = 12;
const EMOTIONS = /** @type {Record<string, string>} */ ({
  neutral: "--mood-neutral", happy: "--mood-happy", sad: "--mood-sad", angry: "--mood-angry", fearful: "--mood-fearful",
});
export const MOODS = Object.entries(EMOTIONS);

export class Lanes {
  /** @param {HTMLCanvasElement} canvas @param {(part: number) => void} onPoint Gets 0..1 of the seconds that are shown. */
  constructor(canvas, onPoint) {
    this.#canvas = canvas;
    canvas.addEventListener("click", ({ offsetX }) => {
      const { left, width } = this.#frame;
      if (width) onPoint(Math.min(1, Math.max(0, (offsetX - left) / width)));
    });
  }

  #canvas;
  #frame = { left: 0, width: 0 };

  /** @param {import("./call_data.js").CallData} data @param {{left: number, width: number} | null} frame Of the charts above. @param {import("./view.js").View} view */
  draw(data, frame, view) {
    if (!frame) return;
    this.#frame = frame;
    const { parties } = data;
    const height = TOP + parties.length * (LANE + APART);
    const ratio = devicePixelRatio;
    const wide = this.#canvas.clientWidth;
    this.#canvas.style.height = `${height}px`;
    this.#canvas.width = Math.round(wide * ratio);
    this.#canvas.height = Math.round(height * ratio);
    const pen = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
    pen.scale(ratio, ratio);
    const ink = colours(["--soft", "--ground", "--ink", "--edge", "--red", "--amber", "--blue", ...Object.values(EMOTIONS)]);
    const x = (/** @type {number} */ at) => frame.left + view.part(at) * frame.width;
    pen.font = "12px system-ui, sans-serif";
    pen.fillStyle = ink["--soft"];
    pen.textBaseline = "middle";
    parties.forEach((party, lane) => pen.fillText(named("party", party), 0, TOP + lane * (LANE + APART) + LANE / 2, Math.max(20, frame.left - 4)));
    pen.beginPath();
    pen.rect(frame.left, 0, frame.width, height);
    pen.clip();
    parties.forEach((party, lane) => {
      const y = TOP + lane * (LANE + APART);
      pen.fillStyle = ink["--ground"];
      pen.fillRect(frame.left, y, frame.width, LANE);
      const block = (/** @type {any} */ { start_s, end_s }) => pen.fillRect(x(start_s), y + 4, Math.max(1.5, x(end_s) - x(start_s)), LANE - 8);
      pen.fillStyle = ink["--mood-neutral"];
      data.speech.filter((one) => one.party === party).forEach(block);
      for (const one of data.emotions) {
        if (one.party !== party) continue;
        pen.fillStyle = ink[EMOTIONS[strongest(one.scores)] ?? "--mood-neutral"];
        block(one);
      }
      for (const gap of data.gaps) if (gap.party === party) hatch(pen, x(gap.start_s), y, Math.max(2, x(gap.end_s) - x(gap.start_s)), ink["--edge"]);
    });
    for (const { from, to, severity } of spans(data)) {
      pen.fillStyle = ink[severity === "critical" ? "--red" : severity === "warning" ? "--amber" : "--blue"];
      pen.fillRect(x(from), 2, Math.max(3, x(to) - x(from)), 5);
    }
  }
}

/** The line at the moment that is read, over whatever shares the frame of the charts. @param {HTMLElement} head @param {{left: number, width: number} | null} frame @param {import("./view.js").View} view @param {number} at_s */
export function putHead(head, frame, view, at_s) {
  const part = view.part(at_s);
  head.hidden = !frame || part < 0 || part > 1;
  if (frame) head.style.transform = `translateX(${frame.left + part * frame.width}px)`;
}

/** From when to when each alert was open. @param {import("./call_data.js").CallData} data */
function spans(data) {
  /** @type {Map<string, {from: number, to: number, severity: string}>} */
  const found = new Map();
  for (const event of data.story) {
    if (!["alert.raised", "alert.updated", "alert.cleared"].includes(event.type)) continue;
    const known = found.get(event.alert_id) ?? { from: event.at_s, to: data.end_s, severity: event.severity };
    known.severity = event.severity;
    if (event.type === "alert.cleared") known.to = event.at_s;
    found.set(event.alert_id, known);
  }
  return found.values();
}

/** @param {CanvasRenderingContext2D} pen */
function hatch(pen, left, top, width, colour) {
  pen.save();
  pen.beginPath();
  pen.rect(left, top, width, LANE);
  pen.clip();
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.beginPath();
  for (let at = left - LANE; at < left + width; at += 5) {
    pen.moveTo(at, top + LANE);
    pen.lineTo(at + LANE, top);
  }
  pen.stroke();
  pen.restore();
}
