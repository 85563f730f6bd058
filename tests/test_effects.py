"""What followed after a phrase: measured for half a minute, and no longer."""

from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.effects import AFTER_S, Effects
from sentiment_engine.events import Effect


def effect(phrase, shown_at_s, level, after_s, level_after):
    return Effect(id=phrase, shown_at_s=shown_at_s, level=level, after_s=after_s, level_after=level_after)


def test_the_level_half_a_minute_later_is_kept():
    effects = Effects()
    effects.shown("c.a1", ["p1", "p2"], 10.0, 0.8)
    for second in range(11, 60):
        effects.tick(float(second), second / 100)
    assert effects.all() == (effect("p1", 10.0, 0.8, 30.0, 0.4), effect("p2", 10.0, 0.8, 30.0, 0.4))


def test_until_then_it_is_the_latest_level():
    effects = Effects()
    effects.shown("c.a1", ["p1"], 10.0, 0.8)
    assert effects.of("c.a1") == (effect("p1", 10.0, 0.8, 0.0, 0.8),)
    effects.tick(12.0, 0.5)
    assert effects.of("c.a1") == (effect("p1", 10.0, 0.8, 2.0, 0.5),)


def test_an_alert_knows_its_own_phrases_and_one_without_any_is_kept_for_comparison():
    effects = Effects()
    effects.shown("c.a1", ["p1"], 1.0, 0.7)
    effects.shown("c.a2", [], 2.0, 0.6)
    assert [one.id for one in effects.of("c.a1")] == ["p1"]
    assert [one.id for one in effects.of("c.a2")] == [""]
    assert len(effects.all()) == 2


@given(levels=st.lists(st.floats(0.0, 1.0), max_size=80), shown=st.sets(st.integers(0, 60), max_size=6))
@examples(50)
def test_an_effect_is_the_level_of_its_own_second_whatever_comes_later(levels, shown):
    effects, asked = Effects(), []
    for second, level in enumerate(levels):
        effects.tick(float(second), level)
        if second in shown:
            effects.shown("c.a1", [str(second)], float(second), level)
            asked.append(second)
    for second, one in zip(asked, effects.all(), strict=True):
        at = min(second + int(AFTER_S), len(levels) - 1)
        assert (one.level, one.level_after, one.after_s) == (levels[second], levels[at], float(at - second))
