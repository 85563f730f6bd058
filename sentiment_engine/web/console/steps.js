// Where playback goes next: to an alert, over a silence, and what a key asks for. No DOM of ours in here.

/** Silences shorter than this are part of the talk. */
const LONG_SILENCE_S = 2;
/** Playback comes in so long before the next word. */
const LEAD_IN_S = 0.4;
/** Who has just gone to an alert, and goes back once more, means the one before. */
const JUST_S = 2;

/** When each alert began, in order. @param {any[]} story */
export function alertTimes(story) {
  const raised = story.filter(({ type }) => type === "alert.raised").map(({ since_s }) => since_s);
  return [...new Set(raised)].sort((one, other) => one - other);
}

/** @param {any[]} story @param {number} at_s @returns {number | null} */
export const nextAlert = (story, at_s) => alertTimes(story).find((time) => time > at_s + 0.05) ?? null;

/** @param {any[]} story @param {number} at_s @returns {number | null} */
export const previousAlert = (story, at_s) => alertTimes(story).findLast((time) => time < at_s - JUST_S) ?? alertTimes(story).find((time) => time < at_s - 0.05) ?? null;

/**
 * Where the next word begins, less a breath, if nobody speaks at `at_s` and for long; else null.
 * @param {{start_s: number, end_s: number}[]} speech Of all parties, in any order. @param {number} at_s
 */
export function overSilence(speech, at_s) {
  let next = Infinity;
  for (const { start_s, end_s } of speech) {
    if (start_s <= at_s && at_s < end_s + LEAD_IN_S) return null;
    if (start_s > at_s) next = Math.min(next, start_s);
  }
  return Number.isFinite(next) && next - at_s > LONG_SILENCE_S ? next - LEAD_IN_S : null;
}

/** What a key asks of playback, if it is not meant for what has the focus. @param {any} event @returns {"toggle" | "back" | "on" | "previous" | "next" | null} */
export function asked({ key, target, shiftKey, ctrlKey, altKey, metaKey, defaultPrevented }) {
  if (defaultPrevented || ctrlKey || altKey || metaKey) return null;
  if (target.closest("input, select, textarea, [contenteditable]")) return null;
  if (key === " ") return target.closest("button, a, summary") ? null : "toggle";
  if (key === "ArrowLeft") return shiftKey ? "previous" : "back";
  if (key === "ArrowRight") return shiftKey ? "next" : "on";
  return null;
}
