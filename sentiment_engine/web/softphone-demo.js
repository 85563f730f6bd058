// The demo page: a call, a softphone attached to it, and what comes back.

import { attach } from "./softphone.js";
import { DemoCall, NEAR_HEAT_S } from "./softphone-demo-call.js";
import { clockText, Overlay } from "./softphone-demo-overlay.js";
import { NAMES } from "./console/names.js";
import { WORDS } from "./softphone-demo-words.js";

const TREND_S = 60;
/** Contributions on the logit scale: under the first not worth a word, over the second what matters most. */
const CAUSE_SEEN = 0.15;
const CAUSE_STRONG = 0.8;
/** Where the words for the level change; the alert itself is the server's decision. */
const MOODS = /** @type {[number, string][]} */ ([[0.66, "heated"], [0.33, "tense"], [0, "calm"]]);
const DETACHED_MS = 12_000;

/** @param {string} id @returns {any} */
const $ = (id) => document.getElementById(id);

let words = WORDS.en;
let status = "idle";
/** @type {DemoCall | null} */
let call = null;
/** @type {import("./softphone.js").Softphone | null} */
let softphone = null;
/** @type {import("./softphone.js").Tension | null} */
let tension = null;
/** @type {number[]} */
let trend = [];
/** @type {import("./softphone.js").Alert[]} */
let history = [];
let began = 0;
const overlay = new Overlay(() => words, () => $("language").value === "zh-CN");

// -- words

function translate() {
  words = WORDS[$("language").value] ?? WORDS.en;
  document.documentElement.lang = $("language").value;
  document.title = words.title;
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-text]"))) {
    element.textContent = words[element.dataset.text ?? ""];
  }
  press("mute", $("mute").getAttribute("aria-pressed") === "true");
  press("hold", $("hold").getAttribute("aria-pressed") === "true");
  listVoices();
  drawStatus();
  drawTension();
  drawHistory();
  overlay.draw();
}

/** @param {'mute' | 'hold'} id @param {boolean} on */
function press(id, on) {
  $(id).setAttribute("aria-pressed", String(on));
  $(id).textContent = words[on ? { mute: "unmute", hold: "resume" }[id] : id];
}

async function listVoices() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  const microphones = devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId !== "default");
  for (const id of ["agent-voice", "customer-voice"]) {
    const chosen = $(id).value; // the page begins with the example: nobody's microphone opens by being quick
    const named = microphones.filter(({ deviceId }) => deviceId);
    const options = [new Option(words.example, "example"), new Option(words.microphone, "")];
    options.push(...named.map(({ label, deviceId }) => new Option(label || words.microphone, deviceId)));
    $(id).replaceChildren(...options);
    $(id).value = options.some(({ value }) => value === chosen) ? chosen : "example";
  }
}

// -- the call

async function start() {
  busy(true);
  problem("");
  overlay.hide();
  trend = [];
  history = [];
  tension = null;
  drawTension();
  drawHistory();
  setStatus("dialling");
  call = new DemoCall();
  const voices = {
    agent: $("agent-voice").value,
    customer: $("customer-voice").value,
    from: $("near").checked ? NEAR_HEAT_S : 0,
  };
  try {
    // Attached before there is a single track, as a softphone would when its phone rings.
    softphone = attach(call.peers.agent, {
      url: "/v1/stream",
      token: $("token").value || undefined,
      callId: `softphone-demo-${Math.random().toString(36).slice(2, 10)}`,
      language: $("language").value,
      stage: $("stage").value,
      onAlert,
      onTension,
      onState,
      onError: (error) => problem(error.message),
    });
    await call.dial(voices, hangUp);
  } catch (reason) {
    problem(reason instanceof Error ? reason.message : String(reason));
    hangUp();
    return;
  }
  began = performance.now();
  listVoices(); // once a microphone is allowed, all have names
}

async function hangUp() {
  const [line, monitor] = [call, softphone];
  if (!line) return;
  call = softphone = null;
  for (const id of ["hang-up", "mute", "hold"]) $(id).disabled = true;
  const ended = monitor?.detach();
  line.hangUp();
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, DETACHED_MS))]);
  busy(false);
}

/** @param {boolean} on */
function busy(on) {
  $("start").disabled = $("voices").disabled = on;
  for (const id of ["hang-up", "mute", "hold"]) $(id).disabled = !on;
  press("mute", false);
  press("hold", false);
}

