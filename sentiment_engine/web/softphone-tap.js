// Listens in on a peer connection: both directions through one AudioWorklet, whatever becomes of the tracks.

import { SoftphoneError, wordsOf } from "./softphone-errors.js";

/** Which directions of a transceiver carry a party, seen from the agent's side. */
const CARRIES = { agent: ["sendrecv", "sendonly"], customer: ["sendrecv", "recvonly"] };
/** @type {('agent' | 'customer')[]} The order of the worklet's inputs and of the stream's channels. */
export const PARTIES = ["agent", "customer"];
const LOOK_EVERY_MS = 500;
/** Missing time is told once there is so much of it: less is the jitter of two clocks. */
const LEAST_MISSING_S = 1;
/** After these a track may have come, gone or changed its direction. */
const CHANGES = ["track", "signalingstatechange", "connectionstatechange"];
const GESTURES = ["pointerdown", "keydown"];

/**
 * @typedef {object} TapOptions
 * @property {AudioContext} [audioContext] Used instead of one of our own; it is neither resumed nor closed.
 * @property {string | URL} workletUrl
 * @property {number} rate Of the frames, Hz.
 * @property {number} frameSamples
 * @property {(frame: Int16Array<ArrayBuffer>) => void} onFrame
 * @property {(seconds: number) => void} onMissing Time passed in which the audio stood still.
 * @property {() => void} onChange One of the public properties changed.
 * @property {() => void} onHangUp The peer connection was closed.
 * @property {(error: SoftphoneError) => void} onError
 *
 * @typedef {{node: MediaStreamAudioSourceNode, pull: HTMLAudioElement | null}} Wire
 */

export class Tap {
  /** @type {Record<'agent' | 'customer', Map<MediaStreamTrack, Wire>>} */
  #wires = { agent: new Map(), customer: new Map() };
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {AudioWorkletNode | null} */
  #node = null;
  #timer = 0;
  #open = false;
  #missing = 0;
  #wallAt = 0;
  #audioAt = 0;
  #look = () => this.#follow();
  #wake = () => this.#resume();

  /** @param {RTCPeerConnection} peerConnection @param {TapOptions} options */
  constructor(peerConnection, options) {
    this.#peer = peerConnection;
    this.#options = options;
  }

  #peer;
  #options;

