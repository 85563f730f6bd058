// The WebSocket to /v1/stream: opens it, sends what the timeline holds, opens it again when it breaks.

import { SoftphoneError } from "./softphone-errors.js";
import { eventOf, gapMessages, protocolsFor } from "./softphone-wire.js";

/** Errors after which the same request may succeed. */
const TRY_LATER = new Set([
  "overloaded", "shutting_down", "server_closing", "start_timeout", "too_slow", "rate_limited", "limit_reached", "internal",
]);
/** Close codes after which the same request fails again, unless the error said otherwise. */
const REFUSALS = new Set([1003, 1007, 1008, 1009]);
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** A socket that is not open, or takes nothing, for this long is given up. */
const STALLED_MS = 10_000;
/** Seconds of audio handed to the socket ahead of the network: what it holds cannot be dropped any more. */
const AHEAD_S = 2;
const PUMP_MS = 100;

/**
 * @typedef {'connecting' | 'streaming' | 'waiting' | 'stopping' | 'ended' | 'failed'} Phase
 * @typedef {{phase: Phase, resumedAtSeconds?: number, anew?: boolean, retryInSeconds?: number}} LinkState
 *
 * @typedef {object} LinkOptions
 * @property {string} url `ws:` or `wss:`.
 * @property {undefined | string | (() => string | Promise<string>)} token
 * @property {() => object} start Gives the start message.
 * @property {number} bytesPerSecond
 * @property {import("./softphone-timeline.js").Timeline} timeline
 * @property {(event: any) => void} onEvent Gets what the server says of the call.
 * @property {(error: SoftphoneError) => void} onError
 * @property {(state: LinkState) => void} onState
 */

export class Link {
  /** @type {WebSocket | null} */
  #socket = null;
  #opened = false;
  #started = false;
  #stopping = false;
  #stopSent = false;
  /** @type {any} */
  #ended = null;
  #over = false;
  #failures = 0;
  #furthest = -1;
  #buffered = 0;
  #movedAt = 0;
  /** @type {{code: string, message: string} | null} */
  #refused = null;
  /** @type {(event: any) => void} */
  #settle = () => {};
  /** @type {Phase} */
  #phase = "connecting";
  #retry = 0;
  #pump = 0;

