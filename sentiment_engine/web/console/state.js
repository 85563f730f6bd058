// The picture of all that is live: calls with their last minutes, alerts with what is known of them. No DOM in here.

/** Seconds of the curves that the wall keeps of each call. */
export const KEPT_S = 120;
const ALERTS = new Set(["alert.raised", "alert.updated", "alert.cleared", "alert.acknowledged", "alert.answered", "alert.assigned"]);
const ENDED_KEPT = 4000;
/** Level from which a call counts as heated, and as tense: colours only; alerts have thresholds of their own. */
export const HEATED = 0.66;
export const TENSE = 0.33;

/** @param {number} level */
export const mood = (level) => (level >= HEATED ? "heated" : level >= TENSE ? "tense" : "calm");

/**
 * @typedef {object} LiveCall
 * @property {string} id
 * @property {any} started `call.started`, or null when its start is not known.
 * @property {number} at_s Media time of the newest tick.
 * @property {number} level
 * @property {any} tick The newest `tension.updated`, or null.
 * @property {{at: number, level: number, agent: number | null, customer: number | null}[]} points
 *
 * @typedef {object} AlertState
 * @property {string} id
 * @property {string} call
 * @property {any} event The newest that was said of it.
 * @property {boolean} open
 * @property {any[]} suggestions The newest that were offered; an alert that has cleared names none itself.
 * @property {{by: string, at: string} | null} seen
 * @property {{by: string, answer: string, note: string, at: string} | null} answered The agent's newest answer.
 * @property {{to: string, by: string, at: string} | null} assigned Who sees to it.
 * @property {string} assignedAt When the feed has last told of that; empty if it has not.
 * @property {string} raisedAt RFC 3339
 */

export class State {
  /** @type {Map<string, LiveCall>} */
  calls = new Map();
  /** @type {Map<string, AlertState>} */
  alerts = new Map();
  /** Calls that have ended: their late events open nothing again. @type {Set<string>} */
  #ended = new Set();
  /** @type {Set<string>} */
  changedCalls = new Set();
  alertsChanged = false;

  /** @param {number} alertsKept */
  constructor(alertsKept = 500) {
    this.#alertsKept = alertsKept;
  }

  #alertsKept;
  /** Rows that somebody has asked for, which push nothing out and are not pushed out. */
  #asked = 0;

  clear() {
    this.#asked = 0;
    this.calls.clear();
    this.alerts.clear();
    this.#ended.clear();
    this.changedCalls.clear();
    this.alertsChanged = true;
  }

