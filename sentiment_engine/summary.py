"""One plain sentence about an alert, in the call's language."""

from collections.abc import Mapping, Sequence

from sentiment_engine.events import Cause, Party, QualityReason

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
        "agent_anger": "坐席语气激动",
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
    "zh-CN": {"agent": "坐席", "customer": "客户", "mixed": "通话"},
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
