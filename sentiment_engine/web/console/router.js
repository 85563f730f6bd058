// Which page the address asks for: the part after #, so that the server has nothing to know of it.

/** @param {string} hash @returns {{page: string, argument: string}} */
export function readHash(hash) {
  const [page, ...rest] = hash.replace(/^#?\/?/, "").split("/");
  let argument = rest.join("/");
  try {
    argument = decodeURIComponent(argument);
  } catch (reason) {
    if (!(reason instanceof URIError)) throw reason;
  }
  return { page: page || "wall", argument };
}

/** @param {string} page @param {string} argument */
export const address = (page, argument = "") => `#/${page}${argument ? `/${encodeURIComponent(argument)}` : ""}`;
