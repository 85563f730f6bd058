// Puts the tension monitor behind a browser softphone: attach(peerConnection, options), and phrases come back.
// No dependencies; its siblings softphone-*.js must lie beside it. docs/softphone.md shows how to use it.

import { guarded, SoftphoneError } from "./softphone-errors.js";
import { Link } from "./softphone-link.js";
import { Tap } from "./softphone-tap.js";
import { Timeline } from "./softphone-timeline.js";
import { streamUrl } from "./softphone-wire.js";

export { SoftphoneError };

const FRAME_S = 0.12;
const STOP_PATIENCE_MS = 10_000;
/** The engine listens at 8 kHz; 16 kHz is for one that will not. */
const RATES = [8000, 16000];

/**
 * @typedef {object} Suggestion One phrase, as in an alert of the server.
 * @property {string} id
 * @property {string} text
 * @property {string} language
 * @property {'agent'} audience
 * @property {string} technique
 * @property {'say' | 'do'} mode `say`: words for the customer. `do`: for the agent alone, never read aloud.
 * @property {string} rule Why it was chosen.
 *
 * @typedef {object} Alert `alert.raised`, `alert.updated` or `alert.cleared`; further fields as in the protocol.
 * @property {'alert.raised' | 'alert.updated' | 'alert.cleared'} type
 * @property {string} call_id
 * @property {string} alert_id The same from raised to cleared.
 * @property {string} kind
 * @property {'notice' | 'warning' | 'critical'} severity
 * @property {number} level Tension, 0..1.
 * @property {number} at_s Seconds of the call's media clock.
 * @property {number} since_s
 * @property {Record<string, number>} causes
 * @property {string} summary One plain sentence.
 * @property {Suggestion[]} suggestions Those for the agent, best first; may be empty.
 *
 * @typedef {object} Tension `tension.updated`, once a second; further fields as in the protocol.
 * @property {number} at_s
 * @property {number} level 0..1.
 * @property {Record<string, number>} causes
 *
 * @typedef {object} State
 * @property {'connecting' | 'streaming' | 'waiting' | 'stopping' | 'ended' | 'failed'} phase `waiting`: for the next
 *   try to connect. After `ended` and `failed` nothing follows.
 * @property {string} audio `running`, or why nothing is heard: `suspended` until the user has touched the page,
 *   `interrupted`, `closed`.
 * @property {boolean} agent Whether the agent's side is being heard; not while the call is on hold.
 * @property {boolean} customer
 * @property {number} [resumedAtSeconds] Of the media clock, where the connection took the call up.
 * @property {boolean} [anew] The server had lost the call: it begins again, and open alerts will not be cleared.
 * @property {number} [retryInSeconds]
 *
 * @typedef {object} Options
 * @property {string} url `wss://HOST/v1/stream`; may be relative to the page.
 * @property {string | (() => string | Promise<string>)} [token] Or what fetches one, before each connection.
 * @property {string} callId Your own id of the call, unique in the deployment.
 * @property {string} [language] BCP 47; the server's own choice if absent.
 * @property {'facts' | 'negotiation' | 'notice' | 'general'} [stage] Of the conversation.
 * @property {object} [context] Case metadata, as the protocol's start takes it.
 * @property {(alert: Alert) => void} onAlert
 * @property {(tension: Tension) => void} [onTension] The server is asked for tension only when this is given.
 * @property {(state: State) => void} [onState]
 * @property {(error: SoftphoneError) => void} [onError] Everything that fails. The console, if absent.
 * @property {8000 | 16000} [sampleRate] Of the stream, Hz.
 * @property {number} [bufferSeconds] Audio kept for a server that is away or a network that is slow.
 * @property {string | URL} [workletUrl] Where softphone-worklet.js lies, if not beside this file.
 * @property {AudioContext} [audioContext] Used instead of one of our own; it is neither resumed nor closed.
 */

/**
 * Streams both directions of a call and calls back with phrases, until {@link Softphone.detach} or until the peer
 * connection is closed. May be called before the call has tracks. Never throws, and never touches the call.
 * @param {RTCPeerConnection} peerConnection
 * @param {Options} options
 * @returns {Softphone}
 */
export function attach(peerConnection, options) {
  return new Softphone(peerConnection, options);
}

/** What {@link attach} returns. */
export class Softphone {
  /** @type {Timeline | null} */
  #timeline = null;
  /** @type {Link | null} */
  #link = null;
  /** @type {Tap | null} */
  #tap = null;
  /** @type {import("./softphone-link.js").LinkState} */
  #linkState = { phase: "connecting" };
  /** @type {string | undefined} */
  #stage;

