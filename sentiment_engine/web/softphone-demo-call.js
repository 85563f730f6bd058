// A real call inside one page: two peer connections, each with a voice from a microphone or from the example call.

const EXAMPLE = "/web/example-call.flac";
const CHANNEL = { agent: 0, customer: 1 };
/** Where the example begins to heat up, less what a baseline needs to know the voices. */
export const NEAR_HEAT_S = 20;

/**
 * @typedef {'agent' | 'customer'} Party
 * @typedef {{agent: string, customer: string, from: number}} Voices `example`, or the id of a microphone; seconds
 *   of the example to leave out.
 */

export class DemoCall {
  /** @type {Record<Party, RTCPeerConnection>} */
  peers = { agent: new RTCPeerConnection(), customer: new RTCPeerConnection() };
  /** @type {Record<Party, MediaStreamTrack | undefined>} */
  #tracks = { agent: undefined, customer: undefined };
  /** @type {Partial<Record<Party, AnalyserNode>>} */
  #meters = {};
  #context = new AudioContext();
  #ears = [new Audio(), new Audio()];
  #held = false;
  #samples = new Float32Array(1024);

  /** @param {Voices} voices @param {() => void} onOver The example has come to its end. */
  async dial(voices, onOver) {
    const { agent, customer } = this.peers;
    agent.onicecandidate = ({ candidate }) => candidate && customer.addIceCandidate(candidate);
    customer.onicecandidate = ({ candidate }) => candidate && agent.addIceCandidate(candidate);
    const parties = /** @type {Party[]} */ (["agent", "customer"]);
    for (const party of parties) if (voices[party] !== "example") await this.#microphone(party, voices[party]);
    const played = parties.filter((party) => voices[party] === "example");
    if (played.length) await this.#example(played, voices.from, onOver);
    parties.forEach((party, at) => {
      const track = this.#tracks[party];
      if (track) this.peers[party].addTrack(track, new MediaStream([track]));
      // Each hears the other; both together when nobody sits at a microphone.
      this.peers[party].ontrack = ({ streams }) => {
        if (party === "customer" && !played.includes("agent")) return;
        this.#ears[at].srcObject = streams[0];
        this.#ears[at].play();
      };
    });
    await this.#negotiate();
  }

  /** @param {boolean} on */
  mute(on) {
    if (this.#tracks.agent) this.#tracks.agent.enabled = !on;
  }

  /** Holds as a telephone does, with another offer. @param {boolean} on */
  async hold(on) {
    this.#held = on;
    for (const transceiver of this.peers.agent.getTransceivers()) transceiver.direction = on ? "inactive" : "sendrecv";
    await this.#negotiate();
  }

  /** How loud a party is now, 0..1. @param {Party} party */
  level(party) {
    const meter = this.#meters[party];
    if (!meter || this.#held || !this.#tracks[party]?.enabled) return 0;
    meter.getFloatTimeDomainData(this.#samples);
    const rms = Math.sqrt(this.#samples.reduce((sum, x) => sum + x * x, 0) / this.#samples.length);
    return Math.max(0, Math.min(1, 1 + Math.log10(rms + 1e-6) / 2.5));
  }

  hangUp() {
    for (const peer of Object.values(this.peers)) peer.close();
    for (const track of Object.values(this.#tracks)) track?.stop();
    for (const ear of this.#ears) ear.srcObject = null;
    if (this.#context.state !== "closed") this.#context.close();
  }

  async #negotiate() {
    const { agent, customer } = this.peers;
    await agent.setLocalDescription(await agent.createOffer());
    await customer.setRemoteDescription(/** @type {RTCSessionDescription} */ (agent.localDescription));
    for (const transceiver of customer.getTransceivers()) {
      if (transceiver.direction !== "stopped") transceiver.direction = this.#held ? "inactive" : "sendrecv";
    }
    await customer.setLocalDescription(await customer.createAnswer());
    await agent.setRemoteDescription(/** @type {RTCSessionDescription} */ (customer.localDescription));
  }

  /** @param {Party} party @param {string} deviceId Empty for the system's own choice. */
  async #microphone(party, deviceId) {
    const audio = { echoCancellation: true, ...(deviceId && { deviceId: { exact: deviceId } }) };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    this.#tracks[party] = stream.getAudioTracks()[0];
    this.#measure(party, this.#context.createMediaStreamSource(stream));
  }

  /** @param {Party[]} parties @param {number} from @param {() => void} onOver */
  async #example(parties, from, onOver) {
    const response = await fetch(EXAMPLE);
    if (!response.ok) throw new Error(`${EXAMPLE}: ${response.status}`);
    const source = this.#context.createBufferSource();
    source.buffer = await this.#context.decodeAudioData(await response.arrayBuffer());
    const split = this.#context.createChannelSplitter(2);
    source.connect(split);
    for (const party of parties) {
      const voice = this.#context.createGain();
      const line = this.#context.createMediaStreamDestination();
      split.connect(voice, CHANNEL[party]);
      voice.connect(line);
      this.#measure(party, voice);
      this.#tracks[party] = line.stream.getAudioTracks()[0];
    }
    source.onended = onOver;
    await this.#context.resume();
    source.start(0, from);
  }

  /** @param {Party} party @param {AudioNode} voice */
  #measure(party, voice) {
    const meter = this.#context.createAnalyser();
    meter.fftSize = 2 * this.#samples.length;
    voice.connect(meter);
    this.#meters[party] = meter;
  }
}
