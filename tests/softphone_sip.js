// Two user agents of one SIP library in one page, and a call between them; the agent's is listened to.
// Each returns {peer, hold(on), hangUp()} of the agent's side.

async function voices({ far }) {
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: plain });
  const context = new AudioContext();
  const source = context.createBufferSource();
  source.buffer = await context.decodeAudioData(await (await fetch(far)).arrayBuffer());
  source.loop = true;
  const line = context.createMediaStreamDestination();
  source.connect(line);
  source.start();
  return [microphone, line.stream];
}

export async function jssip({ far, sip, onPeer }) {
  const { default: JsSIP } = await import("/jssip.bundle.js");
  const [microphone, line] = await voices({ far });
  const [agent, customer] = ["agent", "customer"].map(
    (name) => new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(sip)], uri: `sip:${name}@softphone.test`, register: false,
    }),
  );
  const connected = [agent, customer].map((one) => new Promise((done) => one.once("connected", done)));
  customer.on("newRTCSession", ({ session }) => session.answer({ mediaStream: line, pcConfig: { iceServers: [] } }));
  // As in docs/softphone.md.
  agent.on("newRTCSession", ({ session }) => {
    if (session.connection) onPeer(session.connection);
    else session.on("peerconnection", ({ peerconnection }) => onPeer(peerconnection));
  });
  agent.start();
  customer.start();
  await Promise.all(connected);
  const session = agent.call("sip:customer@softphone.test", { mediaStream: microphone, pcConfig: { iceServers: [] } });
  await new Promise((done, failed) => {
    session.on("confirmed", done);
    session.on("failed", ({ cause }) => failed(new Error(cause)));
  });
  return {
    hold: (on) => new Promise((done) => (on ? session.hold({}, done) : session.unhold({}, done))),
    hangUp: () => session.terminate(),
  };
}

export async function sipjs({ far, sip, onPeer }) {
  const { Inviter, SessionState, UserAgent, Web } = await import("/sipjs.bundle.js");
  const streams = await voices({ far });
  const [agent, customer] = ["agent", "customer"].map(
    (name, at) => new UserAgent({
      uri: UserAgent.makeURI(`sip:${name}@softphone.test`),
      transportOptions: { server: sip },
      logLevel: "error",
      sessionDescriptionHandlerFactory: Web.defaultSessionDescriptionHandlerFactory(async () => streams[at]),
      sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] } },
      delegate: { onInvite: (invitation) => invitation.accept() },
    }),
  );
  await Promise.all([agent.start(), customer.start()]);
  const session = new Inviter(agent, UserAgent.makeURI("sip:customer@softphone.test"));
  const established = new Promise((done, failed) => {
    session.stateChange.addListener((state) => {
      if (state === SessionState.Established) {
        onPeer(session.sessionDescriptionHandler.peerConnection); // as in docs/softphone.md
        done();
      } else if (state === SessionState.Terminated) {
        failed(new Error("terminated"));
      }
    });
  });
  await session.invite();
  await established;
  return {
    hold: (on) => new Promise((done) => {
      session.sessionDescriptionHandlerOptionsReInvite = { hold: on };
      session.invite({ requestDelegate: { onAccept: done } });
    }),
    hangUp: () => session.bye(),
  };
}