  /** @param {LinkOptions} options */
  constructor(options) {
    this.#options = options;
    /** Resolves with `call.ended`, or null when it was not heard. @type {Promise<any>} */
    this.closed = new Promise((resolve) => (this.#settle = resolve));
  }

  #options;

  open() {
    this.#pump = setInterval(() => this.pump(), PUMP_MS);
    this.#connect();
  }

  /** Sends what waits, as far as the network takes it. */
  pump() {
    const socket = this.#socket;
    if (!socket || this.#over) return;
    const now = performance.now();
    if (socket.bufferedAmount < this.#buffered || (this.#started && socket.bufferedAmount === 0)) this.#movedAt = now;
    if (now - this.#movedAt > STALLED_MS) {
      this.#lost(socket, "the network takes nothing");
      return;
    }
    if (!this.#started) return;
    const { timeline, bytesPerSecond } = this.#options;
    while (socket.readyState === WebSocket.OPEN && socket.bufferedAmount < AHEAD_S * bytesPerSecond) {
      const item = timeline.next();
      if (!item) break;
      if ("audio" in item) socket.send(item.audio);
      else if ("text" in item) socket.send(item.text);
      else for (const message of gapMessages(item.gap)) socket.send(message);
    }
    this.#buffered = socket.bufferedAmount;
    if (this.#stopping && !this.#stopSent && timeline.isDrained && socket.readyState === WebSocket.OPEN) {
      socket.send('{"type":"stop"}');
      this.#stopSent = true;
    }
  }

  /**
   * Sends the rest and `stop`, and waits for the server to end the call.
   * @param {number} patienceMs After this long it is given up.
   */
  stop(patienceMs) {
    if (this.#over || this.#stopping) return this.closed;
    this.#stopping = true;
    this.#say({ phase: "stopping" });
    setTimeout(() => {
      if (this.#over) return;
      this.#tell("network", "the call was stopped, but the server did not say how it ended");
      this.#finish("ended");
    }, patienceMs);
    this.pump();
    return this.closed;
  }

  /** Ends it at once, without a word to the server. */
  abandon() {
    this.#finish("failed");
  }

  async #connect() {
    this.#say({ phase: "connecting" });
    let protocols;
    try {
      protocols = await protocolsFor(this.#options.token);
    } catch (reason) {
      if (reason instanceof SoftphoneError) this.#fail(reason);
      else this.#again("no token: the function that fetches it failed", "token", reason);
      return;
    }
    if (this.#over) return;
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new WebSocket(this.#options.url, protocols);
    } catch {
      // What the browser says may quote the address or a subprotocol, and so the token.
      this.#fail(new SoftphoneError("options", "url is not an address that this page may open a WebSocket to"));
      return;
    }
    this.#socket = socket;
    this.#started = false;
    this.#refused = null;
    this.#buffered = 0;
    this.#movedAt = performance.now();
    socket.binaryType = "arraybuffer";
    this.#opened = false;
    socket.onopen = () => {
      this.#opened = true;
      socket.send(JSON.stringify(this.#options.start()));
    };
    socket.onmessage = ({ data }) => this.#hear(socket, data);
    socket.onclose = ({ code, reason }) => this.#closed(socket, code, reason);
  }

  /** @param {WebSocket} socket @param {unknown} data */
  #hear(socket, data) {
    if (socket !== this.#socket) return;
    const message = eventOf(data);
    if (!message) {
      this.#tell("protocol", "the server sent something that is no event; it is ignored");
    } else if (message.type === "started") {
      this.#begin(message.resume_at_s);
    } else if (message.type === "error") {
      this.#refused = { code: String(message.code), message: String(message.message) };
    } else {
      if (message.type === "call.ended") this.#ended = message;
      this.#options.onEvent(message);
    }
  }

  /** @param {unknown} resumeAt */
  #begin(resumeAt) {
    if (typeof resumeAt !== "number" || !(resumeAt >= 0) || this.#started) {
      this.#tell("protocol", "the server's started message makes no sense; it is ignored");
      return;
    }
    this.#started = true;
    this.#movedAt = performance.now();
    const anew = this.#options.timeline.resume(resumeAt);
    if (anew || resumeAt > this.#furthest) this.#failures = 0; // the last connection led somewhere
    this.#furthest = resumeAt;
    this.#ended = null;
    this.#say({ phase: this.#stopping ? "stopping" : "streaming", resumedAtSeconds: resumeAt, anew });
    this.pump();
  }

  /** @param {WebSocket} socket @param {number} code @param {string} reason */
  #closed(socket, code, reason) {
    if (socket !== this.#socket || this.#over) return;
    const refused = this.#refused;
    const final = refused ? !TRY_LATER.has(refused.code) : REFUSALS.has(code);
    if (this.#ended && (this.#stopSent || this.#ended.reason === "stop")) this.#finish("ended");
    else if (final) this.#fail(new SoftphoneError(refused?.code ?? "refused", refused?.message ?? `closed with ${code} ${reason}`));
    // A browser does not say why a handshake failed.
    else if (!this.#opened) this.#lost(socket, "the server cannot be reached, or refuses this page or its token");
    else this.#lost(socket, refused?.message ?? (reason || `closed with ${code}`), refused?.code);
  }

  /** @param {WebSocket} socket @param {string} words @param {string} [code] */
  #lost(socket, words, code) {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#socket = null;
    this.#started = false;
    if (this.#stopSent) {
      // The server has the whole call, and another start of this name would be another call.
      this.#tell("network", `the call was stopped, but nobody heard how it ended: ${words}`);
      this.#finish("ended");
    } else {
      this.#again(words, code);
    }
  }

  /** @param {string} words @param {string} [code] @param {unknown} [cause] */
  #again(words, code = "network", cause) {
    if (this.#over) return;
    this.#failures += 1;
    // Full jitter: after a restart of the server a whole floor of softphones must not come back at once.
    const most = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(this.#failures - 1, 10));
    const waitMs = Math.random() * most;
    this.#tell(code, `no connection (${words}); trying again`, cause);
    this.#say({ phase: "waiting", retryInSeconds: waitMs / 1000 });
    this.#retry = setTimeout(() => this.#connect(), waitMs);
  }

  /** @param {SoftphoneError} error */
  #fail(error) {
    if (this.#over) return;
    this.#options.onError(error);
    this.#finish("failed");
  }

  /** @param {'ended' | 'failed'} phase */
  #finish(phase) {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#pump);
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) socket.close(1000);
    this.#settle(this.#ended);
    this.#say({ phase });
  }

  /** @param {string} code @param {string} message @param {unknown} [cause] */
  #tell(code, message, cause) {
    this.#options.onError(new SoftphoneError(code, message, cause));
  }

  /** @param {LinkState} state */
  #say(state) {
    // Once it is stopping it stays so, whatever the connection does, until it is over.
    if (this.#stopping && !this.#over && this.#phase === "stopping") return;
    this.#phase = state.phase;
    this.#options.onState(state);
  }
}
