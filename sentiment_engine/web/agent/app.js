// The agent's page: who is signed in, the feed of that agent's own calls, and the frame around the phrases.

import { Api } from "../console/api.js";
import { h, icon, refill } from "../console/dom.js";
import { Feed } from "../console/feed.js";
import { currentLanguage, speak } from "../console/language.js";
import { preference, token } from "../console/preferences.js";
import { looks, MARK, showFeedState } from "../console/shell.js";
import { signIn } from "../console/sign_in.js";
import { Desk } from "./desk.js";
import { Picture } from "./picture.js";
import { say } from "./words.js";

class App {
  #api = new Api("");
  #picture = new Picture();
  #feed = /** @type {Feed | null} */ (null);
  #desk = /** @type {Desk | null} */ (null);
  #me = { agent: "", keeps: false };
  #state = /** @type {import("../console/feed.js").FeedState} */ ("connecting");

  async begin() {
    this.#leave();
    this.#api = new Api(token.get());
    try {
      this.#me = await this.#api.ask("/v1/agent");
    } catch (reason) {
      signIn(/** @type {any} */ (reason), (secret) => {
        token.set(secret);
        this.begin();
      }, say);
      return;
    }
    this.#draw();
    this.#feed = new Feed({
      url: `${location.origin.replace(/^http/, "ws")}/v1/agent/feed`,
      token: token.get(),
      // Without a cursor the server begins where the calls that are live began.
      since: null,
      onEvent: (event) => this.#desk?.draw(this.#picture.take(event)),
      onGap: () => {
        this.#picture.clear();
        this.#desk?.draw();
      },
      onState: (state) => {
        this.#state = state;
        showFeedState(state);
      },
    });
    this.#feed.open();
  }

  #leave() {
    this.#feed?.stop();
    this.#feed = null;
    this.#picture.clear();
  }

  /** Frame and phrases, in the language of now. */
  #draw() {
    this.#desk = new Desk(this.#picture, {
      send: (alert, answer, note) => this.#answer(alert, answer, note),
      keeps: this.#me.keeps,
      showsAll: this.#me.agent === "",
    });
    document.title = `${say("title")} · ${say("product")}`;
    refill(document.body,
      h("header", { class: "top" },
        h("span", { class: "brand" }, h("i", { class: "mark" }, icon(MARK)), h("span", {}, say("product"))),
        h("p", { id: "feed-state", role: "status" }),
        this.#me.agent && h("p", { class: "soft small", id: "me" }, say("signedInAs", { name: this.#me.agent })),
        looks((language) => {
          speak(language);
          this.#draw();
        }),
        token.get() !== "" && h("button", { class: "plain", id: "sign-out", on: { click: () => this.#signOut() } }, say("signOut"))),
      h("main", { id: "main" }, this.#desk.element));
    showFeedState(this.#state);
  }

  /** @param {string} alert @param {string} answer @param {string} note */
  async #answer(alert, answer, note) {
    const kept = await this.#api.ask(`/v1/alerts/${encodeURIComponent(alert)}/answer`, {}, "POST", { answer, note });
    this.#picture.answered(alert, kept);
    this.#desk?.draw();
  }

  #signOut() {
    token.set("");
    this.begin();
  }
}

document.documentElement.lang = currentLanguage();
if (preference("theme")) document.documentElement.dataset.theme = preference("theme");
new App().begin();