/** @param {string} text */
function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

// -- what comes back

/** @param {import("./softphone.js").State} state */
function onState(state) {
  if (state.phase === "streaming") problem("");
  if (state.anew) overlay.hide(); // the server that raised it will not clear it
  const held = $("hold").getAttribute("aria-pressed") === "true";
  setStatus(state.phase === "streaming" && held ? "held" : state.phase);
}

/** @param {import("./softphone.js").Alert} alert */
function onAlert(alert) {
  overlay.show(alert);
  history.push(alert);
  drawHistory();
  if (tension) {
    tension = { ...tension, level: alert.level, causes: alert.causes }; // it may come before the second is over
    drawTension();
  }
}

/** @param {import("./softphone.js").Tension} tick */
function onTension(tick) {
  tension = tick;
  trend = [...trend, tick.level].slice(-TREND_S);
  drawTension();
}

/** @param {string} name */
function setStatus(name) {
  status = name;
  drawStatus();
}

function drawStatus() {
  $("status").textContent = words[status];
  $("status").className = status;
}

function drawTension() {
  const level = tension?.level ?? 0;
  const percent = Math.round(100 * level);
  const [, mood] = MOODS.find(([from]) => level >= from) ?? MOODS[2];
  $("level").textContent = String(percent);
  $("bar").className = $("level").className = tension ? mood : "";
  $("bar").setAttribute("aria-valuenow", String(percent));
  $("bar").setAttribute("aria-valuetext", `${percent}, ${words[mood]}`);
  $("fill").style.transform = `scaleX(${level})`;
  $("mood").textContent = tension ? words[mood] : "";
  $("mood").className = `mood ${mood}`;
  const first = TREND_S - trend.length;
  const points = trend.map((value, at) => `${first + at + 1},${(20 - 19 * value).toFixed(2)}`);
  $("line").setAttribute("points", points.join(" "));
  $("area").setAttribute("d", points.length ? `M${first + 1},20 L${points.join(" L")} L${TREND_S},20 Z` : "");
  const chinese = Number($("language").value === "zh-CN");
  const causes = Object.entries(tension?.causes ?? {}).filter(([, value]) => value >= CAUSE_SEEN);
  causes.sort(([, one], [, other]) => other - one);
  $("causes").replaceChildren(
    ...causes.map(([name, value]) => item(NAMES.cause[name]?.[chinese] ?? name, value >= CAUSE_STRONG ? "strong" : "")),
    ...(causes.length ? [] : [item(words.nothing, "none")]),
  );
}

function drawHistory() {
  $("history").replaceChildren(
    ...history.map((alert) => {
      const cleared = alert.type === "alert.cleared";
      const severity = cleared ? words.cleared : words[alert.severity === "notice" ? "notice_" : alert.severity];
      const text = cleared ? words.clearedText : alert.summary;
      const line = item(words.raised.replace("{s}", severity).replace("{t}", () => text), "");
      const time = document.createElement("time");
      time.textContent = clockText(alert.at_s);
      line.prepend(time, " ");
      return line;
    }),
    ...(history.length ? [] : [item(words.empty, "none")]),
  );
}

/** @param {string} text @param {string} className */
function item(text, className) {
  return Object.assign(document.createElement("li"), { textContent: text, className });
}

function animate() {
  $("meter-agent").style.width = `${100 * (call?.level("agent") ?? 0)}%`;
  $("meter-customer").style.width = `${100 * (call?.level("customer") ?? 0)}%`;
  if (call && began) $("clock").textContent = clockText((performance.now() - began) / 1000);
  requestAnimationFrame(animate);
}

// -- the page

$("start").onclick = start;
$("hang-up").onclick = hangUp;
$("mute").onclick = () => {
  const on = $("mute").getAttribute("aria-pressed") !== "true";
  call?.mute(on);
  press("mute", on);
};
$("hold").onclick = async () => {
  const on = $("hold").getAttribute("aria-pressed") !== "true";
  press("hold", on);
  await call?.hold(on);
  if (softphone) onState(softphone.state);
};
$("stage").onchange = () => softphone?.setStage($("stage").value);
$("language").onchange = translate;
$("theme").onchange = () => {
  document.documentElement.dataset.theme = $("theme").value;
};
$("language").value = navigator.language.startsWith("zh") ? "zh-CN" : "en";
translate();
requestAnimationFrame(animate);
