"""What Asterisk says over an AudioSocket, read without one; and who may connect."""

import contextlib
import itertools
import uuid

import pytest
from asterisk_phone import frame
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine import BadSettings, Settings
from sentiment_engine.live.dialects.audiosocket import AudioSocket, Frame, Frames
from sentiment_engine.live.dialects.shape import Alive, Audio, Ended, Hello, Opened
from sentiment_engine.live.messages import Refused
from sentiment_engine.settings_audiosocket import AudioSocketSettings

NAME = uuid.UUID("40325ec2-5efd-4bd3-805f-53576e581d10")
HELLO = frame(0x01, NAME.bytes)
PIECE = b"\1\0" * 160


def dialect(role: str = "customer", **told: str) -> AudioSocket:
    return AudioSocket(Hello({"role": role, "language": "en", "stage": "general", **told}, {}))


@given(
    frames=st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=8),
    cuts=st.lists(st.integers(0, 3000), max_size=12),
    tail=st.binary(max_size=2),
)
@examples(150)
def test_frames_are_the_same_wherever_the_bytes_are_cut(frames, cuts, tail):
    sent = b"".join(frame(*each) for each in frames) + tail
    edges = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    reader, got = Frames(), []
    for start, end in itertools.pairwise(edges):
        got += reader.feed(sent[start:end])
    assert got == [Frame(*each) for each in frames]


def test_the_longest_frame_waits_for_its_last_byte():
    reader, sent = Frames(), frame(0x10, b"\7" * 65_535)
    assert reader.feed(sent[:-1]) == []
    assert reader.feed(sent[-1:]) == [Frame(0x10, b"\7" * 65_535)]


def test_the_uuid_names_the_call_and_the_first_audio_opens_it():
    line = dialect(stage="facts")
    assert line.binary(HELLO) == [Alive()]
    opened, audio = line.binary(frame(0x10, PIECE))
    assert isinstance(opened, Opened)
    assert (opened.start.call_id, opened.start.language, opened.start.stage) == (str(NAME), "en", "facts")
    assert (opened.start.channels, opened.tracks, opened.leg) == (("customer",), (("customer",),), None)
    assert (opened.clock, opened.start.encoding, opened.start.context) == ("arrival", "pcm_s16le", {})
    assert audio == Audio(PIECE, 0)
    assert line.binary(frame(0x10, PIECE)) == [Audio(PIECE, 0)]


@pytest.mark.parametrize(
    ("kind", "rate_hz"),
    [(0x10, 8000), (0x11, 12000), (0x12, 16000), (0x13, 24000), (0x14, 32000), (0x15, 44100), (0x16, 48000)],
)
def test_the_kind_of_audio_is_its_rate(kind, rate_hz):
    opened, _ = dialect().binary(HELLO + frame(kind, PIECE))[1:]
    assert opened.start.sample_rate == rate_hz


@pytest.mark.parametrize("party", ["agent", "customer", "mixed"])
def test_whose_voice_it_is_stands_in_the_settings(party):
    opened = dialect(party).binary(HELLO + frame(0x10, PIECE))[1]
    assert opened.start.channels == (party,)


@pytest.mark.parametrize(("digit", "leg"), [("0", 0), ("1", 1)])
def test_legs_are_told_by_the_last_digit_and_the_call_bears_the_agents(digit, leg):
    name = uuid.UUID(str(NAME)[:-1] + digit)
    opened, audio = dialect("legs").binary(frame(0x01, name.bytes) + frame(0x10, PIECE))[1:]
    assert (opened.leg, audio.track) == (leg, leg)
    assert opened.start.call_id == str(NAME)[:-1] + "0"
    assert opened.start.channels == ("agent", "customer")


def test_a_call_in_which_nobody_speaks_is_known_all_the_same():
    line = dialect()
    assert line.unannounced() is None
    line.binary(HELLO)
    assert line.unannounced().start.sample_rate == 8000
    assert line.unannounced() is None
    assert line.binary(frame(0x10, PIECE)) == [Audio(PIECE, 0)]


