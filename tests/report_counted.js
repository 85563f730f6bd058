// How the console counted calls and alerts itself, before the server did: what the server says is held against it.

/** @param {number[]} values */
export function median(values) {
  if (!values.length) return null;
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The day of a moment as this browser's clock counts it. @param {string} time RFC 3339 */
export function dayOf(time) {
  const moment = new Date(time);
  return [moment.getFullYear(), moment.getMonth() + 1, moment.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** @template T @param {T[]} rows @param {(row: T) => string} key @returns {Map<string, T[]>} */
function grouped(rows, key) {
  /** @type {Map<string, T[]>} */
  const groups = new Map();
  for (const row of rows) {
    const name = key(row);
    const group = groups.get(name);
    if (group) group.push(row);
    else groups.set(name, [row]);
  }
  return groups;
}

/** @param {any[]} calls */
function sum(calls) {
  const ended = calls.filter(({ ended }) => ended);
  return {
    calls: calls.length,
    withAlerts: calls.filter(({ alerts }) => alerts > 0).length,
    alerts: calls.reduce((all, { alerts }) => all + alerts, 0),
    peak: median(ended.map(({ ended: { summary } }) => summary.peak)),
    secondsAbove: ended.reduce((all, { ended: { summary } }) => all + summary.seconds_above, 0),
  };
}

/** The cause that gave most; empty where there was none. @param {Record<string, number>} causes */
const leading = (causes) => Object.entries(causes).reduce((best, one) => (one[1] > best[1] ? one : best), ["", 0])[0];

/**
 * @param {any[]} calls Rows of GET /v1/calls.
 * @param {any[]} alerts Rows of GET /v1/alerts, of the same calls.
 */
export function report(calls, alerts) {
  const ofTension = alerts.filter(({ event }) => leading(event.causes));
  const effects = calls.flatMap(({ ended }) => ended?.summary.effects ?? []);
  return {
    ...sum(calls),
    seen: alerts.filter(({ acknowledged }) => acknowledged).length,
    alertRows: alerts.length,
    byDay: [...grouped(calls, ({ started_at }) => dayOf(started_at))].sort(([a], [b]) => (a < b ? -1 : 1)).map(([day, rows]) => ({ day, ...sum(rows) })),
    byStage: [...grouped(calls, ({ stage }) => stage)].map(([stage, rows]) => ({ stage, ...sum(rows) })).sort((a, b) => b.calls - a.calls),
    byCause: [...grouped(ofTension, ({ event }) => leading(event.causes))]
      .map(([cause, rows]) => ({ cause, alerts: rows.length, share: rows.length / ofTension.length }))
      .sort((a, b) => b.alerts - a.alerts),
    byPhrase: [...grouped(effects, ({ id }) => id)]
      .map(([id, rows]) => ({
        id,
        shown: rows.length,
        change: median(rows.map(({ level, level_after }) => level_after - level)) ?? 0,
        fell: rows.filter(({ level, level_after }) => level_after < level).length / rows.length,
      }))
      .sort((a, b) => Number(a.id !== "") - Number(b.id !== "") || b.shown - a.shown),
  };
}
