// The feed as a client reads it: every event once, in order, across broken connections. No DOM in here.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** Close codes after which the same request fails again. */
const REFUSED = 1008;
const BAD_QUERY = 1007;

/**
 * @typedef {"connecting" | "live" | "waiting" | "stopped"} FeedState
 * @typedef {object} FeedOptions
 * @property {string} url `ws:` or `wss:`, without a query.
 * @property {string} token Sent as a subprotocol, never in the address; may be empty.
 * @property {Record<string, string>} [query] `types` and `calls`, as the feed takes them.
 * @property {string | null} since A cursor, "0" for the oldest there is, null for what is new.
 * @property {(event: any, envelope: any) => void} onEvent Gets each event once.
 * @property {(state: FeedState) => void} onState
 * @property {() => void} onGap Events were forgotten by the server: whoever keeps a picture must load it anew.
 * @property {(url: string, protocols: string[]) => any} [connect] For tests.
 * @property {(act: () => void, ms: number) => any} [later] For tests.
 */

export class Feed {
  #socket = /** @type {any} */ (null);
  #cursor = /** @type {string | null} */ (null);
  #failures = 0;
  #stopped = false;
  #timer = /** @type {any} */ (0);

  /** @param {FeedOptions} options */
  constructor(options) {
    this.#options = {
      connect: (/** @type {string} */ url, /** @type {string[]} */ protocols) => new WebSocket(url, protocols),
      later: (/** @type {() => void} */ act, /** @type {number} */ ms) => setTimeout(act, ms),
      ...options,
    };
    this.#cursor = options.since;
  }

  #options;

  /** The newest event that was given out; what a reload resumes from. */
  get cursor() {
    return this.#cursor;
  }

  open() {
    if (this.#stopped) return;
    const { url, token, query, connect, onState } = this.#options;
    onState(this.#failures ? "waiting" : "connecting");
    const protocols = ["cloudevents.json", ...(token ? [`token.${token}`] : [])];
    const asked = new URLSearchParams({ ...query, ...(this.#cursor === null ? {} : { since: this.#cursor }) });
    const socket = connect(asked.size ? `${url}?${asked}` : url, protocols);
    this.#socket = socket;
    socket.onopen = () => onState("live");
    socket.onmessage = (/** @type {{data: string}} */ { data }) => this.#heard(data);
    socket.onclose = (/** @type {{code: number}} */ { code }) => this.#lost(socket, code);
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#options.onState("stopped");
  }

  /** @param {string} text */
  #heard(text) {
    const envelope = JSON.parse(text);
    // At least once: after a break the server may repeat what was given out already. Cursors are 20 digits.
    if (this.#cursor !== null && this.#cursor.length === envelope.sequence.length && envelope.sequence <= this.#cursor) return;
    this.#cursor = envelope.sequence;
    this.#failures = 0;
    this.#options.onEvent(envelope.data, envelope);
  }

  /** @param {any} socket @param {number} code */
  #lost(socket, code) {
    if (this.#stopped || socket !== this.#socket) return;
    const { onState, onGap, later } = this.#options;
    if (code === BAD_QUERY) {
      this.#stopped = true;
      onState("stopped");
      return;
    }
    if (code === REFUSED) {
      this.#cursor = null;
      onGap();
    }
    this.#failures += 1;
    onState("waiting");
    // Half of it by chance, or all consoles come back to a restarted server at once.
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#failures - 1));
    this.#timer = later(() => this.open(), wait * (0.5 + Math.random() / 2));
  }
}