  /** Takes one event; returns the alert that it raised, if it did. @param {any} event @param {string} time RFC 3339 */
  apply(event, time) {
    const { type, call_id: id } = event;
    if (type === "call.started") this.#ended.delete(id);
    else if (type === "call.ended") {
      this.#ended.add(id);
      if (this.#ended.size > ENDED_KEPT) for (const oldest of [...this.#ended].slice(0, ENDED_KEPT / 2)) this.#ended.delete(oldest);
      this.calls.delete(id);
      this.changedCalls.add(id);
    }
    if (ALERTS.has(type)) return this.#alert(event, time);
    // Only what a live call says makes it live: a review, say, comes long after its end.
    if (!["call.started", "tension.updated"].includes(type) || this.#ended.has(id)) return null;
    const call = this.#call(id);
    if (type === "call.started") call.started = event;
    else tick(call, event);
    this.changedCalls.add(id);
    return null;
  }

  /** A row of GET /v1/calls that is live. @param {any} row */
  addCall(row) {
    if (!row.live || this.#ended.has(row.call_id)) return;
    const call = this.#call(row.call_id);
    call.started ??= row.started;
    this.changedCalls.add(row.call_id);
  }

  /** A row of GET /v1/alerts; what the feed has said already is as new or newer. @param {any} row */
  addAlert(row) {
    const known = this.alerts.get(row.alert_id);
    if (!known) this.#asked += 1;
    this.alerts.set(row.alert_id, {
      id: row.alert_id,
      call: row.call_id,
      event: known?.event ?? row.event,
      open: known?.open ?? row.open,
      suggestions: known?.suggestions.length ? known.suggestions : row.event.suggestions ?? [],
      seen: row.acknowledged ?? known?.seen ?? null,
      answered: known?.answered ?? row.answered ?? null,
      assigned: known?.assignedAt && (row.assigned?.at ?? "") <= known.assignedAt ? known.assigned : row.assigned ?? null,
      assignedAt: known?.assignedAt ?? "",
      raisedAt: row.raised_at,
    });
    this.alertsChanged = true;
  }

  /** What an earlier event of an alert offered. @param {any} event */
  recall(event) {
    const alert = this.alerts.get(event.alert_id);
    if (!alert || !event.suggestions?.length || alert.open) return;
    alert.suggestions = event.suggestions;
    this.alertsChanged = true;
  }

  /** Earlier points of a call's curve, oldest first. @param {string} id @param {any[]} ticks */
  addPast(id, ticks) {
    const call = this.calls.get(id);
    if (!call) return;
    const first = call.points[0]?.at ?? Infinity;
    call.points = [...ticks.map(pointOf).filter(({ at }) => at < first), ...call.points];
    if (!call.tick && ticks.length) tick(call, ticks[ticks.length - 1]);
    trim(call);
    this.changedCalls.add(id);
  }

  /** Alerts of a call that are open, the worst first. @param {string} id */
  openOf(id) {
    return [...this.alerts.values()].filter((alert) => alert.open && alert.call === id).sort(byUrgency);
  }

  /** @param {string} id @returns {LiveCall} */
  #call(id) {
    let call = this.calls.get(id);
    if (!call) {
      call = { id, started: null, at_s: 0, level: 0, tick: null, points: [] };
      this.calls.set(id, call);
    }
    return call;
  }

  /** @param {any} event @param {string} time */
  #alert(event, time) {
    this.alertsChanged = true;
    this.changedCalls.add(event.call_id);
    const known = this.alerts.get(event.alert_id);
    if (event.type === "alert.acknowledged") {
      if (known) known.seen ??= { by: event.by, at: event.acknowledged_at };
      return null;
    }
    if (event.type === "alert.answered") {
      if (known) known.answered = { by: event.by, answer: event.answer, note: event.note ?? "", at: event.answered_at };
      return null;
    }
    if (event.type === "alert.assigned") {
      const { to, by, assigned_at: at } = event;
      if (known) Object.assign(known, { assigned: to === null ? null : { to, by, at }, assignedAt: at });
      return null;
    }
    const open = event.type !== "alert.cleared";
    if (known) {
      Object.assign(known, { event, open, suggestions: event.suggestions?.length ? event.suggestions : known.suggestions });
      return null;
    }
    const raised = { id: event.alert_id, call: event.call_id, event, open, suggestions: event.suggestions ?? [], seen: null, answered: null, assigned: null, assignedAt: "", raisedAt: time };
    this.alerts.set(raised.id, raised);
    this.#forget();
    return event.type === "alert.raised" ? raised : null;
  }

  /** Forgets the oldest that have cleared. */
  #forget() {
    const tooMany = this.alerts.size - this.#alertsKept - this.#asked;
    if (tooMany <= 0) return;
    const cleared = [...this.alerts.values()].filter(({ open }) => !open);
    cleared.sort((one, other) => (one.raisedAt < other.raisedAt ? -1 : one.raisedAt > other.raisedAt ? 1 : 0));
    for (const { id } of cleared.slice(0, tooMany)) this.alerts.delete(id);
  }
}

const RANK = { critical: 0, warning: 1, notice: 2 };

/** Open before cleared, severe before slight, new before old. @param {AlertState} one @param {AlertState} other */
export function byUrgency(one, other) {
  const rank = (/** @type {AlertState} */ alert) => RANK[/** @type {keyof RANK} */ (alert.event.severity)] ?? 3;
  return (
    Number(other.open) - Number(one.open) ||
    (one.open ? rank(one) - rank(other) : 0) ||
    (one.raisedAt < other.raisedAt ? 1 : one.raisedAt > other.raisedAt ? -1 : 0)
  );
}

/** @param {any} event */
function pointOf({ at_s, level, agent, customer, mixed }) {
  return { at: at_s, level, agent: agent ?? null, customer: customer ?? mixed ?? null };
}

/** @param {LiveCall} call @param {any} event */
function tick(call, event) {
  call.tick = event;
  call.level = event.level;
  call.at_s = event.at_s;
  if (event.at_s > (call.points.at(-1)?.at ?? -1)) call.points.push(pointOf(event));
  trim(call);
}

/** @param {LiveCall} call */
function trim(call) {
  const oldest = call.at_s - KEPT_S;
  let old = 0;
  while (old < call.points.length && call.points[old].at < oldest) old += 1;
  if (old > 20 || call.points.length > 2 * KEPT_S) call.points.splice(0, old);
}
