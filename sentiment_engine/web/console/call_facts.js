// A call in words: its facts, and what happened in it, a line each.

import { h } from "./dom.js";
import { clock, hundredths, named, number, t, when } from "./language.js";
import { address } from "./router.js";

/** @param {import("./call_data.js").CallData} data */
export function facts(data) {
  const { started, ended } = data;
  const summary = ended?.summary;
  const shares = (/** @type {Record<string, number>} */ of) =>
    Object.entries(of).map(([party, share]) => `${named("party", party)} ${t("percent", { n: number(100 * share) })}`).join(", ");
  const rows = [
    [t("state"), ended ? named("end", ended.reason) : t("now")],
    started.started_at && [t("began"), when(started.started_at)],
    [t("duration"), clock(data.end_s)],
    [t("stage"), named("stage", started.stage)],
    [t("language_"), started.language],
    started.profile && [t("profile"), started.profile.toUpperCase()],
    ...Object.keys(started.refused ?? {}).map((party) => [t("notJudged"), named("party", party)]),
    summary && [t("peak"), hundredths(summary.peak)],
    summary && [t("mean"), hundredths(summary.mean)],
    summary && [t("secondsAbove"), t("seconds", { n: number(summary.seconds_above) })],
    summary && [t("talkShare"), shares(summary.talk_share)],
    summary && [t("overlap"), t("percent", { n: number(100 * summary.overlap_ratio, 1) })],
    summary && [t("interruptions"), String(summary.interruptions)],
    summary && [t("longestSilence"), t("seconds", { n: number(summary.longest_silence_s, 1) })],
    ...[...data.quality.values()].map((event) => [t("quality"), `${t("qualityOf", { party: named("party", event.party), n: hundredths(event.quality) })}: ${complaints(event)}`]),
  ].filter(Boolean);
  return h("section", { class: "card" }, h("dl", { class: "facts" },
    ...rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
}

/** @param {any} event `quality.changed` */
const complaints = ({ reasons }) => reasons.map((/** @type {string} */ reason) => named("quality", reason)).join(", ") || t("allWell");

/** @param {any} event One of the story. */
export function storyLine(event) {
  const at_s = (event.type === "alert.raised" ? event.since_s : event.start_s) ?? event.at_s;
  const time = h("time", {}, clock(at_s));
  return h("li", { class: event.type.replace(".", "-") }, h("a", { href: address("call", event.call_id, { t: at_s }) }, time), h("span", {}, told(event)));
}

/** @param {any} event */
function told(event) {
  switch (event.type) {
    case "call.started": return `${t("began")}: ${named("stage", event.stage)}, ${event.language}`;
    case "call.ended": return `${t("ended")}: ${named("end", event.reason)}`;
    case "audio.gap": return `${named("party", event.party)}: ${named("gap", event.reason)}, ${t("seconds", { n: number(event.end_s - event.start_s, 1) })}`;
    case "quality.changed": return `${t("quality")}. ${t("qualityOf", { party: named("party", event.party), n: hundredths(event.quality) })}: ${complaints(event)}`;
    case "alert.acknowledged": return event.by ? t("seenBy", { name: event.by, time: when(event.acknowledged_at) }) : t("seenAt", { time: when(event.acknowledged_at) });
    case "alert.answered": return [t(event.by ? "answeredBy" : "answeredAt", { answer: named("answer", event.answer), name: event.by, time: when(event.answered_at) }), event.note].filter(Boolean).join(". ");
    case "alert.assigned": return [event.to === null ? t("unassigned") : t("assignedTo", { name: event.to }), event.by, when(event.assigned_at)].filter(Boolean).join(", ");
    case "alert.reviewed":
    case "call.reviewed": return t("reviewedBy", { role: named("review_role", event.role), decision: named("decision", event.decision), reason: named("reason", event.reason), name: event.by, time: when(event.reviewed_at) });
    case "alert.cleared": return `${t("cleared")}. ${event.summary}`;
    default: return `${named("severity", event.severity)}. ${event.summary}`;
  }
}
