// The wall: every live call, the tensest first, each with the curves of its last two minutes.

import { AlertList } from "./alert_list.js";
import { CallCard } from "./card.js";
import { h } from "./dom.js";
import { named, t } from "./language.js";
import { preference, prefer } from "./preferences.js";
import { choice, showUnseen } from "./shell.js";
import { Sparks } from "./spark.js";
import { HEATED } from "./state.js";

const ORDERED_EVERY_MS = 2000;
/** Nothing changes its place under a hand that has just moved. */
const STILL_MS = 2500;
/** Levels this close keep their order, so that cards do not swap for nothing. */
const CLOSE = 0.05;
const PAST_AT_ONCE = 2;
const FIGURES = ["liveCalls", "heated", "openAlerts", "unseen"];

export class WallPage {
  /** @type {Map<string, CallCard>} */
  #cards = new Map();
  #sought = "";
  #stage = "";
  #onlyAlerts = false;
  #moved = -Infinity;
  /** @type {string[]} */
  #past = [];
  #asking = 0;
  #isClosed = false;

  /** @param {any} app */
  constructor(app) {
    this.#app = app;
    this.#grid = h("ul", { class: `wall ${preference("density") === "compact" ? "compact" : ""}`, "aria-label": t("liveCalls") });
    this.#empty = h("p", { class: "empty", hidden: true });
    this.#figures = Object.fromEntries(FIGURES.map((name) => [name, h("b", { "data-figure": name })]));
    this.#alerts = new AlertList(app, { isBrief: true, filter: (alert) => alert.open });
    this.element = this.#layout();
    this.#sparks = new Sparks();
    this.#views = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const card = this.#cards.get(/** @type {HTMLElement} */ (target).dataset.call ?? "");
        if (!card) continue;
        card.isVisible = isIntersecting;
        if (isIntersecting) this.#shown(card);
      }
    }, { rootMargin: "200px" });
    this.#unwatch = app.live.watch((/** @type {Set<string>} */ calls, /** @type {boolean} */ alerts) => this.#changed(calls, alerts));
    this.#timer = setInterval(() => this.#order(), ORDERED_EVERY_MS);
    this.#changed(new Set(app.live.state.calls.keys()), true);
    this.#order();
  }

  #app;
  #grid;
  #empty;
  #figures;
  #alerts;
  #sparks;
  #views;
  #unwatch;
  #timer;

  close() {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#unwatch();
    this.#views.disconnect();
    this.#sparks.close();
    this.#alerts.close();
  }

  #layout() {
    const search = h("input", { type: "search", id: "search", on: { input: () => this.#filter({ sought: search.value }) } });
    const only = h("input", { type: "checkbox", on: { change: () => this.#filter({ only: only.checked }) } });
    const stages = ["general", "facts", "negotiation", "notice"];
    const dense = preference("density") === "compact" ? "compact" : "";
    this.#grid.addEventListener("pointermove", () => (this.#moved = performance.now()));
    return h("div", { class: "page wall-page" },
      h("h1", { class: "hidden" }, t("wall")),
      h("dl", { class: "figures" }, ...FIGURES.map((name) => h("div", { class: name }, h("dt", {}, t(name)), h("dd", {}, this.#figures[name])))),
      h("div", { class: "filters" },
        h("label", { class: "field" }, h("span", {}, t("searchCalls")), search),
        choice(t("stage"), [["", t("anyStage")], ...stages.map((stage) => /** @type {[string, string]} */ ([stage, named("stage", stage)]))], "",
          (stage) => this.#filter({ stage })),
        choice(t("density"), [["", t("cards")], ["compact", t("compact")]], dense, (density) => {
          prefer("density", density);
          this.#grid.classList.toggle("compact", density === "compact");
        }, { id: "density" }),
        h("label", { class: "check" }, only, h("span", {}, t("onlyAlerts"))),
        h("p", { class: "legend", "aria-hidden": "true" },
          h("span", { class: "ink" }, t("tension")), h("span", { class: "customer" }, t("customerHeat")), h("span", { class: "agent" }, t("agentHeat")))),
      h("div", { class: "columns" },
        h("section", { "aria-label": t("liveCalls") }, this.#grid, this.#empty, h("p", { class: "soft small" }, t("wallNote"))),
        h("aside", { "aria-labelledby": "open-alerts" }, h("h2", { id: "open-alerts" }, t("openAlerts")), this.#alerts.element)));
  }

  /** @param {{sought?: string, stage?: string, only?: boolean}} changes */
  #filter({ sought = this.#sought, stage = this.#stage, only = this.#onlyAlerts }) {
    this.#sought = sought.trim().toLowerCase();
    this.#stage = stage;
    this.#onlyAlerts = only;
    this.#moved = -Infinity;
    this.#order();
  }

  /** @param {Set<string>} ids @param {boolean} alerts */
  #changed(ids, alerts) {
    const { state } = this.#app.live;
    let hasNew = false;
    for (const id of ids) {
      const call = state.calls.get(id);
      const card = this.#cards.get(id);
      if (!call) {
        if (card) this.#remove(card);
      } else if (card) card.update(call, state);
      else {
        this.#add(call);
        hasNew = true;
      }
    }
    if (hasNew) this.#order();
    if (alerts || ids.size) this.#count();
  }

  /** @param {any} call */
  #add(call) {
    const card = new CallCard(call, this.#sparks);
    this.#cards.set(call.id, card);
    card.update(call, this.#app.live.state);
    this.#grid.append(card.element);
    this.#views.observe(card.element);
  }

  /** @param {CallCard} card */
  #remove(card) {
    this.#views.unobserve(card.element);
    card.close();
    this.#cards.delete(card.id);
    this.#count();
  }

  /** @param {CallCard} card */
  #shown(card) {
    card.draw();
    if (!this.#app.live.keeps || card.hasPast) return;
    card.hasPast = true;
    this.#past.push(card.id);
    this.#askPast();
  }

  /** Fetches what the curves of visible cards showed before this page was opened. */
  async #askPast() {
    const id = this.#asking < PAST_AT_ONCE ? this.#past.shift() : undefined;
    if (id === undefined || this.#isClosed) return;
    this.#asking += 1;
    try {
      /** @type {any[]} */
      let ticks = [];
      await this.#app.api.events(id, (/** @type {any[]} */ events) => {
        ticks = [...ticks, ...events].slice(-150);
        return !this.#isClosed;
      }, "0", "tension.updated");
      this.#app.live.state.addPast(id, ticks);
      this.#app.live.changed();
    } catch (reason) {
      // Ended or erased in between: its card goes by itself.
      if (/** @type {any} */ (reason).code !== "unknown_id") this.#app.failed(reason);
    } finally {
      this.#asking -= 1;
      this.#askPast();
    }
  }

  #count() {
    const { calls, alerts } = this.#app.live.state;
    const open = [...alerts.values()].filter((alert) => alert.open);
    const unseen = open.filter((alert) => !alert.seen).length;
    const counts = [calls.size, [...calls.values()].filter(({ level }) => level >= HEATED).length, open.length, unseen];
    FIGURES.forEach((name, at) => {
      const text = String(counts[at]);
      if (this.#figures[name].textContent !== text) this.#figures[name].textContent = text;
    });
    showUnseen(unseen);
    const shown = [...this.#cards.values()].some((card) => !card.element.hidden);
    this.#empty.hidden = shown;
    this.#empty.textContent = this.#cards.size ? t("noneMatch") : t("wallEmpty");
  }

  #order() {
    const isBusy = performance.now() - this.#moved < STILL_MS || this.#grid.contains(document.activeElement);
    const { state } = this.#app.live;
    for (const card of this.#cards.values()) {
      const call = state.calls.get(card.id);
      if (!call) continue;
      const stage = call.started?.stage ?? "general";
      card.element.hidden =
        !card.id.toLowerCase().includes(this.#sought) ||
        (this.#stage !== "" && stage !== this.#stage) ||
        (this.#onlyAlerts && !card.hasAlert);
      if (Math.abs(call.level - card.place) > CLOSE) card.place = call.level;
    }
    this.#count();
    if (isBusy) return;
    const wanted = [...this.#cards.values()].sort((one, other) => Number(other.hasAlert) - Number(one.hasAlert) || other.place - one.place || (one.id < other.id ? -1 : 1));
    let at = this.#grid.firstElementChild;
    for (const { element } of wanted) {
      if (element === at) at = at.nextElementSibling;
      else this.#grid.insertBefore(element, at);
    }
  }
}
