// What an agent is to see, worked out from the events of the agent's feed. No DOM in here.

const MOST_OFFERS = 100;

/**
 * @typedef {object} Call
 * @property {string} id
 * @property {string} language Of summaries; empty when the call's start is not known.
 * @property {boolean} live
 *
 * @typedef {object} Offer What an alert had to say at one moment.
 * @property {string} alert
 * @property {string} call
 * @property {number} at_s
 * @property {string} summary
 * @property {any[]} phrases `suggestions`, those to say and those to do.
 * @property {boolean} over Whether its alert has cleared.
 *
 * @typedef {{answer: string, note: string, at: string}} Answer
 */

export class Picture {
  /** In the order in which they began. @type {Map<string, Call>} */
  calls = new Map();
  /** Oldest first. @type {Offer[]} */
  offers = [];
  /** The newest answer to each alert. @type {Map<string, Answer>} */
  answers = new Map();

  clear() {
    this.calls.clear();
    this.offers = [];
    this.answers.clear();
  }

  /** What is shown large: the newest of all. @returns {Offer | null} */
  get now() {
    return this.offers.at(-1) ?? null;
  }

  /** What came before, newest first. */
  get earlier() {
    return this.offers.slice(0, -1).reverse();
  }

  /** The newest call that is live, or else the one that ended last. @returns {Call | null} */
  get call() {
    const calls = [...this.calls.values()];
    return calls.filter(({ live }) => live).at(-1) ?? calls.at(-1) ?? null;
  }

  /** Whether an answer to `offer` is about this very offer: it is the last word of its alert. @param {Offer} offer */
  isLast(offer) {
    return this.offers.findLast(({ alert }) => alert === offer.alert) === offer;
  }

  /** Takes one event; returns the offer that is new with it, if one is. @param {any} event @returns {Offer | null} */
  take(event) {
    switch (event.type) {
      case "call.started": this.#begin(event); return null;
      case "call.ended": this.#end(event); return null;
      case "alert.answered": this.answered(event.alert_id, { answer: event.answer, note: event.note ?? "", at: event.answered_at }); return null;
      case "alert.raised":
        // An id that comes again stands for the newer alert.
        this.offers = this.offers.filter(({ alert }) => alert !== event.alert_id);
        this.answers.delete(event.alert_id);
        return this.#offer(event, false);
      case "alert.updated": return this.#update(event);
      case "alert.cleared": return this.#clear(event);
      default: return null;
    }
  }

  /** @param {string} alert @param {Answer} answer */
  answered(alert, answer) {
    this.answers.set(alert, answer);
  }

  /** @param {any} event */
  #begin(event) {
    // What ended before makes room; what still runs beside it stays.
    for (const [id, { live }] of this.calls) if (!live || id === event.call_id) this.calls.delete(id);
    this.offers = this.offers.filter(({ call }) => this.calls.has(call));
    this.calls.set(event.call_id, { id: event.call_id, language: event.language ?? "", live: true });
  }

  /** @param {any} event */
  #end(event) {
    const call = this.calls.get(event.call_id);
    if (call) call.live = false;
  }

  /** @param {any} event @param {boolean} over */
  #offer(event, over) {
    if (!this.calls.has(event.call_id)) this.calls.set(event.call_id, { id: event.call_id, language: "", live: true });
    const offer = {
      alert: event.alert_id, call: event.call_id, at_s: event.at_s, summary: event.summary, phrases: event.suggestions ?? [], over,
    };
    this.offers = [...this.offers, offer].slice(-MOST_OFFERS);
    return offer;
  }

  /** @param {any} event */
  #update(event) {
    const last = this.offers.findLast(({ alert }) => alert === event.alert_id);
    const phrases = event.suggestions ?? [];
    if (last && (!phrases.length || ids(phrases) === ids(last.phrases))) {
      last.summary = event.summary;
      return null;
    }
    return this.#offer(event, false);
  }

  /** @param {any} event */
  #clear(event) {
    for (const offer of this.offers) if (offer.alert === event.alert_id) offer.over = true;
    return event.suggestions?.length ? this.#offer(event, true) : null;
  }
}

/** @param {any[]} phrases */
const ids = (phrases) => phrases.map(({ id }) => id).join(" ");
