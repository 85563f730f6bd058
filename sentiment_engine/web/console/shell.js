// The frame around every page: name, navigation, connection, language, appearance; and what is said in passing.

import { h, icon, refill } from "./dom.js";
import { currentLanguage, named, t } from "./language.js";
import { preference, prefer } from "./preferences.js";
import { address } from "./router.js";

const SAID_FOR_MS = 12_000;
const MOST_SAID = 3;
const LINKS = [
  ["wall", "M3 13h4l3-8 4 14 3-6h4"],
  ["alerts", "M12 3a6 6 0 0 0-6 6c0 6-2 7-2 7h16s-2-1-2-7a6 6 0 0 0-6-6M10 20h4"],
  ["calls", "M5 4h4l2 5-2.5 1.5a11 11 0 0 0 5 5L15 13l5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 3 6a2 2 0 0 1 2-2"],
  ["reviews", "M9 4h6v3H9zM9 5H5v16h14V5h-4M8.5 14l2.5 2.5 4.5-5"],
  ["reports", "M4 20V10M10 20V4M16 20v-8M21 20H3"],
];
export const MARK = "M3 12h3l2-5 4 11 3-8 2 2h4";

/** @param {string} value */
function look(value) {
  prefer("theme", value);
  if (value) document.documentElement.dataset.theme = value;
  else delete document.documentElement.dataset.theme;
  dispatchEvent(new Event("look"));
}

/** A choice with a name. @param {string} name @param {[string, string][]} options value and text @param {string} chosen @param {(value: string) => void} onChange @param {Record<string, any>} attributes */
export function choice(name, options, chosen, onChange, attributes = {}) {
  const select = h("select", { ...attributes, on: { change: () => onChange(select.value) } },
    ...options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
  return h("label", { class: "field" }, h("span", {}, name), select);
}

/** Language and appearance. @param {(language: string) => void} onLanguage */
export function looks(onLanguage) {
  return h("div", { class: "looks" },
    choice(t("language"), [["en", "English"], ["zh-CN", "中文"]], currentLanguage(), onLanguage, { id: "language" }),
    choice(t("theme"), [["", t("system")], ["light", t("light")], ["dark", t("dark")]], preference("theme"), look, { id: "theme" }));
}

/**
 * Draws the frame; returns where the page goes.
 * @param {{me: any, onSignOut: () => void, onLanguage: (language: string) => void}} options
 */
export function frame({ me, onSignOut, onLanguage }) {
  const main = h("main", { id: "main", tabindex: "-1" });
  const links = LINKS.map(([page, path]) =>
    h("a", { href: address(page), "data-page": page }, icon(path), h("span", {}, t(page)),
      page === "alerts" && h("b", { id: "unseen", class: "count", hidden: true })));
  const skip = h("button", { class: "skip", on: { click: () => main.focus() } }, t("skip"));
  refill(document.body, skip,
    h("header", { class: "top" },
      h("a", { class: "brand", href: address("wall") }, h("i", { class: "mark" }, icon(MARK)), h("span", {}, t("product"))),
      h("p", { id: "feed-state", role: "status" }),
      looks(onLanguage),
      !me.open && h("div", { class: "who" },
        h("p", { id: "who", title: t("signedIn", { name: me.name, role: named("role", me.role) }) }, h("b", {}, me.name), h("span", {}, named("role", me.role))),
        h("button", { class: "plain", id: "sign-out", on: { click: onSignOut } }, t("signOut")))),
    h("nav", { "aria-label": t("pages") }, ...links),
    main,
    h("div", { id: "said", role: "log", "aria-live": "assertive", "aria-label": t("alerts") }));
  return main;
}

/** @param {import("./feed.js").FeedState} state */
export function showFeedState(state) {
  const place = document.querySelector("#feed-state");
  if (!place) return;
  place.textContent = t(state);
  /** @type {HTMLElement} */ (place).dataset.state = state;
}

/** How many open alerts nobody has seen. @param {number} count */
export function showUnseen(count) {
  const place = /** @type {HTMLElement | null} */ (document.querySelector("#unseen"));
  if (!place) return;
  place.hidden = !count;
  place.textContent = String(count);
}

/** Says something in passing. @param {string} text @param {{severity?: string, href?: string, isListed?: boolean}} how */
export function say(text, { severity = "notice", href = "", isListed = false } = {}) {
  const place = document.querySelector("#said");
  if (!place) return;
  const note = h("div", { class: isListed ? "hidden" : `note ${severity}` },
    href && !isListed ? h("a", { href, on: { click: () => note.remove() } }, text) : h("p", {}, text),
    !isListed && h("button", { class: "plain", "aria-label": t("close"), on: { click: () => note.remove() } }, icon("M6 6l12 12M18 6L6 18")));
  place.append(note);
  while (place.childElementCount > MOST_SAID) place.firstElementChild?.remove();
  setTimeout(() => note.remove(), SAID_FOR_MS);
}
