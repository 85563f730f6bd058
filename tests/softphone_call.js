// A softphone as small as one can be: two peer connections in one page, a microphone and a far end from a file.

export async function call({ far, video = false }) {
  const agent = new RTCPeerConnection();
  const customer = new RTCPeerConnection();
  agent.onicecandidate = ({ candidate }) => candidate && customer.addIceCandidate(candidate);
  customer.onicecandidate = ({ candidate }) => candidate && agent.addIceCandidate(candidate);
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: plain, video });
  for (const track of microphone.getTracks()) agent.addTrack(track, microphone);
  const context = new AudioContext();
  const source = context.createBufferSource();
  source.buffer = await context.decodeAudioData(await (await fetch(far)).arrayBuffer());
  source.loop = true;
  const line = context.createMediaStreamDestination();
  source.connect(line);
  source.start();
  for (const track of line.stream.getTracks()) customer.addTrack(track, line.stream);

  async function negotiate() {
    await agent.setLocalDescription(await agent.createOffer());
    await customer.setRemoteDescription(agent.localDescription);
    await customer.setLocalDescription(await customer.createAnswer());
    await agent.setRemoteDescription(customer.localDescription);
  }
  return { agent, customer, microphone, line, negotiate };
}

/** attach() with everything it says kept in lists that a test can read. */
export function listen(attach, peer, options, tension = false) {
  const said = { alerts: [], tensions: [], states: [], errors: [] };
  const softphone = attach(peer, {
    onAlert: (alert) => said.alerts.push(alert),
    onState: (state) => said.states.push(state),
    onError: ({ name, code, message }) => said.errors.push({ name, code, message }),
    ...(tension && { onTension: (tick) => said.tensions.push(tick) }),
    ...options,
  });
  return { said, softphone };
}
