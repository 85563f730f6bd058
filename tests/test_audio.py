"""Kept audio: what is put in parts comes back as one recording, and nobody without the key hears it."""

import hashlib
import io
import stat

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from voices import examples

from sentiment_engine import BadSettings
from sentiment_engine.archive import audio
from sentiment_engine.archive.audio import Format, KeptAudio, decoded, new_name, peaks
from sentiment_engine.archive.audio_key import load_audio_key, make_audio_key
from sentiment_engine.errors import BadRecording
from sentiment_engine.settings import Settings

RATE_HZ = 8000
STEREO = Format(RATE_HZ, 2)


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return make_audio_key(tmp_path_factory.mktemp("keys") / "audio.key")


@pytest.fixture
def kept(tmp_path, key):
    return KeptAudio(tmp_path / "audio", key)


def noise(frames, channels=2, seed=1):
    return np.random.default_rng(seed).integers(-9000, 9000, (channels, frames)).astype(np.int16)


def test_parts_become_one_recording_with_silence_where_there_were_none(kept, tmp_path):
    name = new_name()
    kept.put(name, 100, noise(300), RATE_HZ)
    kept.put(name, 200_000, noise(500, seed=2), RATE_HZ)  # after a gap longer than one piece of silence
    live = decoded(kept.read(name, STEREO).flac)
    joined = kept.finish(name, STEREO, 201_000)
    heard = decoded(joined.flac)
    expected = np.zeros((201_000, 2), np.int16)
    expected[100:400], expected[200_000:200_500] = noise(300).T, noise(500, seed=2).T
    assert np.array_equal(heard, expected)
    assert np.array_equal(live, expected[:200_500])
    assert (joined.frames, joined.lost) == (201_000, 0)
    assert joined.sha256 == hashlib.sha256(joined.flac).hexdigest()
    assert soundfile.info(io.BytesIO(joined.flac)).samplerate == RATE_HZ
    assert [path.name for path in (tmp_path / "audio").iterdir()] == [name + ".flac.age"]
    assert kept.read(name, STEREO).flac == joined.flac
    assert kept.finish(name, STEREO, 201_000) == joined  # a server that was killed asks again


@given(
    cuts=st.lists(st.integers(1, 900), min_size=1, max_size=6),
    gaps=st.lists(st.integers(0, 500), min_size=6, max_size=6),
    form=st.sampled_from([Format(8000, 1), STEREO, Format(11025, 2), Format(48000, 1)]),
)
@examples(15)
def test_any_parts_and_gaps_come_back_sample_for_sample(tmp_path_factory, key, cuts, gaps, form):
    kept, name = KeptAudio(tmp_path_factory.mktemp("kept"), key), new_name()
    expected, at = [], 0
    for number, (frames, gap) in enumerate(zip(cuts, gaps, strict=False)):
        samples = noise(frames, form.channels, number)
        kept.put(name, at + gap, samples, form.rate_hz)
        expected += [np.zeros((gap, form.channels), np.int16), samples.T]
        at += gap + frames
    assert np.array_equal(decoded(kept.finish(name, form, at).flac), np.concatenate(expected))


def test_nothing_is_on_disk_in_the_clear(kept, tmp_path):
    name = new_name()
    kept.put(name, 0, np.zeros((2, 8000), np.int16), RATE_HZ)

    def everything():
        return [path.read_bytes() for path in (tmp_path / "audio").rglob("*") if path.is_file()]

    assert stat.S_IMODE((tmp_path / "audio").stat().st_mode) == 0o700
    assert all(data.startswith(b"age-encryption.org/v1\n") for data in everything())
    kept.finish(name, STEREO, 8000)
    (whole,) = everything()
    assert whole.startswith(b"age-encryption.org/v1\n")
    assert b"fLaC" not in whole


def test_a_part_that_is_damaged_costs_its_own_stretch(kept, tmp_path):
    name = new_name()
    for at in (0, 400, 800):
        kept.put(name, at, noise(400, seed=at), RATE_HZ)
    part = tmp_path / "audio" / f"{name}.parts" / f"{400:012d}.age"
    part.write_bytes(part.read_bytes()[:-1])
    joined = kept.finish(name, STEREO, 1200)
    heard = decoded(joined.flac)
    assert joined.lost == 1
    assert np.array_equal(heard[:400], noise(400, seed=0).T)
    assert not heard[400:800].any()
    assert np.array_equal(heard[800:], noise(400, seed=800).T)


