// The language of the page: which it is, and every text, number and time in it.

import { NAMES } from "./names.js";
import { preference, prefer } from "./preferences.js";
import { WORDS } from "./words.js";

export const LANGUAGES = /** @type {const} */ (["en", "zh-CN"]);

let language = preference("language") || (navigator.language.startsWith("zh") ? "zh-CN" : "en");
if (!LANGUAGES.includes(/** @type {any} */ (language))) language = "en";

export const currentLanguage = () => language;
/** How numbers and times are written: the browser's own way, if it is of the same language. */
const locale = () => (navigator.language.slice(0, 2) === language.slice(0, 2) ? navigator.language : language);

/** @param {string} value One of `LANGUAGES`. */
export function speak(value) {
  language = value;
  prefer("language", value);
  document.documentElement.lang = value;
}

/**
 * The text of `key`, with `{name}` filled in.
 * @param {string} key @param {Record<string, string | number>} values
 */
export function t(key, values = {}) {
  const text = WORDS[language][key];
  if (text === undefined) throw new Error(`words.js has no ${key} in ${language}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/**
 * What people call an identifier of the events; one from a newer server is shown as it is.
 * @param {string} group @param {string} id
 */
export function named(group, id) {
  const names = Object.hasOwn(NAMES[group], id) ? NAMES[group][id] : null;
  return names ? names[LANGUAGES.indexOf(/** @type {any} */ (language))] : id.replaceAll("_", " ");
}

/** What an alert is about: the leading cause of tension, or what else was observed. @param {string} kind */
export const kindName = (kind) => named(Object.hasOwn(NAMES.kind, kind) ? "kind" : "cause", kind);

/** Seconds of a call as 3:07. @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const rest = `${String(Math.floor(whole / 60) % 60).padStart(whole >= 3600 ? 2 : 1, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${rest}` : rest;
}

/** @param {number} value 0..1 */
export const hundredths = (value) => String(Math.round(100 * value));
/** @param {number} value @param {number} digits */
export const number = (value, digits = 0) =>
  value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
/** @param {number} value With its sign. @param {number} digits */
export const signed = (value, digits = 1) =>
  value.toLocaleString(locale(), { signDisplay: "exceptZero", minimumFractionDigits: digits, maximumFractionDigits: digits });
/** @param {string} time RFC 3339 */
export const when = (time) => new Date(time).toLocaleString(locale(), { dateStyle: "medium", timeStyle: "short" });
/** The time of day alone, if it was today. @param {string} time RFC 3339 */
export const lately = (time) =>
  new Date(time).toDateString() === new Date().toDateString()
    ? new Date(time).toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit" })
    : when(time);
/** @param {string} day 2026-01-31 */
export const dayName = (day) => new Date(`${day}T00:00:00`).toLocaleDateString(locale(), { dateStyle: "medium" });
