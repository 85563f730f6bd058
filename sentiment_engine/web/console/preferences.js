// What this browser remembers: language and appearance for good, the token until the tab is closed.

const TOKEN = "sentiment-engine.token";

/** Storage may be forbidden altogether; then a choice lasts as long as the page. */
const kept = new Map();

/** @param {() => Storage} storage @param {string} name */
function read(storage, name) {
  try {
    return storage().getItem(name) ?? kept.get(name) ?? "";
  } catch (reason) {
    if (!(reason instanceof DOMException)) throw reason;
    return kept.get(name) ?? "";
  }
}

/** @param {() => Storage} storage @param {string} name @param {string} value */
function write(storage, name, value) {
  kept.set(name, value);
  try {
    if (value) storage().setItem(name, value);
    else storage().removeItem(name);
  } catch (reason) {
    if (!(reason instanceof DOMException)) throw reason;
  }
}

const forGood = () => localStorage;
const thisTab = () => sessionStorage;

export const token = { get: () => read(thisTab, TOKEN), set: (/** @type {string} */ value) => write(thisTab, TOKEN, value) };

/** @param {"language" | "theme" | "density" | "sound"} name */
export const preference = (name) => read(forGood, `sentiment-engine.${name}`);
/** @param {"language" | "theme" | "density" | "sound"} name @param {string} value */
export const prefer = (name, value) => write(forGood, `sentiment-engine.${name}`, value);
