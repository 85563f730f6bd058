// Keeps the picture of all that is live: loads it, follows the feed, and tells pages once a frame what changed.

import { Feed } from "./feed.js";
import { State } from "./state.js";

/** What is older than this is shown, and not announced. */
const NEW_MS = 30_000;

export class Live {
  state = new State();
  /** Whether the server keeps calls. */
  keeps = false;
  /** @type {import("./feed.js").FeedState} */
  feedState = "connecting";
  /** @type {Set<(calls: Set<string>, alerts: boolean) => void>} */
  #listeners = new Set();
  /** @type {Set<(event: any) => void>} */
  #readers = new Set();
  #frame = 0;
  #isNew = true;

  /**
   * @param {import("./api.js").Api} api @param {string} token
   * @param {{onState: () => void, onAlert: (alert: any) => void, onAssigned: (event: any) => void, onFailure: (reason: any) => void}} tell
   */
  constructor(api, token, tell) {
    this.#api = api;
    this.#token = token;
    this.#tell = tell;
    this.#feed = /** @type {Feed | null} */ (null);
  }

  #api;
  #token;
  #tell;
  #feed;

  /** Follows the server. @param {boolean} keeps Whether it keeps calls. */
  start(keeps) {
    this.keeps = keeps;
    const base = location.origin.replace(/^http/, "ws");
    this.#feed = new Feed({
      url: `${base}/v1/feed`,
      token: this.#token,
      query: { types: "call.*,alert.*,tension.updated" },
      // What is kept is listed faster than it is replayed; where nothing is kept, memory is all there is.
      since: this.keeps ? null : "0",
      onEvent: (event, envelope) => this.#heard(event, envelope),
      onGap: () => {
        this.state.clear();
        this.#isNew = true;
      },
      onState: (state) => {
        this.feedState = state;
        this.#tell.onState();
        if (state === "live" && this.keeps && this.#isNew) this.#load();
      },
    });
    this.#feed.open();
  }

  stop() {
    this.#feed?.stop();
    cancelAnimationFrame(this.#frame);
    this.#listeners.clear();
    this.#readers.clear();
  }

  /** Calls `act` at most once a frame with what changed; returns how to end it. @param {(calls: Set<string>, alerts: boolean) => void} act */
  watch(act) {
    this.#listeners.add(act);
    return () => this.#listeners.delete(act);
  }

  /** Calls `act` with each event at once. @param {(event: any) => void} act */
  read(act) {
    this.#readers.add(act);
    return () => this.#readers.delete(act);
  }

  changed() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const { changedCalls, alertsChanged } = this.state;
      this.state.changedCalls = new Set();
      this.state.alertsChanged = false;
      for (const act of [...this.#listeners]) act(changedCalls, alertsChanged);
    });
  }

  /** @param {any} event @param {any} envelope */
  #heard(event, envelope) {
    const raised = this.state.apply(event, envelope.time);
    if (Date.now() - Date.parse(envelope.time) < NEW_MS) {
      if (raised) this.#tell.onAlert(raised);
      if (event.type === "alert.assigned") this.#tell.onAssigned(event);
    }
    for (const act of this.#readers) act(event);
    this.changed();
  }

  async #load() {
    this.#isNew = false;
    try {
      const [calls, open, newest] = await Promise.all([
        this.#api.all("/v1/calls", "calls", { live: true }),
        this.#api.all("/v1/alerts", "alerts", { open: true }),
        this.#api.ask("/v1/alerts", { limit: 100 }),
      ]);
      for (const row of calls.rows) this.state.addCall(row);
      for (const row of [...newest.alerts, ...open.rows]) this.state.addAlert(row);
      this.changed();
    } catch (reason) {
      this.#isNew = true;
      this.#tell.onFailure(reason);
    }
  }
}
