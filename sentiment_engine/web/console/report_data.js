// The calendar of reports: days as this browser's clock counts them. No DOM.

/** The time zone of this browser, for a server that counts days. */
export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** The day of a moment as this browser's clock counts it. @param {string} time RFC 3339 */
export function dayOf(time) {
  const moment = new Date(time);
  return [moment.getFullYear(), moment.getMonth() + 1, moment.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** Each day of the calendar from one to the other, both included. @param {string} first @param {string} last 2026-01-31 */
export function daysBetween(first, last) {
  const days = [first];
  const moment = new Date(`${first}T12:00:00`); // no clock is put forward or back at noon
  while (days[days.length - 1] < last) {
    moment.setDate(moment.getDate() + 1);
    days.push(dayOf(moment.toISOString()));
  }
  return days;
}
