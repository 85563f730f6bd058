// Fields that lists are filtered by: part of a call id, a first and a last day.

import { h } from "./dom.js";
import { t } from "./language.js";

/** A hand that types is not asked after each letter. */
const TYPED_MS = 250;

/** Midnight of a day as the browser counts it, `days` later; empty for no day. @param {string} day @param {number} days */
export function midnight(day, days = 0) {
  if (!day) return "";
  const moment = new Date(`${day}T00:00:00`);
  moment.setDate(moment.getDate() + days);
  return moment.toISOString();
}

/** @param {string} text */
const lowered = (text) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** Whether an id holds a part, as the server finds it: only A-Z and a-z are alike. @param {string} id @param {string} part */
export const holds = (id, part) => lowered(id).includes(lowered(part));

/** The fields of a period: `from` begins the first day, `to` ends the last. @param {(changes: {from?: string, to?: string}) => void} ask */
export function period(ask) {
  return (/** @type {const} */ (["from", "to"])).map((name) => {
    const field = h("input", { type: "date", max: "9999-12-31", on: { change: () => ask({ [name]: midnight(field.value, name === "to" ? 1 : 0) }) } });
    return h("label", { class: "field" }, h("span", {}, t(name)), field);
  });
}

/** @param {(part: string) => void} ask Called when no more is typed. */
export function search(ask) {
  let timer = /** @type {any} */ (0);
  const field = h("input", { type: "search", maxlength: 200, on: { input: () => {
    clearTimeout(timer);
    timer = setTimeout(() => ask(field.value.trim()), TYPED_MS);
  } } });
  return h("label", { class: "field" }, h("span", {}, t("searchCalls")), field);
}
