// The texts of the agent's page, in two languages; what it shares with the console has the console's words.

import { currentLanguage, t } from "../console/language.js";

/** @type {Record<string, Record<string, string>>} */
export const AGENT_WORDS = {
  en: {
    title: "Phrases for you",
    signInText: "Sign in with your own token: one in your name, with the role ingest.",
    forbidden: "This token is not an agent's. Use one with the role ingest; supervisors use the console.",
    signedInAs: "Signed in as {name}",
    everybody: "This server has no tokens, so it knows no agents: the phrases of all calls are shown.",
    say: "You can say",
    do: "For yourself, not to be read out",
    chosen: "Why this phrase",
    noPhrase: "No phrase for this moment. Take your time.",
    calmer: "The call is calmer now",
    over: "This call has ended",
    at: "{t} into the call",
    callLive: "Call {call}",
    callEnded: "Call {call}, ended",
    listening: "Listening",
    listeningText: "When a phrase may help, it appears here.",
    idle: "No call at the moment",
    idleText: "When your next call begins, this page follows it by itself.",
    earlier: "Earlier",
    answer: "Was it of use?",
    helped: "It helped",
    did_not_help: "It did not help",
    does_not_fit: "It does not fit",
    answerNote: "Supervisors can read your answer. Nothing here ranks or compares people.",
    note: "Note, if you like; supervisors can read it",
    keepNote: "Keep note",
    kept: "Kept at {time}. You can change it.",
    answered: "Your answer: {answer}",
    cannotKeep: "This server keeps nothing, so answers cannot be kept.",
    newPhrase: "New phrase. {text}",
  },
  "zh-CN": {
    title: "给您的话术",
    signInText: "请使用您自己的令牌登录：以您的名字命名、角色为 ingest。",
    forbidden: "这不是坐席的令牌。请使用 ingest 角色的令牌；主管请使用控制台。",
    signedInAs: "已登录：{name}",
    everybody: "此服务器没有令牌，无法区分坐席，因此显示所有通话的话术。",
    say: "您可以这样说",
    do: "给您自己的提示，请勿念出",
    chosen: "为什么是这句话",
    noPhrase: "此刻没有合适的话术。请慢慢来。",
    calmer: "通话已经缓和",
    over: "本次通话已结束",
    at: "通话进行到 {t}",
    callLive: "通话 {call}",
    callEnded: "通话 {call}，已结束",
    listening: "正在聆听",
    listeningText: "需要时，话术会出现在这里。",
    idle: "目前没有通话",
    idleText: "下一通电话开始后，此页面会自动跟进。",
    earlier: "之前",
    answer: "对您有用吗？",
    helped: "有帮助",
    did_not_help: "没有帮助",
    does_not_fit: "不合适",
    answerNote: "主管可以看到您的反馈。这里不对任何人排名或比较。",
    note: "备注（可选，主管可以看到）",
    keepNote: "保存备注",
    kept: "已于 {time} 保存，可以修改。",
    answered: "您的反馈：{answer}",
    cannotKeep: "此服务器不保存任何内容，因此无法保存反馈。",
    newPhrase: "新的话术。{text}",
  },
};

/**
 * The text of `key`, with `{name}` filled in: this page's own, or the console's.
 * @param {string} key @param {Record<string, string | number>} values
 */
export function say(key, values = {}) {
  const own = AGENT_WORDS[currentLanguage()][key];
  if (own === undefined) return t(key, values);
  return own.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}
