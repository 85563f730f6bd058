"""How fast and how often, on a clock of our own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.live.buckets import ADDRESSES_KEPT, Bucket, Failures, Pace


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_failures_are_kept_for_so_many_addresses_and_for_networks_of_ipv6():
    failures = Failures(1)
    for n in range(ADDRESSES_KEPT + 500):
        assert not failures.add(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 0.0)
    assert len(failures) == ADDRESSES_KEPT
    assert not failures.add("2001:db8::1", 0.0)
    assert failures.add("2001:db8::ffff:1", 0.0)
    assert not failures.add("2001:db8:0:1::1", 0.0)
    assert not failures.add("192.0.2.1", 0.0)
    assert failures.add("::ffff:192.0.2.1", 0.0)
    assert not failures.add("", 0.0)
    assert failures.add("", 0.0)


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 5)), max_size=50), st.floats(1, 100))
@examples(200)
def test_a_bucket_that_is_waited_for_lets_no_more_through_than_its_rate_and_one_burst(takings, per_s):
    now, taken, last = 0.0, 0.0, 0.0
    bucket = Bucket(per_s, 2.0, now)
    for amount, pause_s in takings:
        now += pause_s + bucket.debt_s(now)
        assert taken <= per_s * (now + 2.0) + 1e-6
        bucket.take(amount, now)
        taken, last = taken + amount, amount
    assert taken - last <= per_s * (now + 2.0) + 1e-6
    assert bucket.debt_s(now + last / per_s + 1e-6) == pytest.approx(0.0, abs=1e-6)


def test_a_connection_owes_time_for_its_messages_and_its_bytes_the_longer_of_both():
    clock = Clock()
    pace = Pace(10.0, 100.0, 1.0, clock)
    pace.took(100)
    assert pace.owed_s() == 0.0
    pace.took(150)
    assert pace.owed_s() == pytest.approx(1.5)
    clock.now += 1.5
    assert pace.owed_s() == 0.0
    for _ in range(20):
        pace.took(0)
    assert pace.owed_s() == pytest.approx(1.0)
    free = Pace(0.0, 0.0, 1.0, clock)
    free.took(10**12)
    assert free.owed_s() == 0.0
