// Which page the address asks for: the part after #, so that the server has nothing to know of it.

/** @typedef {{at: number | null, alert: string | null}} Moment Seconds of the call, or the alert whose beginning is meant. */

/** @param {string} hash @returns {{page: string, argument: string, moment: Moment}} */
export function readHash(hash) {
  const [path, ...queries] = hash.replace(/^#?\/?/, "").split("?");
  const [page, ...rest] = path.split("/");
  let argument = rest.join("/");
  try {
    argument = decodeURIComponent(argument);
  } catch (reason) {
    if (!(reason instanceof URIError)) throw reason;
  }
  const query = new URLSearchParams(queries.join("?"));
  const at = Number.parseFloat(query.get("t") ?? "");
  return { page: page || "wall", argument, moment: { at: Number.isFinite(at) && at >= 0 ? at : null, alert: query.get("alert") } };
}

/** @param {string} page @param {string} argument @param {Record<string, string | number>} moment `t` or `alert`. */
export function address(page, argument = "", moment = {}) {
  const query = new URLSearchParams(Object.entries(moment).map(([name, value]) => [name, String(value)])).toString();
  return `#/${page}${argument ? `/${encodeURIComponent(argument)}` : ""}${query && `?${query}`}`;
}