def test_another_key_finishes_nothing_and_removes_nothing(kept, tmp_path):
    name = new_name()
    kept.put(name, 0, noise(400), RATE_HZ)
    other = KeptAudio(tmp_path / "audio", make_audio_key(tmp_path / "other.key"))
    with pytest.raises(BadRecording, match="cannot be decrypted with this audio"):
        other.finish(name, STEREO, 400)
    with pytest.raises(BadRecording, match="the settings name no audio"):
        KeptAudio(tmp_path / "audio", None).read(name, STEREO)
    assert kept.finish(name, STEREO, 400).frames == 400
    with pytest.raises(BadRecording, match="cannot be decrypted"):
        other.read(name, STEREO)


def test_every_flipped_byte_of_a_recording_is_found(kept, tmp_path):
    name = new_name()
    kept.put(name, 0, noise(10), RATE_HZ)
    joined = kept.finish(name, STEREO, 10)
    path = tmp_path / "audio" / f"{name}.flac.age"
    sealed = path.read_bytes()
    for at in range(len(sealed)):
        path.write_bytes(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
        with pytest.raises(BadRecording):
            kept.read(name, STEREO)
    path.write_bytes(sealed)
    assert kept.read(name, STEREO) == joined


def test_what_is_not_there(kept, tmp_path):
    assert kept.names() == set()
    with pytest.raises(BadRecording, match="has no file"):
        kept.read(new_name(), STEREO)
    assert kept.finish(new_name(), STEREO, 8000) is None
    name = new_name()
    kept.put(name, 0, noise(5), RATE_HZ)
    (tmp_path / "audio" / "notes.txt").write_text("not ours")
    assert kept.names() == {name}
    kept.remove(name)
    kept.remove(name)
    assert kept.names() == set()
    assert (tmp_path / "audio" / "notes.txt").exists()


def test_a_file_that_cannot_be_read_is_named(kept, tmp_path, monkeypatch):
    name = new_name()
    kept.put(name, 0, noise(5), RATE_HZ)
    kept.finish(name, STEREO, 5)

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(audio.Path, "read_bytes", refuse)
    with pytest.raises(BadRecording, match=rf"{name}\.flac\.age cannot be read: Permission denied"):
        kept.read(name, STEREO)


@pytest.mark.parametrize("data", [b"", b"fLaC", b"RIFF" * 20, bytes(100)])
def test_what_is_no_flac_is_refused(data):
    with pytest.raises(BadRecording, match="is no FLAC file"):
        decoded(data)


# -- peaks


def test_peaks_hold_the_lowest_and_highest_of_each_stretch():
    samples = np.zeros((800, 2), np.int16)
    samples[399], samples[400], samples[799] = (32767, 0), (-32768, 258), (0, -129)
    assert peaks(samples, 8000, 20) == [[0, 127, -127, 0], [0, 0, 0, 1]]
    assert peaks(samples[:401], 8000, 20) == [[0, 127, -127, -127], [0, 0, 1, 1]]
    assert peaks(samples[:0], 8000, 20) == [[], []]


@given(frames=st.integers(1, 3000), rate_hz=st.sampled_from([8000, 11025, 22050, 48000]))
@examples(30)
def test_peaks_cover_every_sample_once(frames, rate_hz):
    samples = noise(frames, 1, frames).T
    (drawn,) = peaks(samples, rate_hz, 20)
    assert len(drawn) == 2 * -(-frames * 20 // rate_hz)
    assert min(drawn[::2]) == round(int(samples.min()) * 127 / 32768)
    assert max(drawn[1::2]) == round(int(samples.max()) * 127 / 32768)


# -- keys


def test_a_key_is_for_its_owner_alone_and_is_never_overwritten(tmp_path):
    path = tmp_path / "audio.key"
    made = make_audio_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = load_audio_key(path)
    assert loaded.public == made.public
    assert path.read_text().startswith(f"# public key: {made.public}\nAGE-SECRET-KEY-1")
    assert loaded.open(made.seal(b"voice")) == b"voice"
    with pytest.raises(BadSettings, match="already there"):
        make_audio_key(path)
    path.chmod(0o644)
    with pytest.raises(BadSettings, match="others may read"):
        load_audio_key(path)


@pytest.mark.parametrize(
    "text", ["", "AGE-SECRET-KEY-1QQQQ", "# only a comment", "AGE-SECRET-KEY-1A\n" * 2, "\0"]
)
def test_what_is_no_key_is_refused_without_showing_it(tmp_path, text):
    path = tmp_path / "audio.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BadSettings, match="is no key for audio") as refused:
        load_audio_key(path)
    assert "QQQQ" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"keep_audio": True}, "keep_audio needs audio.key"),
        ({"audio": {"key": "a\0b"}}, "audio.key must be the name of a file"),
        ({"audio": {"keep_days": -1.0}}, "keep_days"),
        ({"keep_audio": 1}, "keep_audio"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, named):
    with pytest.raises(BadSettings, match=named):
        Settings.from_mapping(settings)