  /** @param {RTCPeerConnection} peerConnection @param {Options} options */
  constructor(peerConnection, options) {
    this.#onState = guarded(options?.onState);
    this.#onError = guarded(options?.onError ?? ((error) => console.error("softphone:", error)));
    try {
      this.#begin(peerConnection, options);
    } catch (reason) {
      const known = reason instanceof SoftphoneError;
      queueMicrotask(() => {
        this.#onError(known ? reason : new SoftphoneError("options", "attach was given something unusable", reason));
        this.#hear({ phase: "failed" });
      });
    }
  }

  #onState;
  #onError;

  /** How it stands. @returns {State} */
  get state() {
    const { agent, customer } = this.#tap?.parties ?? { agent: false, customer: false };
    return { ...this.#linkState, audio: this.#tap?.audio ?? "closed", agent, customer };
  }

  /** Seconds of the call's media clock; what the times of {@link transcript} are counted on. */
  get clockSeconds() {
    return this.#timeline?.endSeconds ?? 0;
  }

  /** The conversation has moved on. @param {'facts' | 'negotiation' | 'notice' | 'general'} stage */
  setStage(stage) {
    this.#stage = stage;
    this.#send({ type: "stage", stage });
  }

  /**
   * Words that a recogniser of yours heard.
   * @param {{party: 'agent' | 'customer', text: string, start_s: number, end_s: number}} said
   */
  transcript({ party, text, start_s, end_s }) {
    this.#send({ type: "transcript", party, text, start_s, end_s });
  }

  /**
   * Stops listening, sends the rest, and waits up to ten seconds for the server to end the call.
   * @returns {Promise<any>} The server's `call.ended`, or null when it was not heard.
   */
  detach() {
    this.#tap?.close();
    return this.#link?.stop(STOP_PATIENCE_MS) ?? Promise.resolve(null);
  }

  /** @param {RTCPeerConnection} peer @param {Options} options */
  #begin(peer, options) {
    const { callId, language, context, onAlert, onTension, sampleRate = RATES[0], bufferSeconds = 30 } = options;
    const wrong = (/** @type {string} */ what) => new SoftphoneError("options", what);
    if (typeof peer?.getTransceivers !== "function") throw wrong("the first argument must be an RTCPeerConnection");
    if (typeof callId !== "string" || !callId) throw wrong("callId must be your own id of the call, a string");
    if (typeof onAlert !== "function") throw wrong("onAlert must be a function: it is given the phrases");
    if (!RATES.includes(sampleRate)) throw wrong(`sampleRate must be one of ${RATES.join(", ")}`);
    if (!(bufferSeconds >= 1 && bufferSeconds <= 300)) throw wrong("bufferSeconds must lie in 1..300");
    this.#stage = options.stage;
    const alert = guarded(onAlert);
    const tension = guarded(onTension);
    const timeline = (this.#timeline = new Timeline(sampleRate, bufferSeconds));
    const link = (this.#link = new Link({
      url: streamUrl(options.url),
      token: options.token,
      bytesPerSecond: 4 * sampleRate,
      timeline,
      start: () => ({
        type: "start",
        call_id: callId,
        encoding: "pcm_s16le",
        sample_rate: sampleRate,
        channels: ["agent", "customer"],
        language,
        stage: this.#stage,
        context,
        send: onTension ? ["tension"] : undefined,
      }),
      onEvent: (event) => {
        if (event.type === "tension.updated") tension(event);
        else if (event.type.startsWith("alert.")) alert(forAgent(event));
      },
      onError: this.#onError,
      onState: (state) => this.#hear(state),
    }));
    const tap = (this.#tap = new Tap(peer, {
      audioContext: options.audioContext,
      workletUrl: options.workletUrl ?? new URL("./softphone-worklet.js", import.meta.url),
      rate: sampleRate,
      frameSamples: FRAME_S * sampleRate,
      onFrame: (frame) => {
        timeline.audio(frame);
        link.pump();
      },
      onMissing: (seconds) => timeline.gap(seconds, "paused"),
      onChange: () => this.#onState(this.state),
      onHangUp: () => void this.detach(),
      onError: this.#onError,
    }));
    queueMicrotask(() => link.open()); // no callback comes before attach has returned
    tap.open().catch((error) => {
      this.#onError(error);
      link.abandon(); // without ears there is no call to tell of
    });
  }

  /** @param {object} message */
  #send(message) {
    this.#timeline?.text(JSON.stringify(message));
    this.#link?.pump();
  }

  /** @param {import("./softphone-link.js").LinkState} state */
  #hear(state) {
    this.#linkState = state;
    if (state.phase === "ended" || state.phase === "failed") this.#tap?.close();
    this.#onState(this.state);
  }
}

/** @param {any} event @returns {Alert} */
function forAgent(event) {
  const offered = Array.isArray(event.suggestions) ? event.suggestions : [];
  return { ...event, suggestions: offered.filter((/** @type {any} */ one) => one?.audience === "agent") };
}
