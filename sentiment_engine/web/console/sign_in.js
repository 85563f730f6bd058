// The page that asks for a token, and says why.

import { h, icon, refill } from "./dom.js";
import { speak, t } from "./language.js";
import { looks, MARK } from "./shell.js";

/**
 * @param {import("./api.js").ApiError} reason Why it is asked for.
 * @param {(token: string) => void} onToken
 * @param {(key: string, values?: Record<string, string>) => string} words For whom it is: another page has other words.
 */
export function signIn(reason, onToken, words = t) {
  if (reason.status === undefined) throw reason;
  const isUnknown = reason.code === "unauthorized";
  const tried = sessionTried;
  const field = h("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true });
  const form = h("form", { on: { submit: (/** @type {Event} */ event) => {
    event.preventDefault();
    sessionTried = true;
    onToken(field.value.trim());
  } } },
    h("h1", {}, t("signIn")),
    isUnknown || reason.code === "forbidden"
      ? h("p", { class: "soft" }, words("signInText"))
      : h("p", { class: "problem", role: "alert" }, t("failed", { reason: reason.code === "unreachable" ? t("unreachable") : reason.message })),
    isUnknown && tried && h("p", { class: "problem", role: "alert" }, t("badToken")),
    reason.code === "forbidden" && h("p", { class: "problem", role: "alert" }, words("forbidden")),
    h("label", { class: "field tall" }, h("span", {}, t("token")), field),
    h("p", { class: "soft small" }, t("tokenKept")),
    h("button", { class: "primary", type: "submit" }, t("signIn")));
  document.title = `${t("signIn")} · ${t("product")}`;
  refill(document.body,
    h("header", { class: "top" },
      h("span", { class: "brand" }, h("i", { class: "mark" }, icon(MARK)), h("span", {}, t("product"))),
      looks((language) => {
        speak(language);
        signIn(reason, onToken, words);
      })),
    h("main", { id: "main", class: "door" }, form));
  field.focus();
}

/** Whether a token has been tried, so that a first visit is not met with a reproach. */
let sessionTried = false;
