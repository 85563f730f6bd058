"""Every dialect under fire: its own frames bent, repeated, torn and mixed with those of the others."""

import pytest
from dialect_frames import DIALECT, FOUND, SEEDS, SEPARATOR, packed, play
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

NAMES = sorted(DIALECT)


def test_every_dialect_has_seeds():
    assert sorted(SEEDS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_what_a_platform_sends_is_understood(name):
    lines = [play(DIALECT[name], packed(frames)) for frames in SEEDS[name]]
    assert all(line.opened is not None for line in lines)
    assert max(line.samples for line in lines) > 0


@pytest.mark.parametrize(("name", "data"), [(name, data) for name, found in FOUND.items() for data in found])
def test_what_once_broke_a_rule_keeps_it_now(name, data):
    line = play(DIALECT[name], data)
    assert line.over or line.opened is not None  # refused, or understood


@pytest.mark.parametrize("name", NAMES)
def test_frames_cut_repeated_and_mixed_with_those_of_others_break_no_rule(name):
    own = [frame for frames in SEEDS[name] for frame in packed(frames).split(SEPARATOR)]
    others = [
        frame for seeds in SEEDS.values() for frames in seeds for frame in packed(frames).split(SEPARATOR)
    ]

    @given(data=st.data())
    @examples(40)
    def body(data):
        frames = data.draw(
            st.lists(st.sampled_from(own) | st.sampled_from(others) | st.binary(max_size=40), max_size=20)
        )
        cut = data.draw(
            st.lists(st.tuples(st.integers(0, 19), st.integers(0, 400), st.integers(0, 255)), max_size=6)
        )
        for at, place, byte in cut:
            if at < len(frames):
                frame = frames[at]
                frames[at] = (
                    frame[:place] + bytes([byte]) + frame[place + 1 :] if place % 2 else frame[:place]
                )
        data = SEPARATOR.join(frames)
        # silent_line.py asserts what must hold; and one connection knows nothing of another
        assert play(DIALECT[name], data).samples == play(DIALECT[name], data).samples

    body()
