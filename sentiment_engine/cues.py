"""Cues: categories of risky, telling or obligatory words, and how they are found in a text.

One automaton (Aho & Corasick 1975) over tokens finds every cue and every negation of every language in one
pass, so time is linear in the text whatever it holds. A match is a lead for a person to check by ear, never
a verdict.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from sentiment_engine.errors import BadSettings
from sentiment_engine.events import Severity
from sentiment_engine.tokens import Tokens, tokens_of

Kind = Literal["flag", "vulnerability", "notice"]

LONGEST_CUE = 24
"""Tokens."""
MOST_CUES = 5000
"""In one file: all are held in one automaton, which every call shares."""
REACH = 4
"""Tokens between a negation and the cue it may deny."""

_NEGATIONS = """
不会 不能 不可 不应 不该 不许 不准 不得 不要 不用 不必 不敢 不再 不是 不打算 没说 没有说 没有要 没要 没打算
从没 从来没 从不 从来不 绝不 并不 并没 别 禁止 not never nobody cannot without don't doesn't didn't won't
wouldn't can't couldn't shouldn't isn't aren't wasn't
"""
_BREAKS = "我 就 那 否 但 but or and then so i we you he she they if unless"
NEGATIONS = (*_NEGATIONS.split(), "no one")
NO_NEGATIONS = ("不得不", "不能不", "不会不", "别人", "别的", "特别", "分别", "个别", "级别", "not only")
"""Phrases that hold a negation and deny nothing."""
BREAKS = frozenset(_BREAKS.split())
"""Between a negation and a cue, these begin another clause: "you don't pay, so we …" denies nothing."""


class Category(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One category of cues; the head of ``flags.yaml`` explains the fields."""

    category: str
    speaker: Literal["agent", "customer"]
    severity: Severity = "notice"
    kind: Kind | None = None
    """None stands in files only: the kind of the category that it replaces, or ``flag``."""
    name_zh: str = ""
    zh: tuple[str, ...] = ()
    en: tuple[str, ...] = ()

    def name(self, language: str) -> str:
        """What a sentence calls it: Chinese for any ``zh``, English for everyone else."""
        chinese = self.name_zh if language.lower().startswith("zh") else ""
        return chinese or self.category.replace("_", " ")

    def check(self) -> None:
        """Raises BadSettings for a name that is none, or a cue that would match nothing or everything."""
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", self.category):
            raise BadSettings(
                f"flags: category {self.category[:60]!r}: use 1 to 40 lower-case letters, digits, _"
            )
        if not self.name_zh.isprintable() or len(self.name_zh) > 40:
            raise BadSettings(f"flags: {self.category}: name_zh must be at most 40 characters to show")
        if not self.zh + self.en:
            raise BadSettings(f"flags: {self.category}: give at least one cue in zh or en")
        for cue in self.zh + self.en:
            words = tokens_of(cue).words
            if not 0 < len(words) <= LONGEST_CUE:
                raise BadSettings(
                    f"flags: {self.category}: the cue {cue[:60]!r} has {len(words)} words or Chinese "
                    f"characters: 1 to {LONGEST_CUE} can be matched"
                )
            if len(words) == len(words[0]) == 1:
                raise BadSettings(
                    f"flags: {self.category}: the cue {cue!r} is one character: it would match everywhere"
                )


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1] = 1
    flags: tuple[Category, ...] = ()
    remove: tuple[str, ...] = ()


class Match(msgspec.Struct, frozen=True):
    """A cue found among tokens."""

    end: int
    """Index after its last token."""
    category: Category
    negated: bool
    """Whether a negation stands shortly before it, in the same clause."""


