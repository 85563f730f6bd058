// What the events of one call add up to, as its page shows it. No DOM in here.

/** The order in which causes are stacked, so that a colour keeps its place. */
export const CAUSES = [
  "customer_anger", "agent_anger", "anger", "customer_distress", "mutual_escalation",
  "raised_voice", "overlap", "interruptions", "silence", "words",
];

const TOLD = new Set(["alert.raised", "alert.updated", "alert.cleared", "alert.acknowledged", "alert.answered", "alert.assigned", "alert.reviewed", "call.reviewed"]);

/** The label with the highest score. @param {Record<string, number>} scores */
export const strongest = (scores) => Object.entries(scores).reduce((best, one) => (one[1] > best[1] ? one : best), ["", -1])[0];

export class CallData {
  started = /** @type {any} */ (null);
  ended = /** @type {any} */ (null);
  /** @type {any[]} */
  ticks = [];
  /** @type {{party: string, start_s: number, end_s: number}[]} */
  speech = [];
  /** @type {any[]} `emotion.scored`, in order. */
  emotions = [];
  /** How loud each party spoke, window by window. @type {{party: string, start_s: number, end_s: number, level_db: number}[]} */
  voices = [];
  /** @type {any[]} */
  gaps = [];
  /** Newest `quality.changed` by party. @type {Map<string, any>} */
  quality = new Map();
  /** What a person would tell of the call, in order: starts, alerts, gaps, quality, end. @type {any[]} */
  story = [];
  end_s = 0;

  /** @param {any} event */
  take(event) {
    this.end_s = Math.max(this.end_s, event.type === "call.ended" ? event.duration_s : event.at_s);
    switch (event.type) {
      case "call.started": this.started = event; break;
      case "call.ended": this.ended = event; break;
      case "tension.updated": this.ticks.push(event); return;
      case "speech.ended": this.speech.push(event); return;
      case "voice.measured": this.#hear(event); return;
      case "emotion.scored": this.#hear(event); this.emotions.push(event); return;
      case "audio.gap": this.gaps.push(event); break;
      case "quality.changed": this.quality.set(event.party, event); break;
      default: if (!TOLD.has(event.type)) return;
    }
    this.story.push(event);
  }

  /** @param {any} event */
  #hear({ party, start_s, end_s, voice }) {
    if (voice) this.voices.push({ party, start_s, end_s, level_db: voice.level_db });
  }

  get parties() {
    return /** @type {string[]} */ (this.started?.channels ?? []);
  }

  /** Columns for the curve: seconds, level, agent, customer or mixed. @returns {(number | null)[][]} */
  curve() {
    return [
      this.ticks.map(({ at_s }) => at_s),
      this.ticks.map(({ level }) => level),
      this.ticks.map(({ agent }) => agent ?? null),
      this.ticks.map(({ customer, mixed }) => customer ?? mixed ?? null),
    ];
  }

  /** Causes that ever raised this call, in the order of `CAUSES`; then those that a newer server may name. */
  causes() {
    const found = new Set(this.ticks.flatMap(({ causes }) => Object.keys(causes)));
    return [...CAUSES.filter((cause) => found.has(cause)), ...[...found].filter((cause) => !CAUSES.includes(cause)).sort()];
  }

  /**
   * Columns for the stack: seconds, then each cause with all that lie under it, the topmost first.
   * What lowers the level is not stacked; the moment's list tells of it.
   * @param {string[]} causes
   */
  stack(causes) {
    const columns = causes.map(() => /** @type {number[]} */ ([]));
    for (const tick of this.ticks) {
      let height = 0;
      causes.forEach((cause, at) => columns[at].push((height += Math.max(0, tick.causes[cause] ?? 0))));
    }
    return [this.ticks.map(({ at_s }) => at_s), ...columns.reverse()];
  }

  /** The newest of `list` that had begun at `at_s`, or null. @param {any[]} list @param {number} at_s @param {string} party */
  #at(list, at_s, party = "") {
    for (let n = list.length - 1; n >= 0; n -= 1) {
      const began = list[n].start_s ?? list[n].at_s;
      if (began <= at_s && (!party || list[n].party === party)) return list[n];
    }
    return null;
  }

  /** What was the case at a moment. @param {number} at_s */
  moment(at_s) {
    const emotions = Object.fromEntries(this.parties.map((party) => {
      const one = this.#at(this.emotions, at_s, party);
      // Scores of long ago say nothing of this moment.
      return [party, one && at_s - one.end_s < 10 ? one.scores : null];
    }));
    return { tick: this.#at(this.ticks, at_s) ?? this.ticks[0] ?? null, emotions };
  }
}
