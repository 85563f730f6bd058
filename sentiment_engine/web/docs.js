// The page /docs: Swagger UI shows what /openapi.json says. Nothing is fetched from, or sent to, anywhere else.

import { preference } from "/web/console/preferences.js";

const system = matchMedia("(prefers-color-scheme: dark)");

/** Light or dark, as in the console. */
function look() {
  const chosen = preference("theme");
  document.documentElement.classList.toggle("dark-mode", chosen ? chosen === "dark" : system.matches);
}

look();
system.addEventListener("change", look);
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
