"""Bytes become samples: nothing is lost, added or moved, however they arrive."""

import io

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st
from voices import at_rate, encoded, example_call, examples, pieces

from sentiment_engine import BadAudio
from sentiment_engine.frames import BLOCK_SAMPLES, RATE_HZ
from sentiment_engine.pcm import ENCODINGS, G711, SILENCE, Decoder, decode

RATES = (8000, 8001, 11025, 16000, 44100, 48000)


def heard(decoder, chunks):
    """All blocks of a call side by side, shape (channels, samples)."""
    blocks = [block for chunk in chunks for block in decoder.feed(chunk)]
    blocks += decoder.finish()
    assert all(block.shape == (decoder.channels, BLOCK_SAMPLES) for block in blocks)
    return np.concatenate([np.zeros((decoder.channels, 0), np.int16), *blocks], axis=1)


@pytest.mark.parametrize(("encoding", "subtype"), [("mulaw", "ULAW"), ("alaw", "ALAW")])
def test_every_g711_code_means_what_libsndfile_says(encoding, subtype):
    raw = io.BytesIO(bytes(range(256)))
    theirs, _ = soundfile.read(
        raw, dtype="int16", format="RAW", subtype=subtype, channels=1, samplerate=RATE_HZ
    )
    assert decode(encoding, bytes(range(256)), 1).tolist() == [theirs.tolist()]


@pytest.mark.parametrize("encoding", ["mulaw", "alaw"])
def test_g711_survives_a_round_trip(encoding):
    sound = G711[encoding][np.arange(256)]
    assert decode(encoding, encoded(sound, encoding), 1).tolist() == [sound.tolist()]


def test_pcm_is_little_endian_and_signed():
    assert decode("pcm_s16le", b"\x01\x00\xff\xff\x00\x80\xff\x7f", 2).tolist() == [[1, -32768], [-1, 32767]]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_silence_is_as_quiet_as_the_encoding_can_say(encoding):
    assert abs(decode(encoding, SILENCE[encoding], 1)).tolist() == [[0 if encoding != "alaw" else 8]]


def test_two_channels_come_apart_in_the_order_they_were_sent():
    sound = np.stack([np.arange(1600), -np.arange(1600)], axis=1).astype(np.int16)
    left, right = heard(Decoder("pcm_s16le", RATE_HZ, 2), [encoded(sound)])
    assert left.tolist() == list(range(1600))
    assert (right == -left).all()


def test_telephone_rate_passes_without_loss_and_the_last_block_is_padded_with_silence():
    sound = example_call(5.0, 1.03)
    got = heard(Decoder("pcm_s16le", RATE_HZ, 2), [encoded(sound)])
    assert got.shape[1] == 1.1 * RATE_HZ
    assert (got[:, : len(sound)] == sound.T).all()
    assert not got[:, len(sound) :].any()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", [rate for rate in RATES if rate != RATE_HZ])
def test_a_stream_resampled_in_pieces_equals_the_whole_resampled_at_once(rate_hz, channels):
    sound = at_rate(example_call(5.0, 2.0), rate_hz)[:, :channels]
    whole = soxr.resample(sound.astype(np.float32) / 32768, rate_hz, RATE_HZ, quality=soxr.MQ)
    got = heard(Decoder("pcm_s16le", rate_hz, channels), pieces(encoded(sound), 1111)).T
    assert abs(got[: len(whole)] - np.rint(whole * 32768)).max() <= 1
    assert not got[len(whole) :].any()
    assert abs(len(whole) - 2 * RATE_HZ) <= 1


def test_the_loudest_sound_does_not_wrap_around_in_the_resampler():
    square = np.repeat(np.tile(np.array([32767, -32768], np.int16), 60), 40)
    (got,) = heard(Decoder("pcm_s16le", 16000, 1), [encoded(square)])
    inside = got[400:2000]
    expected = np.where(square[800:4000:2] > 0, 1, -1)
    settled = np.abs(inside.astype(int)) > 20000
    assert settled.mean() > 0.8
    assert (np.sign(inside) == expected)[settled].all()


@given(data=st.data())
@examples(60)
def test_the_clock_counts_whole_samples_whatever_the_pieces(data):
    encoding = data.draw(st.sampled_from(ENCODINGS))
    rate_hz = data.draw(st.sampled_from(RATES))
    channels = data.draw(st.sampled_from([1, 2]))
    sizes = data.draw(st.lists(st.integers(0, 5000), max_size=12))
    decoder = Decoder(encoding, rate_hz, channels)
    width = len(SILENCE[encoding]) * channels
    total = 0
    for size in sizes:
        list(decoder.feed(bytes(size)))
        total += size
        assert decoder.heard_s == total // width / rate_hz
    list(decoder.finish())
    assert decoder.heard_s == total // width / rate_hz


def test_a_part_of_a_sample_waits_for_its_other_bytes():
    sound = encoded(example_call(5.0, 0.5))
    whole = heard(Decoder("pcm_s16le", RATE_HZ, 2), [sound])
    assert (heard(Decoder("pcm_s16le", RATE_HZ, 2), pieces(sound, 3)) == whole).all()
    assert (heard(Decoder("pcm_s16le", RATE_HZ, 2), [sound + b"\x11\x22\x33"]) == whole).all()


@pytest.mark.parametrize("rate_hz", [8000, 11025, 48000])
def test_a_gap_drops_the_part_of_a_sample_before_it_and_moves_the_clock_exactly(rate_hz):
    decoder = Decoder("pcm_s16le", rate_hz, 2)
    before = list(decoder.feed(b"\x01\x00\x01\x00" * 100 + b"\x55\x55\x55"))
    across = list(decoder.silence(3 * rate_hz + 7))
    assert decoder.heard_s == (100 + 3 * rate_hz + 7) / rate_hz
    list(decoder.feed(b"\x01\x00\x01\x00" * 10))
    assert decoder.heard_s == (110 + 3 * rate_hz + 7) / rate_hz
    assert before == []
    assert np.abs(np.concatenate(across, axis=1)).max() <= 2  # no odd byte is read as a loud sample


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_no_bytes_give_no_samples(rate_hz, channels):
    assert heard(Decoder("mulaw", rate_hz, channels), []).shape == (channels, 0)
    assert heard(Decoder("mulaw", rate_hz, channels), [b"", b""]).shape == (channels, 0)


@pytest.mark.parametrize(
    ("encoding", "rate_hz", "channels", "named"),
    [
        ("opus", 8000, 1, "encoding 'opus'"),
        ("", 8000, 1, "encoding ''"),
        ("pcm_s16le", 0, 1, "sample_rate 0 Hz"),
        ("pcm_s16le", -8000, 1, "sample_rate -8000 Hz"),
        ("pcm_s16le", 48001, 1, "sample_rate 48001 Hz"),
        ("pcm_s16le", 8000, 0, "0 channels"),
        ("pcm_s16le", 8000, 3, "3 channels"),
    ],
)
def test_what_cannot_be_decoded_is_refused_by_name(encoding, rate_hz, channels, named):
    with pytest.raises(BadAudio, match=named):
        Decoder(encoding, rate_hz, channels)
