"""How long a lost connection is tried again, and when."""

import asyncio

import pytest
from live_server import in_loop

from sentiment_engine.client import link
from sentiment_engine.client.link import LONGEST_WAIT_S, Patience, Unreachable


class Waits:
    """Stands in for the clock: sleeping takes no time, and is written down."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.waits: list[float] = []
        monkeypatch.setattr(link.asyncio, "sleep", self.sleep)
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)

    async def sleep(self, wait_s: float) -> None:
        self.waits.append(wait_s)
        self.now += wait_s


async def lose(patience: Patience) -> str:
    """Loses connections until it gives up; what it says then."""
    while True:
        try:
            await patience.lost("no word")
        except Unreachable as reason:
            return str(reason)


@in_loop
async def test_waits_double_up_to_the_longest(monkeypatch: pytest.MonkeyPatch):
    clock = Waits(monkeypatch)
    said = await lose(Patience("ws://a", lambda _: None, tries=8))
    assert clock.waits == [0.5, 1, 2, 4, 8, 8, 8]
    assert "given up after 8 lost connections" in said


@in_loop
async def test_with_jitter_each_wait_is_drawn_from_nothing_to_what_it_would_be(
    monkeypatch: pytest.MonkeyPatch,
):
    clock = Waits(monkeypatch)
    drawn: list[tuple[float, float]] = []

    def middle(low: float, high: float) -> float:
        drawn.append((low, high))
        return high / 2

    monkeypatch.setattr(link.random, "uniform", middle)
    await lose(Patience("ws://a", lambda _: None, tries=7, jitter=True))
    assert drawn == [(0.0, high) for high in (0.5, 1, 2, 4, 8, 8)]
    assert clock.waits == [0.25, 0.5, 1, 2, 4, 4]


@in_loop
async def test_two_clients_do_not_come_back_together(monkeypatch: pytest.MonkeyPatch):
    clock = Waits(monkeypatch)
    for _ in range(2):
        await lose(Patience("ws://a", lambda _: None, tries=20, jitter=True))
    assert len(set(clock.waits)) == 38
    assert all(0 <= wait_s <= LONGEST_WAIT_S for wait_s in clock.waits)


@pytest.mark.parametrize("within_s", [0.3, 10.0, 25.0])
@in_loop
async def test_patience_is_as_long_as_it_was_told_to_be(within_s: float, monkeypatch: pytest.MonkeyPatch):
    clock = Waits(monkeypatch)
    patience = Patience("ws://a", lambda _: None, tries=None, within_s=within_s, jitter=True)
    said = await lose(patience)
    assert clock.now == pytest.approx(100 + within_s)
    assert f"ws://a: given up, no lasting connection for {within_s:g} s: no word; check that" in said


@in_loop
async def test_patience_begins_anew_once_a_connection_has_led_somewhere(monkeypatch: pytest.MonkeyPatch):
    clock = Waits(monkeypatch)
    patience = Patience("ws://a", lambda _: None, tries=None, within_s=10.0)
    await patience.lost("no word")
    clock.now += 3600  # it held for an hour
    patience.renew()
    await patience.lost("no word")
    assert clock.waits == [0.5, 0.5]
    clock.now += 11  # and this one never
    with pytest.raises(Unreachable):
        await patience.lost("no word")
