"""The alerts of one call: what each said and why, the phrases it offered, and the same as a table."""

from collections.abc import Mapping

from sentiment_engine.events import Alert, Cause, Effect, Suggestion
from sentiment_engine.report.lanes import STACK, worst_of
from sentiment_engine.report.markup import Html, el, joined
from sentiment_engine.report.parts import badge, section, table
from sentiment_engine.report.story import AlertStory, Story
from sentiment_engine.report.words import Words, clock

MOST_CARDS = 60
MOST_ROWS = 500
BAR = 160.0


def cards(story: Story, words: Words) -> Html:
    """A card for each alert, then the table."""
    alerts = list(story.alerts.values())
    if not alerts:
        return section(words("alerts"), el("p", words("no_alerts"), class_="calm"))
    return joined(
        section(
            words("alerts"),
            el(
                "ol",
                [_card(index, one, words) for index, one in enumerate(alerts[:MOST_CARDS], 1)],
                class_="alerts",
            ),
            _left_out(len(alerts) - MOST_CARDS, words),
        ),
        section(words("alerts_table"), _table(alerts, words), _left_out(len(alerts) - MOST_ROWS, words)),
    )


def cause_bars(causes: Mapping[Cause, float], words: Words) -> Html:
    """Each cause's contribution as a bar; the strongest fills the width."""
    known = sorted(((name, value) for name, value in causes.items() if value > 0), key=lambda one: -one[1])
    if not known:
        return el("p", words.name("cause", ""), class_="soft")
    most = known[0][1]
    return el(
        "ul",
        [
            el(
                "li",
                el("span", words.name("cause", name)),
                el(
                    "svg",
                    el("rect", width=max(2.0, BAR * value / most), height=10, rx=3, class_=f"cause {name}")
                    if name in STACK
                    else None,
                    width=BAR,
                    height=10,
                    viewBox=f"0 0 {BAR:.0f} 10",
                    preserveAspectRatio="none",
                    aria_hidden="true",
                ),
                el("span", f"+{value:.1f}", class_="soft"),
            )
            for name, value in known
        ],
        class_="bars",
    )


def _card(index: int, alert: AlertStory, words: Words) -> Html:
    raised, worst = alert.steps[0], worst_of(alert)
    strongest = max(alert.steps, key=lambda step: step.level)
    steps = el("ol", [_step(step, words) for step in alert.steps], class_="steps")
    effects = {(one.id, one.shown_at_s): one for one in alert.cleared.effects} if alert.cleared else {}
    phrases = [_phrase(at_s, one, effects.get((one.id, at_s)), words) for at_s, one in alert.phrases]
    return el(
        "li",
        el(
            "div",
            el("span", str(index), class_=f"index {worst}"),
            el("h3", words.name("kind", raised.kind)),
            badge(worst, words.name("severity", worst)),
            el("span", _span(alert, words), class_="soft"),
            class_="head",
        ),
        el(
            "div",
            el("div", el("h4", words("what_happened")), steps, class_="part"),
            el("div", el("h4", words("causes")), cause_bars(strongest.causes, words), class_="part"),
            class_="split",
        ),
        el("h4", words("phrases")),
        el("ul", phrases, class_="phrases") if phrases else el("p", words("no_phrases"), class_="soft"),
        class_=f"alert {worst}",
    )


def _step(step: Alert, words: Words) -> Html:
    return el(
        "li",
        el("span", clock(step.at_s), class_="time"),
        el("span", step.summary.strip()),
        " ",
        el("span", f"{words('level')} {step.level:.2f}", class_="soft"),
    )


def _phrase(at_s: float, phrase: Suggestion, effect: Effect | None, words: Words) -> Html:
    followed = (
        words(
            "effect",
            before=f"{effect.level:.2f}",
            after=f"{effect.level_after:.2f}",
            seconds=f"{effect.after_s:.0f}",
        )
        if effect
        else None
    )
    details = [
        (words("shown"), clock(at_s)),
        (words("to"), words.name("audience", phrase.audience)),
        (words("why"), phrase.rule),
    ]
    return el(
        "li",
        badge(phrase.mode, words(phrase.mode)),
        el(
            "div",
            el(
                "blockquote" if phrase.mode == "say" else "p",
                phrase.text,
                lang=phrase.language,
                class_="saying",
            ),
            el("p", [joined(el("b", name), " ", value, " ") for name, value in details], class_="soft"),
            el("p", followed, class_="soft") if followed else None,
        ),
    )


def _span(alert: AlertStory, words: Words) -> str:
    until = clock(alert.steps[-1].at_s) if alert.cleared else words("still_open")
    return f"{clock(alert.steps[0].at_s)} - {until}"


def _table(alerts: list[AlertStory], words: Words) -> Html:
    heads = ("time", "until", "kind", "severity", "level", "causes", "reason", "phrases")
    rows = [
        (
            clock(one.steps[0].at_s),
            clock(one.steps[-1].at_s) if one.cleared else words("still_open"),
            words.name("kind", one.steps[0].kind),
            words.name("severity", worst_of(one)),
            f"{max(step.level for step in one.steps):.2f}",
            ", ".join(words.name("cause", cause) for cause in one.steps[0].causes) or words("none"),
            one.steps[0].summary,
            el("ul", [el("li", phrase.text, lang=phrase.language) for _, phrase in one.phrases]),
        )
        for one in alerts[:MOST_ROWS]
    ]
    return table(words("alerts_table"), [words(head) for head in heads], rows, numbers=(0, 1, 4))


def _left_out(count: int, words: Words) -> Html | None:
    return el("p", words("more_alerts", count=count), class_="soft") if count > 0 else None
