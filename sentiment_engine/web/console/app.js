// The console: who is signed in, which page is shown, and the frame around it.

import { AlertsPage } from "./alerts.js";
import { Api, ApiError } from "./api.js";
import { CallPage } from "./call.js";
import { CallsPage } from "./calls.js";
import { refill } from "./dom.js";
import { currentLanguage, named, speak, t } from "./language.js";
import { Live } from "./live.js";
import { preference, token } from "./preferences.js";
import { ReportsPage } from "./reports.js";
import { ReviewsPage } from "./reviews.js";
import { address, readHash } from "./router.js";
import { frame, say, showFeedState } from "./shell.js";
import { signIn } from "./sign_in.js";
import { WallPage } from "./wall.js";

/** @type {Record<string, any>} A page is given the console, and argument and moment of its address; `element`, `close()`, and if it can go to a moment `seek()`. */
const PAGES = { wall: WallPage, alerts: AlertsPage, calls: CallsPage, call: CallPage, reviews: ReviewsPage, reports: ReportsPage };

class Console {
  api = new Api("");
  /** Who is signed in, what that role may do, what the server has: GET /v1/me. @type {any} */
  me = null;
  live = /** @type {any} */ (null);
  /** Alerts that this browser puts off: id to the moment (ms) when it shows them again. @type {Map<string, number>} */
  snoozed = new Map();
  #page = /** @type {any} */ (null);
  #main = /** @type {any} */ (null);

  async begin() {
    this.leave();
    this.api = new Api(token.get());
    this.live = new Live(this.api, token.get(), {
      onState: () => showFeedState(this.live.feedState),
      onAlert: (alert) => {
        const { severity, summary } = alert.event;
        // The list of alerts shows it already; it is said for those who do not see the list.
        const isListed = ["wall", "alerts"].includes(readHash(location.hash).page);
        say(t("newAlert", { severity: named("severity", severity), summary }), { severity, href: address("call", alert.call), isListed });
      },
      onAssigned: ({ to, by, call_id: call, alert_id: id }) => {
        if (!to || to !== this.me.name || by === to) return;
        const summary = this.live.state.alerts.get(id)?.event.summary ?? call;
        say(t("assignedToYou", { name: by, summary }), { href: address("call", call) });
      },
      onFailure: (reason) => this.failed(reason),
    });
    try {
      this.me = await this.api.ask("/v1/me");
      if (!this.may("read")) throw new ApiError("forbidden", t("forbidden"), 403);
      this.live.start(this.me.archive);
    } catch (reason) {
      signIn(/** @type {any} */ (reason), (secret) => {
        token.set(secret);
        this.begin();
      });
      return;
    }
    this.draw();
  }

  /** Whether the server would let us. @param {string} what One of `may` of GET /v1/me. */
  may(what) {
    return this.me.may.includes(what);
  }

  /** Lets go of the server. */
  leave() {
    this.#page?.close();
    this.#page = null;
    this.live?.stop();
  }

  signOut() {
    token.set("");
    this.leave();
    location.hash = "";
    this.begin();
  }

  /** Frame and page, in the language and look of now. */
  draw() {
    this.#page?.close();
    this.#page = null;
    this.#main = frame({
      me: this.me,
      onSignOut: () => this.signOut(),
      onLanguage: (language) => {
        speak(language);
        this.draw();
      },
    });
    showFeedState(this.live.feedState);
    this.show();
  }

  show() {
    if (!this.#main) return;
    const { page, argument, moment } = readHash(location.hash);
    if (this.#page?.seek?.(page, argument, moment)) return;
    this.#page?.close();
    const Page = Object.hasOwn(PAGES, page) ? PAGES[page] : null;
    const shown = page === "call" ? "calls" : page;
    for (const link of document.querySelectorAll("nav a")) {
      if (/** @type {HTMLElement} */ (link).dataset.page === shown) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${t(Page ? page : "product")} · ${t("product")}`;
    if (!Page) {
      this.#page = null;
      refill(this.#main, t("notFound"));
      return;
    }
    this.#page = new Page(this, argument, moment);
    refill(this.#main, this.#page.element);
    window.scrollTo(0, 0);
  }

  /** Says what went wrong. @param {any} reason */
  failed(reason) {
    if (reason.code === undefined) throw reason;
    say(t("failed", { reason: reason.code === "unreachable" ? t("unreachable") : reason.message }), { severity: "critical" });
  }
}

const app = new Console();
document.documentElement.lang = currentLanguage();
if (preference("theme")) document.documentElement.dataset.theme = preference("theme");
addEventListener("hashchange", () => app.show());
app.begin();
