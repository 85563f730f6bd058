"""One plain sentence about an alert, in the call's language. What was observed is a cue, never a verdict."""

from collections.abc import Mapping, Sequence

from sentiment_engine.events import Cause, Party, QualityReason
from sentiment_engine.flagged import FlagKind

WORDS: dict[str, dict[Cause, str]] = {
    "en": {
        "customer_anger": "the customer sounds angry",
        "agent_anger": "the agent sounds angry",
        "anger": "someone on the line sounds angry",
        "customer_distress": "the customer sounds distressed",
        "mutual_escalation": "each heats the other",
        "overlap": "both talk at once",
        "interruptions": "they interrupt each other",
        "raised_voice": "a voice is raised",
        "silence": "there is a long silence",
        "words": "there was risky wording",
    },
    "zh-CN": {
        "customer_anger": "客户语气激动",
        "agent_anger": "座席语气激动",
        "anger": "通话中有人语气激动",
        "customer_distress": "客户听起来很难受",
        "mutual_escalation": "双方情绪互相升级",
        "overlap": "双方同时说话",
        "interruptions": "双方互相打断",
        "raised_voice": "有人提高了嗓门",
        "silence": "长时间沉默",
        "words": "出现了有风险的用语",
    },
}

PARTIES: dict[str, dict[Party, str]] = {
    "en": {"agent": "the agent", "customer": "the customer", "mixed": "the call"},
    "zh-CN": {"agent": "座席", "customer": "客户", "mixed": "通话"},
}
REASONS: dict[str, dict[QualityReason, str]] = {
    "en": {
        "noise": "noise",
        "clipping": "clipped sound",
        "loss": "lost sound",
        "little_speech": "too little speech",
        "same_voice_on_both": "the same sound on both channels",
        "channels_swapped?": "channels that may be swapped",
    },
    "zh-CN": {
        "noise": "噪声",
        "clipping": "声音削波",
        "loss": "声音丢失",
        "little_speech": "说话太少",
        "same_voice_on_both": "两个声道声音相同",
        "channels_swapped?": "声道可能接反",
    },
}


def sentence(causes: Sequence[Cause], seconds: float, language: str) -> str:
    """The two strongest causes (strongest first) and, from a second on, how long tension has been high."""
    if language.lower().startswith("zh"):
        what = "，".join(WORDS["zh-CN"][cause] for cause in causes[:2]) or "通话紧张"
        return f"{what}；紧张已持续 {seconds:.0f} 秒。" if seconds >= 1 else f"{what}。"
    what = " and ".join(WORDS["en"][cause] for cause in causes[:2]) or "the call is tense"
    what = f"{what[0].upper()}{what[1:]}"
    return f"{what}; tension has been high for {seconds:.0f} s." if seconds >= 1 else f"{what}."


def cleared_sentence(level: float, seconds: float, tense: bool, language: str) -> str:
    """How an alert ended, ``seconds`` after tension first rose; ``tense``: only because the call ended."""
    if language.lower().startswith("zh"):
        return (
            f"通话结束时仍然紧张（{level:.2f}）。"
            if tense
            else f"通话已平静下来，紧张共持续 {seconds:.0f} 秒。"
        )
    if tense:
        return f"The call ended while it was still tense ({level:.2f})."
    return f"The call has calmed down; it was tense for {seconds:.0f} s."


NAMES: dict[str, dict[str, str]] = {
    "en": {
        "attempts_per_day": "attempts today",
        "conversations_per_day": "conversations today",
        "calls_per_7_days": "calls in seven days",
        "days_after_conversation": "too few days since the last conversation",
    },
    "zh-CN": {
        "attempts_per_day": "当日拨打次数",
        "conversations_per_day": "当日有效通话次数",
        "calls_per_7_days": "七日内通话次数",
        "days_after_conversation": "距上次通话天数不足",
    },
}
"""What limits are called; categories of words bring their own names."""

