// A phrase as the agent sees it: large what may be said, apart from it what is only for the agent, and why.

import { h } from "../console/dom.js";
import { say } from "./words.js";

/**
 * What is shown large.
 * @param {import("./picture.js").Offer} offer @param {string} language Of the call; empty when it is not known.
 */
export function large(offer, language) {
  const lines = (/** @type {string} */ mode) => offer.phrases.filter((one) => one.mode === mode);
  const [spoken, own] = [lines("say"), lines("do")];
  return [
    h("p", { class: "why", lang: language || null }, offer.summary),
    spoken.length > 0 && h("section", { class: "say" }, h("h2", {}, say("say")),
      ...spoken.map((one) => h("blockquote", { lang: one.language }, one.text))),
    own.length > 0 && h("section", { class: "do" }, h("h2", {}, say("do")),
      ...own.map((one) => h("p", { lang: one.language }, one.text))),
    !offer.phrases.length && h("p", { class: "no-phrase" }, say("noPhrase")),
    offer.phrases.length > 0 && h("details", {}, h("summary", {}, say("chosen")),
      ...offer.phrases.map((one) => h("p", {}, one.rule))),
  ];
}

/** What a screen reader says of it. @param {import("./picture.js").Offer} offer */
export const spoken = (offer) =>
  say("newPhrase", { text: offer.phrases.map((one) => `${say(one.mode)}: ${one.text}`).join(" ") || offer.summary });