class Cues:
    """Checked categories and their automaton; shared by all calls, never changed."""

    def __init__(self, categories: Sequence[Category]) -> None:
        self.categories: dict[str, Category] = {
            one.category: msgspec.structs.replace(one, kind=one.kind or "flag") for one in categories
        }
        self._automaton = _Automaton()
        negations = [tokens_of(negation).words for negation in NEGATIONS]
        for words in negations:
            self._automaton.add(words, "denies")
        for phrase in NO_NEGATIONS:
            self._automaton.add(tokens_of(phrase).words, "denies not")
        for category in self.categories.values():
            for cue in dict.fromkeys(tokens_of(cue).words for cue in category.zh + category.en):
                denies = any(_within(words, cue) for words in negations)
                self._automaton.add(cue, (category, not denies))
        self._automaton.link()

    def overridden(self, mapping: Mapping[str, Any]) -> "Cues":
        """These cues with a deployment's own file on top.

        A category with a known name replaces it (and keeps its kind unless it names one), a new one is
        added, those under ``remove`` go.

        Raises:
            BadSettings: the file breaks the schema, or removes a category that does not exist.
        """
        file = _parse(mapping)
        categories = dict(self.categories)
        for gone in file.remove:
            if gone not in categories:
                raise BadSettings(f"flags: remove names {gone[:60]!r}, which does not exist")
            del categories[gone]
        for one in file.flags:
            known = self.categories.get(one.category)
            kind = one.kind or (known.kind if known else "flag")
            categories[one.category] = msgspec.structs.replace(one, kind=kind)
        return Cues(tuple(categories.values()))

    def find(self, tokens: Tokens) -> list[Match]:
        """Every cue in ``tokens``, in the order of their ends."""
        found: list[Match] = []
        negation = no_negation = -REACH - 1  # where the last one ends
        for end, length, cue in self._automaton.walk(tokens.words):
            if cue == "denies not":
                negation, no_negation = -REACH - 1, end
            elif cue == "denies":
                negation = negation if end == no_negation else end
            else:
                category, deniable = cue
                start = end - length
                near = deniable and negation <= start <= negation + REACH
                found.append(Match(end, category, near and self._runs_on(tokens, negation, start)))
        return found

    @staticmethod
    def _runs_on(tokens: Tokens, negation: int, start: int) -> bool:
        between = tokens.words[negation:start]
        return not any(tokens.marked[negation : start + 1]) and BREAKS.isdisjoint(between)


Pattern = Literal["denies", "denies not"] | tuple[Category, bool]
"""A negation; words that only hold one; or a cue's category, and whether a negation before it denies it."""


class _Automaton:
    """Finds many sequences of tokens at once."""

    def __init__(self) -> None:
        self._next: list[dict[str, int]] = [{}]
        self._fail = [0]
        self._ends: list[list[tuple[int, Pattern]]] = [[]]
        """For each state the patterns that end there, longest first: length, and what it is."""

    def add(self, words: Sequence[str], pattern: Pattern) -> None:
        state = 0
        for word in words:
            if word not in self._next[state]:
                self._next[state][word] = len(self._next)
                self._next.append({})
                self._fail.append(0)
                self._ends.append([])
            state = self._next[state][word]
        self._ends[state].append((len(words), pattern))

    def link(self) -> None:
        """Lets each state fall back on the longest proper suffix that begins a pattern."""
        waiting = deque(self._next[0].values())
        while waiting:
            state = waiting.popleft()
            for word, following in self._next[state].items():
                self._fail[following] = self._step(self._fail[state], word)
                self._ends[following] += self._ends[self._fail[following]]
                waiting.append(following)

    def walk(self, words: Sequence[str]) -> Iterator[tuple[int, int, Pattern]]:
        """Yields the end and the length of each pattern found, and what it is; longer ones first."""
        state = 0
        for end, word in enumerate(words, start=1):
            state = self._step(state, word)
            for length, pattern in self._ends[state]:
                yield end, length, pattern

    def _step(self, state: int, word: str) -> int:
        while state and word not in self._next[state]:
            state = self._fail[state]
        return self._next[state].get(word, 0)


NO_CUES = Cues(())
"""Finds nothing; one for all calls, because the negations that every automaton knows take 25 KiB."""


def parse_cues(mapping: Mapping[str, Any]) -> Cues:
    """Cues from plain data, as their YAML file gives them.

    Raises:
        BadSettings: an unknown field or value, a category twice, or a cue that cannot be matched; names it.
    """
    return Cues(_parse(mapping).flags)


def _parse(mapping: Mapping[str, Any]) -> _File:
    try:
        file = msgspec.convert(mapping, _File, strict=True)
    except (msgspec.ValidationError, UnicodeError) as reason:
        raise BadSettings(f"flags: {reason}") from reason
    seen: set[str] = set()
    for one in file.flags:
        one.check()
        if one.category in seen:
            raise BadSettings(f"flags: the category {one.category!r} stands twice")
        seen.add(one.category)
    if (cues := sum(len(one.zh + one.en) for one in file.flags)) > MOST_CUES:
        raise BadSettings(f"flags: {cues} cues: at most {MOST_CUES} are matched")
    return file


def _within(words: Sequence[str], cue: Sequence[str]) -> bool:
    return any(cue[at : at + len(words)] == words for at in range(len(cue) - len(words) + 1))