RAISED: dict[str, dict[FlagKind, str]] = {
    "en": {
        "vulnerability": "The customer may need care ({names}): a cue to be checked by ear.",
        "words": "Possibly prohibited wording by the agent ({names}): a cue to be checked by ear.",
        "customer_words": "The customer may have said: {names}; a cue to be checked by ear.",
        "outside_hours": "By the clock that was sent, the person called is outside permitted hours.",
        "contact_limit": "By the counters that were sent, this call is over a limit: {names}.",
        "missing_notice": "Not heard at the start of the call: {names}; to be checked by ear.",
    },
    "zh-CN": {
        "vulnerability": "客户可能需要关怀（{names}）：仅为线索，请听录音核对。",
        "words": "座席疑似使用不当用语（{names}）：仅为线索，请听录音核对。",
        "customer_words": "客户可能提到：{names}；仅为线索，请听录音核对。",
        "outside_hours": "按传入的时间，对方当地处于非允许联系时段。",
        "contact_limit": "按传入的计数，本次通话超出限制：{names}。",
        "missing_notice": "通话开始阶段未听到：{names}；请听录音核对。",
    },
}

UNNAMED: dict[str, str] = {
    "en": "Possibly risky wording on the line ({names}): a cue to be checked by ear.",
    "zh-CN": "通话中疑似出现有风险的用语（{names}）：仅为线索，请听录音核对。",
}
"""Of words on a mixed channel, where nobody can be named."""

CLEARED: dict[str, dict[FlagKind, str]] = {
    "en": {
        "vulnerability": "No further cue that the customer may need care; what was said still counts.",
        "words": "No further cue of prohibited wording.",
        "customer_words": "No further cue from the customer.",
        "outside_hours": "Permitted hours have begun.",
        "contact_limit": "The limits hold again.",
        "missing_notice": "The missing notice may have been given now.",
    },
    "zh-CN": {
        "vulnerability": "未再出现需要关怀的线索；已说过的仍须重视。",
        "words": "未再出现不当用语的线索。",
        "customer_words": "客户未再提到。",
        "outside_hours": "已进入允许联系时段。",
        "contact_limit": "已恢复在限制之内。",
        "missing_notice": "此前缺少的告知可能已经补上。",
    },
}


def flag_sentence(kind: FlagKind, names: Sequence[str], unnamed: bool, language: str) -> str:
    """What was observed.

    Args:
        kind: Of the alert.
        names: What it is about, in words of the language; ids of limits are put into words here.
        unnamed: Whether it rests on words of which nobody knows who said them.
        language: BCP 47 tag of the call.
    """
    spoken, comma = ("zh-CN", "、") if language.lower().startswith("zh") else ("en", ", ")
    said = UNNAMED[spoken] if unnamed else RAISED[spoken][kind]
    return said.format(names=comma.join(NAMES[spoken].get(name, name) for name in names))


def flag_cleared_sentence(kind: FlagKind, ended: bool, language: str) -> str:
    """How an alert on what was observed ended; ``ended``: only because the call did."""
    chinese = language.lower().startswith("zh")
    if ended:
        return "通话结束，提醒随之关闭。" if chinese else "The call ended, and this alert with it."
    return CLEARED["zh-CN" if chinese else "en"][kind]


def cannot_judge_sentence(parties: Mapping[Party, Sequence[QualityReason]], language: str) -> str:
    """Whose voice does not count at the moment and why, to follow another sentence; empty when all count."""
    chinese = language.lower().startswith("zh")
    names, words = PARTIES["zh-CN" if chinese else "en"], REASONS["zh-CN" if chinese else "en"]
    said = ""
    for party, reasons in parties.items():
        why = ("、" if chinese else ", ").join(words[reason] for reason in reasons)
        name = names[party]
        said += f"无法判断{name}（{why}）。" if chinese else f" {name.capitalize()} cannot be judged: {why}."
    return said
