// The words of /v1/stream that a browser has to choose: subprotocols, start, gap.

import { SoftphoneError } from "./softphone-errors.js";

export const MARKER = "sentiment-engine.v1";
/** What RFC 6455 lets a subprotocol consist of. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** The server takes an hour at most in one message. */
const LONGEST_GAP_S = 3600;

/**
 * The subprotocols to offer, in which a browser hides its token; it cannot set a header. A browser fails a
 * connection whose offers the server answers with none, so without a token none is offered.
 * @param {undefined | string | (() => string | Promise<string>)} token
 * @returns {Promise<string[]>}
 * @throws {SoftphoneError} `token`: it cannot be used. Its value is in no message.
 */
export async function protocolsFor(token) {
  if (token === undefined) return [];
  const value = typeof token === "function" ? await token() : token;
  if (typeof value !== "string" || !TOKEN.test(value)) {
    throw new SoftphoneError("token", "the token is empty or holds a character that a subprotocol may not have");
  }
  return [MARKER, `token.${value}`];
}

/**
 * The messages for time without audio, an hour at most in each.
 * @param {{seconds: number, reason: string}} gap
 */
export function* gapMessages({ seconds, reason }) {
  for (let left = seconds; left > 0; left -= LONGEST_GAP_S) {
    yield JSON.stringify({ type: "gap", seconds: Math.min(left, LONGEST_GAP_S), reason });
  }
}

/**
 * What a text frame of the server says, or null when it is no event.
 * @param {unknown} data
 * @returns {{type: string, [field: string]: any} | null}
 */
export function eventOf(data) {
  let value;
  try {
    value = JSON.parse(String(data));
  } catch {
    return null;
  }
  return typeof value?.type === "string" ? value : null;
}

/**
 * `url` as a WebSocket address: relative to the page, http(s) as ws(s).
 * @param {unknown} url
 * @throws {SoftphoneError} `options`: it is none.
 */
export function streamUrl(url) {
  let address;
  try {
    address = new URL(String(url ?? ""), location.href);
  } catch {
    address = null;
  }
  if (address) address.protocol = address.protocol.replace(/^http/, "ws");
  if (!url || !address || !/^wss?:$/.test(address.protocol) || address.username || address.password || address.hash) {
    throw new SoftphoneError("options", "url must be the address of a stream, such as wss://HOST/v1/stream");
  }
  return address.href;
}