  /** @returns {Record<'agent' | 'customer', boolean>} Whether a track of each party is being heard. */
  get parties() {
    return { agent: this.#wires.agent.size > 0, customer: this.#wires.customer.size > 0 };
  }

  /** `running`, or why nothing is heard: `suspended` until the user has touched the page, `interrupted`, `closed`. */
  get audio() {
    return this.#open ? String(this.#context?.state ?? "suspended") : "closed";
  }

  /** Begins to listen. @throws {SoftphoneError} `audio`: this page cannot. */
  async open() {
    this.#open = true;
    try {
      const context = (this.#context = this.#options.audioContext ?? new AudioContext({ latencyHint: "playback" }));
      if (!context.audioWorklet) throw new Error("it needs a page from https, or from this machine");
      await context.audioWorklet.addModule(String(this.#options.workletUrl));
      if (!this.#open) return;
      const { rate, frameSamples } = this.#options;
      this.#node = new AudioWorkletNode(context, "sentiment-engine-tap", {
        numberOfInputs: 2,
        numberOfOutputs: 1,
        channelCount: 1,
        channelCountMode: "explicit", // whatever a track has is mixed to one channel
        processorOptions: { rate, frameSamples },
      });
    } catch (reason) {
      if (!this.#open) return; // closed meanwhile, and nobody waits for it
      this.close();
      throw new SoftphoneError("audio", `the call cannot be listened to: ${wordsOf(reason)}`);
    }
    const context = this.#context;
    this.#node.onprocessorerror = () => {
      this.#options.onError(new SoftphoneError("audio", "the worklet failed; nothing is heard any more"));
    };
    this.#node.port.onmessage = ({ data }) => this.#options.onFrame(data);
    this.#node.connect(context.destination); // its output is silence, but only what leads somewhere is run
    context.addEventListener("statechange", this.#options.onChange);
    for (const name of CHANGES) this.#peer.addEventListener(name, this.#look);
    for (const name of GESTURES) document.addEventListener(name, this.#wake, { capture: true, passive: true });
    this.#wallAt = performance.now();
    this.#audioAt = context.currentTime;
    // replaceTrack and a negotiated hold fire no event.
    this.#timer = setInterval(() => this.#tick(), LOOK_EVERY_MS);
    this.#follow();
    this.#resume();
  }

  /** Ends it; the tracks are left as they are. */
  close() {
    if (!this.#open) return;
    this.#open = false;
    clearInterval(this.#timer);
    for (const name of CHANGES) this.#peer.removeEventListener(name, this.#look);
    for (const name of GESTURES) document.removeEventListener(name, this.#wake, { capture: true });
    for (const party of PARTIES) for (const track of [...this.#wires[party].keys()]) this.#drop(party, track);
    this.#node?.port.postMessage("close");
    this.#node?.disconnect();
    if (this.#node) this.#node.port.onmessage = null;
    this.#context?.removeEventListener("statechange", this.#options.onChange);
    if (this.#context && this.#context !== this.#options.audioContext) {
      this.#context.close().catch(() => {}); // it is closed already
    }
  }

  #tick() {
    this.#follow();
    this.#resume();
    const context = this.#context;
    if (!this.#open || !context) return;
    // Audio stands still while the context is suspended, the machine sleeps or the sound device changes. The call
    // goes on meanwhile, and so must its clock.
    const wallAt = performance.now();
    const audioAt = context.currentTime;
    this.#missing += (wallAt - this.#wallAt) / 1000 - (audioAt - this.#audioAt);
    this.#wallAt = wallAt;
    this.#audioAt = audioAt;
    if (this.#missing >= LEAST_MISSING_S) {
      this.#options.onMissing(this.#missing);
      this.#missing = 0;
    }
  }

  #resume() {
    const context = this.#context;
    if (!this.#open || !context || context === this.#options.audioContext) return;
    if (context.state !== "running" && context.state !== "closed") {
      // Refused until the user has touched the page; `audio` says so, and the next tick or touch tries again.
      context.resume().catch(() => {});
    }
  }

  #follow() {
    if (!this.#open) return;
    if (this.#peer.signalingState === "closed") {
      this.#options.onHangUp();
      return;
    }
    const before = JSON.stringify(this.parties);
    for (const party of PARTIES) {
      const wanted = this.#tracks(party);
      for (const track of [...this.#wires[party].keys()]) if (!wanted.has(track)) this.#drop(party, track);
      for (const track of wanted) if (!this.#wires[party].has(track)) this.#add(party, track);
    }
    if (JSON.stringify(this.parties) !== before) this.#options.onChange();
  }

  /**
   * The tracks that the other side of the call hears, or is heard on: not those of a call on hold, for what the
   * agent says meanwhile is not said to the customer.
   * @param {'agent' | 'customer'} party
   */
  #tracks(party) {
    /** @type {Set<MediaStreamTrack>} */
    const tracks = new Set();
    for (const { currentDirection, sender, receiver } of this.#peer.getTransceivers()) {
      const { track } = party === "agent" ? sender : receiver;
      const carried = currentDirection !== null && CARRIES[party].includes(currentDirection);
      if (carried && track?.kind === "audio" && track.readyState === "live") tracks.add(track);
    }
    return tracks;
  }

  /** @param {'agent' | 'customer'} party @param {MediaStreamTrack} track */
  #add(party, track) {
    const context = this.#context;
    const node = this.#node;
    if (!context || !node) return;
    const stream = new MediaStream([track]);
    try {
      const source = context.createMediaStreamSource(stream);
      source.connect(node, 0, PARTIES.indexOf(party));
      // Chromium gives WebAudio nothing of a remote track that no media element plays.
      const pull = party === "customer" ? new Audio() : null;
      if (pull) {
        pull.muted = true;
        pull.srcObject = stream;
        pull.play().catch((reason) => {
          if (!this.#wires.customer.has(track)) return; // taken away before it began
          this.#options.onError(new SoftphoneError("audio", `the customer may not be heard: ${wordsOf(reason)}`));
        });
      }
      this.#wires[party].set(track, { node: source, pull });
    } catch (reason) {
      this.#options.onError(new SoftphoneError("audio", `the ${party} cannot be heard: ${wordsOf(reason)}`));
    }
  }

  /** @param {'agent' | 'customer'} party @param {MediaStreamTrack} track */
  #drop(party, track) {
    const wire = this.#wires[party].get(track);
    this.#wires[party].delete(track);
    wire?.node.disconnect();
    if (wire?.pull) {
      wire.pull.pause();
      wire.pull.srcObject = null;
    }
  }
}
