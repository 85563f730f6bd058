// The card that offers the agent a phrase while an alert is open.

import { NAMES } from "./console/names.js";

const CLEARED_FOR_MS = 8000;
const SHOWN_BESIDE = 2;

/** @param {string} id @returns {any} */
const $ = (id) => document.getElementById(id);

/** @param {number} seconds */
export function clockText(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export class Overlay {
  /** @type {import("./softphone.js").Alert | null} */
  #alert = null;
  /** @type {import("./softphone.js").Suggestion | null} Shown large. */
  #chosen = null;
  #timer = 0;

  /** @param {() => Record<string, string>} words @param {() => boolean} chinese */
  constructor(words, chinese) {
    this.#words = words;
    this.#chinese = chinese;
    $("hide").onclick = () => this.hide();
    document.addEventListener("keydown", ({ key }) => key === "Escape" && this.hide());
  }

  #words;
  #chinese;

  /** @param {import("./softphone.js").Alert} alert */
  show(alert) {
    if (alert.type === "alert.cleared") {
      if (this.#alert?.alert_id === alert.alert_id) this.#clear(alert);
      return;
    }
    clearTimeout(this.#timer);
    this.#alert = alert;
    this.#chosen = alert.suggestions[0] ?? null;
    this.draw();
  }

  hide() {
    clearTimeout(this.#timer);
    this.#alert = null;
    this.#open(false, "");
  }

  /** Puts it on the page, in the language of now. */
  draw() {
    const alert = this.#alert;
    if (!alert) return;
    const words = this.#words();
    this.#open(true, `${alert.severity} ${this.#chosen?.mode ?? ""}`);
    $("severity").textContent = words[alert.severity === "notice" ? "notice_" : alert.severity];
    const level = words.level.replace("{n}", String(Math.round(100 * alert.level)));
    $("since").textContent = `${level} · ${words.since.replace("{t}", clockText(alert.since_s))}`;
    $("summary").textContent = alert.summary;
    this.#phrase(words);
  }

  /** @param {boolean} on @param {string} look */
  #open(on, look) {
    $("overlay").className = on ? `overlay open ${look}` : "overlay";
    $("offer").hidden = !on;
    $("quiet").hidden = on;
  }

  /** @param {Record<string, string>} words */
  #phrase(words) {
    const chosen = this.#chosen;
    $("phrase").hidden = !chosen;
    if (chosen) {
      $("mode").textContent = words[chosen.mode];
      $("technique").textContent = this.#technique(chosen);
      $("text").textContent = chosen.text;
      $("text").lang = chosen.language;
    }
    const rest = (this.#alert?.suggestions ?? []).filter((one) => one !== chosen).slice(0, SHOWN_BESIDE);
    $("others").hidden = !rest.length;
    $("other-list").replaceChildren(
      ...rest.map((one) => {
        const button = document.createElement("button");
        const technique = document.createElement("b");
        technique.textContent = this.#technique(one);
        button.lang = one.language;
        button.append(technique, one.text);
        button.onclick = () => {
          this.#chosen = one;
          this.draw();
          $("hide").focus(); // the button that had the focus is gone
        };
        const item = document.createElement("li");
        item.append(button);
        return item;
      }),
    );
  }

  /** @param {import("./softphone.js").Suggestion} one */
  #technique({ technique }) {
    return NAMES.technique[technique]?.[Number(this.#chinese())] ?? technique.replaceAll("_", " ");
  }

  /** @param {import("./softphone.js").Alert} alert */
  #clear(alert) {
    const words = this.#words();
    this.#alert = null;
    this.#open(true, "cleared");
    $("severity").textContent = words.cleared;
    $("since").textContent = words.level.replace("{n}", String(Math.round(100 * alert.level)));
    $("summary").textContent = words.clearedText;
    $("phrase").hidden = $("others").hidden = true;
    this.#timer = setTimeout(() => this.hide(), CLEARED_FOR_MS);
  }
}
