"""What pages say, in English and Chinese. Chinese stands for every language whose tag begins with ``zh``."""

from collections.abc import Mapping, Sequence
from functools import cache

from sentiment_engine.report import words_en, words_zh
from sentiment_engine.report.markup import UNSHOWN


class Words:
    """The words of one language."""

    def __init__(self, tag: str, texts: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> None:
        self.tag = tag
        self._texts, self._lists = texts, lists

    def __call__(self, key: str, **values: object) -> str:
        """The text for ``key``, with ``values`` in its places."""
        said = self._texts[key]
        return said.format(**values) if values else said

    def name(self, family: str, value: str) -> str:
        """What a value of the vocabulary is called; one that is not in it is shown as it is.

        Args:
            family: ``cause``, ``kind``, ``party`` ...
            value: As in an event.
        """
        return self._texts.get(f"{family}.{value}", UNSHOWN.sub("\ufffd", value.replace("_", " ")))

    def each(self, key: str) -> Sequence[str]:
        """The sentences of a list."""
        return self._lists[key]


@cache
def words_of(language: str) -> Words:
    """The words for a call's language, a BCP 47 tag."""
    if language.lower().startswith("zh"):
        return Words("zh-CN", words_zh.TEXTS, words_zh.LISTS)
    return Words("en", words_en.TEXTS, words_en.LISTS)


def clock(seconds: float) -> str:
    """Media time as ``m:ss``, or ``h:mm:ss`` from an hour on."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
