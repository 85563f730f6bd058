"""The rules of reviews by two roles, without a server: four eyes, corrections, due times, the draw."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine.archive.reviewing import (
    GIVES,
    Duty,
    NotAllowed,
    Standing,
    after,
    check,
    due_ms,
    is_sampled,
    same_name,
)
from sentiment_engine.events import CallReviewed
from sentiment_engine.settings_door import ROLES
from sentiment_engine.settings_reviews import REVIEW_ROLES, ReviewSettings

NAMES = ("anna", "Anna", "ben", "cleo")


def duty(**standing: Standing) -> Duty:
    return Duty(
        cursor=7,
        kind="call",
        subject_id="c-1",
        call_id="c-1",
        why="sampled",
        at_s=1.0,
        since_ms=1000,
        due_ms=due_ms(1000, ReviewSettings(business_due_hours=1.0, legal_due_hours=2.0)),
        standing=standing,
    )


def review(role: str, by: str, review_id: str = "r", supersedes: str | None = None) -> CallReviewed:
    return CallReviewed(
        call_id="c-1",
        at_s=1.0,
        seq=0,
        about="7",
        review_id=review_id,
        role=role,
        by=by,
        decision="confirmed",
        reason="tension",
        reviewed_at="",
        supersedes=supersedes,
    )


def folded(reviews: list[CallReviewed]) -> Duty:
    state = duty()
    for time_ms, each in enumerate(reviews):
        state = after(state, each, time_ms)
    return state


REVIEWS = st.lists(
    st.builds(
        review,
        st.sampled_from(REVIEW_ROLES),
        st.sampled_from(["", *NAMES]),
        st.integers(0, 9).map(str),
        st.none() | st.integers(0, 9).map(str),
    ),
    max_size=12,
)


@given(REVIEWS)
@examples(300)
def test_whatever_is_sent_no_name_stands_for_both_roles_and_nobody_replaces_another(reviews):
    state = duty()
    for time_ms, each in enumerate(reviews):
        new = after(state, each, time_ms)
        for role, stands in state.standing.items():
            assert same_name(new.standing[role].by, stands.by)
            assert new.standing[role].first_ms == stands.first_ms
        state = new
        names = [stands.by.casefold() for stands in state.standing.values()]
        assert all(names)
        assert len(set(names)) == len(names)
        assert state.is_done == (len(names) == 2)


@given(st.sampled_from(NAMES), REVIEWS)
@examples(100)
def test_four_eyes_are_never_met_by_one_name(name, reviews):
    alone = [each for each in reviews if same_name(each.by, name)]
    assert not folded(alone).is_done


@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
@examples(30)
def test_which_role_comes_first_makes_no_difference(one, other):
    both = [review("business", one), review("legal", other)]
    outcomes = {folded(list(order)).is_done for order in itertools.permutations(both)}
    assert outcomes == {not same_name(one, other)}


@given(REVIEWS, st.integers(0, 12))
@examples(100)
def test_replay_from_any_point_gives_the_same(reviews, at):
    state = folded(reviews[:at])
    for time_ms, each in enumerate(reviews[at:], len(reviews[:at])):
        state = after(state, each, time_ms)
    assert state == folded(reviews)


@pytest.mark.parametrize(
    ("standing", "role", "by", "supersedes", "code"),
    [
        ({}, "business", "anna", None, None),
        ({}, "business", "", None, "reviews_need_tokens"),
        ({}, "business", "anna", "r1", "unknown_review"),
        ({"business": "anna"}, "business", "anna", None, "already_reviewed"),
        ({"business": "anna"}, "business", "anna", "r1", None),
        ({"business": "anna"}, "business", "anna", "r0", "unknown_review"),
        ({"business": "anna"}, "business", "ben", None, "already_reviewed"),
        ({"business": "anna"}, "business", "ben", "r1", "already_reviewed"),
        ({"business": "anna"}, "legal", "anna", None, "four_eyes"),
        ({"business": "anna"}, "legal", "ANNA", None, "four_eyes"),
        ({"business": "anna"}, "legal", "anna", "r1", "four_eyes"),
        ({"business": "anna"}, "legal", "ben", None, None),
    ],
)
def test_who_may_review(standing, role, by, supersedes, code):
    stands = {each: Standing("r1", name, 5) for each, name in standing.items()}
    if code is None:
        check(duty(**stands), role=role, by=by, supersedes=supersedes)
        return
    with pytest.raises(NotAllowed) as refused:
        check(duty(**stands), role=role, by=by, supersedes=supersedes)
    assert refused.value.code == code


def test_no_role_of_a_token_gives_both_reviews_and_who_runs_the_server_gives_none():
    assert {role: GIVES.get(role) for role in ROLES} == {
        "ingest": None,
        "supervisor": "business",
        "legal": "legal",
        "admin": None,
    }


def test_a_duty_is_open_then_overdue_then_done():
    hour = 3_600_000
    owed = duty()
    assert [owed.state(now) for now in (1000, 1000 + hour, 1001 + hour)] == ["open", "open", "overdue"]
    half = after(owed, review("business", "anna"), 2 * hour)
    assert half.standing["business"].first_ms == 2 * hour
    assert half.state(1000 + 2 * hour) == "open"
    assert half.state(1001 + 2 * hour) == "overdue"
    assert not half.is_overdue("business", 1001 + 2 * hour)
    assert after(half, review("legal", "ben"), 9 * hour).state(10 * hour) == "done"


@given(
    st.binary(min_size=1, max_size=16), st.text(), st.integers(0, 1 << 62), st.floats(0, 1), st.floats(0, 1)
)
@examples(200)
def test_the_draw_is_the_same_always_and_a_larger_share_only_adds(key, call_id, cursor, one, other):
    low, high = sorted((one, other))
    drawn = is_sampled(key, low, call_id, cursor)
    assert drawn == is_sampled(key, low, call_id, cursor)
    assert not drawn or is_sampled(key, high, call_id, cursor)
    assert is_sampled(key, 1.0, call_id, cursor)
    assert not is_sampled(key, 0.0, call_id, cursor)


def test_the_draw_takes_its_share_and_depends_on_key_id_and_cursor():
    def drawn(key: bytes, shift: int = 0, prefix: str = "c") -> set[int]:
        return {n for n in range(4000) if is_sampled(key, 0.1, f"{prefix}-{n}", n + shift)}

    first = drawn(b"key")
    assert 300 < len(first) < 500
    for other in (drawn(b"kez"), drawn(b"key", shift=1), drawn(b"key", prefix="d")):
        assert 300 < len(other) < 500
        assert len(first & other) < 100
