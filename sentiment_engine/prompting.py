"""The choice among the phrases that fit, within one call.

Where several fit equally well, the call's seed gives the order, so that calls differ and effects can be
compared; the same call always gives the same phrases. Each suggestion names the rule that chose it.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence

from sentiment_engine.events import Audience, Basis, Party, Reason, Suggestion
from sentiment_engine.phrases import BASES, Entry
from sentiment_engine.playbook import CARE_FLAGS, Moment, Playbook, sequence_of
from sentiment_engine.settings_alerts import PlaybookSettings

SUBJECTS: Mapping[Reason, tuple[Party, ...]] = {
    "customer_anger": ("customer",),
    "customer_distress": ("customer",),
    "agent_anger": ("agent",),
    "mutual_escalation": ("agent", "customer"),
    "anger": ("mixed",),
}
"""Whose voice a reason is heard in, where its name says so."""


class Prompter:
    """Chooses phrases within one call, and remembers which it showed.

    Args:
        playbook: the phrases.
        settings: how many at once, the repeat guard, the jurisdiction.
        allowed: what phrases about each party may rest on; a party not named, on nothing. None: anything.
    """

    def __init__(
        self,
        playbook: Playbook,
        settings: PlaybookSettings,
        allowed: Mapping[Party, frozenset[Basis]] | None = None,
    ) -> None:
        self._playbook, self._settings, self._allowed = playbook, settings, allowed
        self._shown_at_s: dict[str, float] = {}
        """By id and by text: when it was shown last."""
        self._steps: dict[tuple[Reason, Audience, Party | None], int] = {}
        """The step shown last of each sequence."""

    def suggest(self, moment: Moment) -> tuple[Suggestion, ...]:
        """At most ``at_most`` phrases for the agent and as many for the supervisor.

        The agent gets one thing to say and one to do where the strongest cause has both; otherwise, and for
        the supervisor, each cause gives one, strongest first. When somebody may come to harm
        (:attr:`Moment.care`), the agent is shown nothing but how to care for them.
        """
        return self._for("agent", moment) + self._for("supervisor", moment)

    def _for(self, audience: Audience, moment: Moment) -> tuple[Suggestion, ...]:
        chosen: list[Suggestion] = []
        at_most = self._settings.at_most
        for reason in _reasons(audience, moment):
            best = self._best(reason, audience, moment)
            if not best or len(chosen) >= at_most:
                continue
            pair = [best[0], *_other_mode(best, moment.language)]
            if audience == "supervisor" or chosen or at_most < len(pair):
                pair = pair[:1]
            chosen += [self._show(entry, reason, moment) for entry in pair]
            if len(pair) > 1:
                break
        return tuple(chosen)

    def _best(self, reason: Reason, audience: Audience, moment: Moment) -> list[Entry]:
        """What may be shown now for one reason, best first.

        Steps come first, then answers to the words that were said, then, at critical, what is not also for a
        mere notice, then the stage's own, then what was not shown yet; the call's own order decides the rest.
        """
        fitting = [
            entry
            for entry in self._playbook.fitting(reason, audience, moment, self._settings.jurisdiction)
            if self._may_rest(entry, reason, moment) and _cares(entry, audience, moment)
        ]
        fitting = [entry for entry in fitting if self._is_in_turn(entry, fitting)]
        return sorted(
            (entry for entry in fitting if self._is_fresh(entry, moment)),
            key=lambda entry: (
                entry.step is None,
                not entry.flags,
                moment.severity == "critical" and "notice" in entry.severity,
                moment.stage not in entry.stage,
                self._shown_at_s.get(entry.id, -math.inf),
                _lot(entry, moment.seed),
            ),
        )

    def _is_in_turn(self, entry: Entry, fitting: Sequence[Entry]) -> bool:
        """Whether an entry is no step, or the next one of its sequence; after the last comes the first."""
        if entry.step is None:
            return True
        last = self._steps.get(sequence_of(entry), 0)
        ahead = [
            (other.step <= last, other.step)
            for other in fitting
            if other.step is not None and sequence_of(other) == sequence_of(entry)
        ]
        return entry.step == min(ahead)[1]

    def _may_rest(self, entry: Entry, reason: Reason, moment: Moment) -> bool:
        """Whether what the entry, and its reason, rest on is allowed for everyone whom they concern."""
        if self._allowed is None:
            return True
        named: list[Party] = [party for party in self._allowed if party != "mixed"] or ["mixed"]
        whose = entry.party or moment.whose(reason)
        basis = _basis(entry, moment)
        parties = {*SUBJECTS.get(reason, ()), *((whose,) if whose else ())} or named
        return all(
            basis in allowed and not allowed.isdisjoint(BASES[reason])
            for allowed in (self._allowed.get(party, frozenset()) for party in parties)
        )

    def _is_fresh(self, entry: Entry, moment: Moment) -> bool:
        text, _ = entry.text(moment.language)
        last = max(self._shown_at_s.get(key, -math.inf) for key in (entry.id, text))
        return moment.at_s - last >= self._settings.repeat_guard_s

    def _show(self, entry: Entry, reason: Reason, moment: Moment) -> Suggestion:
        text, language = entry.text(moment.language)
        self._shown_at_s[entry.id] = self._shown_at_s[text] = moment.at_s
        if entry.step is not None:
            self._steps[sequence_of(entry)] = entry.step
        return Suggestion(
            id=entry.id,
            text=text,
            language=language,
            audience=entry.audience,
            technique=entry.technique,
            mode=entry.mode,
            rule=_rule(entry, reason, moment, self._playbook.last_step(entry)),
        )


def _reasons(audience: Audience, moment: Moment) -> Sequence[Reason]:
    """What to answer, most urgent first."""
    if not moment.care:
        return moment.causes
    rest = [reason for reason in moment.causes if reason != "customer_distress"]
    return ["customer_distress", *rest]


def _cares(entry: Entry, audience: Audience, moment: Moment) -> bool:
    """Whether the entry may be shown now: while care comes first, the agent sees nothing else."""
    if audience == "supervisor" or not moment.care or entry.cause == "customer_distress":
        return True
    return not moment.care.isdisjoint(entry.flags)


def _basis(entry: Entry, moment: Moment) -> Basis:
    """What showing the entry now rests on: where the customer said it, nothing is inferred from the voice."""
    said = entry.cause == "customer_distress" and not CARE_FLAGS.isdisjoint(moment.flags)
    return "text" if said else entry.basis


def _other_mode(best: Sequence[Entry], language: str) -> Sequence[Entry]:
    """The best entry that differs from the first in mode and text: none or one."""
    first = best[0]
    return [
        entry for entry in best if entry.mode != first.mode and entry.text(language) != first.text(language)
    ][:1]


def _lot(entry: Entry, seed: int) -> bytes:
    """A call's own order of entries; another entry in the file changes nothing between two others."""
    # a CRC would do for one number, but shuffles unevenly: some orders would hardly ever come up
    return hashlib.blake2b(f"{seed} {entry.id}".encode(), digest_size=8).digest()


def _rule(entry: Entry, reason: Reason, moment: Moment, last_step: int) -> str:
    """What chose an entry, in plain terms."""
    whose = entry.party or moment.whose(reason)
    held = sorted(moment.flags.intersection(entry.flags))
    own = moment.stage in entry.stage
    parts = [
        f"cause {reason}" + (f" of the {whose}" if whose in ("agent", "customer") else ""),
        f"answered as {entry.cause}" if entry.cause != reason else "",
        f"care first ({', '.join(sorted(moment.care))})" if moment.care else "",
        f"severity {moment.severity}",
        f"stage {moment.stage}" if own else f"stage general (fallback for {moment.stage})",
        f"risk class {entry.risk_class}" if entry.risk_class else "",
        f"flag {', '.join(held)}" if held else "",
        f"step {entry.step} of {last_step}" if entry.step else "",
        f"basis {_basis(entry, moment)}",
    ]
    return ", ".join(filter(None, parts))
