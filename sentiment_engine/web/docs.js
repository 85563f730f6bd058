// The page /docs: Swagger UI shows what /openapi.json says. Nothing is fetched from, or sent to, anywhere else.

import { preference } from "/web/console/preferences.js";

const place = /** @type {HTMLElement} */ (document.querySelector("#document"));
const system = matchMedia("(prefers-color-scheme: dark)");

/** Light or dark, as in the console. */
function look() {
  const chosen = preference("theme");
  document.documentElement.classList.toggle("dark-mode", chosen ? chosen === "dark" : system.matches);
}

/** What Swagger UI leaves unsaid to whoever does not see it, or has no mouse. */
function complete() {
  for (const select of place.querySelectorAll("select:not([aria-label])")) {
    const row = /** @type {HTMLElement | null} */ (select.closest("tr[data-param-name]"));
    const other = select.classList.contains("examples-select-element") ? "Examples" : "Media type";
    select.setAttribute("aria-label", row?.dataset.paramName ?? other);
  }
  for (const text of place.querySelectorAll("pre.microlight:not([tabindex])")) text.setAttribute("tabindex", "0");
  // Links within buttons: the button does the same.
  for (const link of place.querySelectorAll(".opblock-summary-control a[href]")) link.removeAttribute("href");
}

look();
system.addEventListener("change", look);
new MutationObserver(complete).observe(place, { childList: true, subtree: true });
/** @type {any} */ (window).SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#document",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // A token that is typed in lives in this page alone, and is gone with it.
  persistAuthorization: false,
  // Nobody else is asked whether the document is valid, and nobody's link shows another document here.
  validatorUrl: null,
  queryConfigEnabled: false,
});