@pytest.mark.parametrize("end", [frame(0x00), frame(0xFF, b"\1")])
def test_a_hang_up_is_the_end_whatever_follows(end):
    assert dialect().binary(HELLO + end + b"GET / HTTP/1.1") == [Alive(), Ended()]
    assert dialect().binary(end) == [Ended()]


def test_keys_and_errors_are_signs_of_life_and_unknown_kinds_are_nothing():
    line = dialect()
    line.binary(HELLO)
    assert line.binary(frame(0x03, b"5") + frame(0xFF, b"\4") + frame(0x02, b"x")) == [Alive(), Alive()]
    assert [type(heard) for heard in line.binary(frame(0x10))] == [Opened]
    assert line.binary(frame(0x10)) == []


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        (b"GET /v1/stream HTTP/1.1\r\n" + bytes(20_000), "not the UUID|and not the UUID"),
        (frame(0x10, PIECE), "kind 0x10 and not the UUID"),
        (frame(0x01, NAME.bytes[:15]), "and this one 15"),
        (frame(0x01, str(NAME).encode()), "and this one 36"),
        (HELLO + frame(0x01, uuid.UUID(int=7).bytes), "a second UUID"),
        (HELLO + frame(0x10, PIECE) + frame(0x12, PIECE), "0x12 after 0x10"),
    ],
)
def test_what_cannot_be_used_names_itself(sent, named):
    with pytest.raises(Refused, match=named):
        dialect().binary(sent)


def test_a_uuid_that_names_no_leg_is_refused_with_the_remedy():
    name = uuid.UUID(str(NAME)[:-1] + "a")
    with pytest.raises(Refused, match=r"ends in a: with audiosocket.party = legs"):
        dialect("legs").binary(frame(0x01, name.bytes) + frame(0x10, PIECE))


def test_text_has_no_place_here_and_nothing_is_said_back():
    with pytest.raises(Refused, match="no text"):
        dialect().text("{}")
    assert list(dialect().parting()) == []
    assert list(dialect().no(Refused("bad_message", "x"))) == []


kinds = st.sampled_from([0x00, 0x01, 0x03, 0x10, 0x12, 0x18, 0xFF]) | st.integers(0, 255)
frames = st.builds(frame, kinds, st.binary(max_size=40) | st.just(NAME.bytes))


@given(
    role=st.sampled_from(["customer", "mixed", "legs"]), pieces=st.lists(frames | st.binary(), max_size=10)
)
@examples(300)
def test_whatever_comes_it_is_read_or_refused_and_little_is_kept(role, pieces):
    line = dialect(role)
    for piece in [HELLO, *pieces]:
        with contextlib.suppress(Refused):
            line.binary(piece)
    assert len(line._frames._rest) < 3 + 65_536


# -- who may connect


@pytest.mark.parametrize(
    ("allow", "address", "may"),
    [
        ((), "127.0.0.1", True),
        ((), "::1", True),
        ((), "::ffff:127.0.0.1", True),
        ((), "10.0.0.7", False),
        (("10.0.0.0/8",), "10.0.0.7", True),
        (("10.0.0.0/8",), "::ffff:10.0.0.7", True),
        (("10.0.0.0/8",), "127.0.0.1", False),
        (("fe80::/10",), "fe80::1%eth0", True),
        (("10.0.0.7", "::1"), "10.0.0.8", False),
        ((), "", False),
        ((), "localhost", False),
    ],
)
def test_this_machine_alone_may_connect_or_those_that_are_named(allow, address, may):
    assert AudioSocketSettings(allow=allow).admits(address) is may


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"allow": ["10.0.0.0/33"]}, "10.0.0.0/33"),
        ({"allow": ["pbx.example.com"]}, "write addresses or networks"),
        ({"allow": ["10.0.0.1/8"]}, "10.0.0.1/8"),
        ({"party": "caller"}, "party"),
        ({"stage": "talk"}, "stage"),
        ({"language": ""}, "BCP 47"),
        ({"host": "x"}, "unknown field"),
    ],
)
def test_a_mistake_in_the_settings_is_named(table, named):
    with pytest.raises(BadSettings, match=named):
        Settings.from_mapping({"audiosocket": table})
