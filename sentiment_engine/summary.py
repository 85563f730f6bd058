"""One plain sentence about an alert, in the call's language."""

from collections.abc import Sequence

from sentiment_engine.events import Cause

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
