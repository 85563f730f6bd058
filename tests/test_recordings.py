"""Recordings on disk: what is read, bit for bit, and what is refused, by name and reason."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sentiment_engine.batch.inputs import call_ids, find, outputs
from sentiment_engine.batch.recordings import CutShort, Recording, to_int16
from sentiment_engine.errors import BadAudio


def noise(seconds: float, rate_hz: int = 8000, channels: int = 2, level: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(7)
    return (level * rng.standard_normal((round(seconds * rate_hz), channels))).clip(-1, 1).astype(np.float32)


def written(path: Path, samples: np.ndarray, rate_hz: int = 8000, **how: str) -> Path:
    with soundfile.SoundFile(path, "w", rate_hz, samples.shape[1], **how) as file:
        for start in range(0, len(samples), 4000):  # libsndfile's Vorbis encoder overflows on long writes
            file.write(samples[start : start + 4000])
    return path


def heard(recording: Recording, **how: float) -> bytes:
    return b"".join(recording.pieces(**how))


def collect(got: list[bytes], pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        got.append(piece)  # noqa: PERF402 what came before an error is kept


def refusal(path: Path) -> str:
    with pytest.raises(BadAudio) as refused:
        heard(Recording.open(path))
    assert path.name in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_16_bit_recording_comes_back_exactly(tmp_path: Path):
    samples = np.arange(-32768, 32768, dtype=np.int16).reshape(-1, 2)
    soundfile.write(tmp_path / "c.wav", samples, 8000, subtype="PCM_16")
    assert heard(Recording.open(tmp_path / "c.wav")) == samples.astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (1.0, 32767),
        (-1.0, -32768),
        (7.5, 32767),
        (-7.5, -32768),
        (0.5 / 32768, 0),
        (1.5 / 32768, 2),
        (-1.5 / 32768, -2),
    ],
)
def test_floats_are_rounded_half_to_even_and_clipped(value: float, becomes: int):
    samples = np.array([[value]], dtype=np.float32)
    assert struct.unpack("<h", to_int16(samples)) == (becomes,)
    assert samples[0, 0] == np.float32(value)


@pytest.mark.parametrize(
    ("name", "how", "rate_hz"),
    [
        ("pcm24.wav", {"subtype": "PCM_24"}, 8000),
        ("pcm32.wav", {"subtype": "PCM_32"}, 16000),
        ("pcm8.wav", {"subtype": "PCM_U8"}, 8000),
        ("float.wav", {"subtype": "FLOAT"}, 44100),
        ("double.wav", {"subtype": "DOUBLE"}, 22050),
        ("mulaw.wav", {"subtype": "ULAW"}, 8000),
        ("alaw.wav", {"subtype": "ALAW"}, 8000),
        ("call.flac", {}, 48000),
        ("call.mp3", {}, 44100),
        ("call.ogg", {}, 16000),
        ("call.opus", {"format": "OGG", "subtype": "OPUS"}, 48000),
        ("call.aiff", {}, 8000),
    ],
)
def test_every_common_kind_of_file_is_heard_in_full_and_in_any_pieces(tmp_path, name, how, rate_hz):
    recording = Recording.open(written(tmp_path / name, noise(3.0, rate_hz), rate_hz, **how))
    whole = heard(recording)
    assert (recording.channels, recording.rate_hz, recording.call_id) == (2, rate_hz, Path(name).stem)
    assert len(whole) / 4 / rate_hz == pytest.approx(3.0, abs=0.1)
    assert heard(recording, piece_s=0.1) == whole
    assert heard(recording, piece_s=0.7) == whole
    assert np.frombuffer(whole, "<i2").std() > 1000


def test_studio_rates_are_brought_down_before_the_monitor_hears_them(tmp_path: Path):
    rate_hz = 96_000
    tone = np.sin(2 * np.pi * 1000 * np.arange(3 * rate_hz) / rate_hz)[:, None].astype(np.float32)
    recording = Recording.open(written(tmp_path / "studio.wav", 0.5 * tone, rate_hz))
    samples = np.frombuffer(heard(recording), "<i2")
    assert (recording.file_rate_hz, recording.rate_hz) == (96_000, 48_000)
    assert len(samples) == 3 * 48_000
    spectrum = np.abs(np.fft.rfft(samples[48_000:96_000]))
    assert int(spectrum.argmax()) == 1000
    assert heard(recording, piece_s=0.1) == heard(recording, piece_s=1.0)


def test_pieces_stay_small_however_long_the_recording(tmp_path: Path):
    recording = Recording.open(written(tmp_path / "long.wav", noise(35.0)))
    assert [len(piece) for piece in recording.pieces()] == [320_000, 320_000, 320_000, 160_000]


@pytest.mark.parametrize(
    ("channels", "agent_channel", "parties"),
    [(1, 0, ("mixed",)), (1, 1, ("mixed",)), (2, 0, ("agent", "customer")), (2, 1, ("customer", "agent"))],
)
def test_channels_belong_to_the_parties_they_were_said_to(tmp_path, channels, agent_channel, parties):
    recording = Recording.open(written(tmp_path / "c.wav", noise(0.5, channels=channels)))
    assert recording.parties(agent_channel) == parties


def test_what_is_no_call_is_refused_with_reason_and_remedy(tmp_path: Path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "notes.wav").write_text("Dear customer,\n" * 50)
    (tmp_path / "noise.wav").write_bytes(os.urandom(4000))
    (tmp_path / "sound.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(500))
    (tmp_path / "headerless.raw").write_bytes(bytes(16000))
    written(tmp_path / "no_samples.wav", noise(0.0))
    written(tmp_path / "quad.wav", noise(0.5, channels=4))
    written(tmp_path / "slow.wav", noise(0.5, 4000), 4000)
    (tmp_path / "header.wav").write_bytes(written(tmp_path / "x.wav", noise(0.5)).read_bytes()[:30])
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    assert "empty" in refusal(tmp_path / "empty.wav")
    assert "holds text, not audio" in refusal(tmp_path / "notes.wav")
    assert "ffmpeg" in refusal(tmp_path / "noise.wav")
    assert "ffmpeg" in refusal(tmp_path / "sound.m4a")
    assert "ffmpeg" in refusal(tmp_path / "headerless.raw")
    assert "no samples" in refusal(tmp_path / "no_samples.wav")
    assert "4 channels" in refusal(tmp_path / "quad.wav")
    assert "4000 Hz" in refusal(tmp_path / "slow.wav")
    assert "breaks off" in refusal(tmp_path / "header.wav")
    assert "not a regular file" in refusal(tmp_path / "pipe.wav")
    assert "not a regular file" in refusal(tmp_path / "folder.wav")
    assert "no such file" in refusal(tmp_path / "absent.wav")


def test_impossible_headers_are_refused(tmp_path: Path):
    sound = bytearray(written(tmp_path / "c.wav", noise(0.5)).read_bytes())
    struct.pack_into("<H", sound, 22, 0)
    (tmp_path / "no_channels.wav").write_bytes(sound)
    struct.pack_into("<HI", sound, 22, 2, 0x7FFF_FFFF)
    (tmp_path / "fast.wav").write_bytes(sound)
    assert "no_channels.wav" in refusal(tmp_path / "no_channels.wav")
    assert "2147483647 Hz" in refusal(tmp_path / "fast.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers_are_refused(tmp_path: Path, value: float):
    samples = noise(1.0)
    samples[5000, 1] = value
    assert "not numbers" in refusal(written(tmp_path / "nan.wav", samples, subtype="FLOAT"))


def test_a_file_that_may_not_be_read_is_refused_with_the_systems_reason(tmp_path: Path):
    path = written(tmp_path / "secret.wav", noise(0.5))
    path.chmod(0)
    if os.geteuid():
        assert "Permission denied" in refusal(path)
        return
    os.seteuid(65534)  # root may read anything
    try:
        assert "Permission denied" in refusal(path)
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("name", ["call.wav", "call.flac", "call.mp3"])
def test_a_recording_cut_short_gives_what_there_is_and_then_says_so(tmp_path: Path, name: str):
    path = written(tmp_path / name, noise(30.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    got: list[bytes] = []
    with pytest.raises(
        CutShort, match=r"cut short: of the (30\.0|29\.\d) s in its header only (2\d\.\d|1\d\.\d) s"
    ):
        collect(got, Recording.open(path).pieces(piece_s=1.0))
    assert 15.0 < len(b"".join(got)) / 32_000 < 22.0


@pytest.mark.parametrize("size", [0xFFFF_FFFF, 0x7FFF_FFFF])
def test_a_length_left_open_by_the_recorder_promises_nothing(tmp_path: Path, size: int):
    sound = bytearray(written(tmp_path / "c.wav", noise(2.0)).read_bytes())
    struct.pack_into("<I", sound, sound.index(b"data") + 4, size)
    (tmp_path / "streamed.wav").write_bytes(sound)
    assert len(heard(Recording.open(tmp_path / "streamed.wav"))) == 64_000


def touch(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [folder / name for name in names]


def test_folders_are_searched_to_the_bottom_and_in_order(tmp_path: Path):
    touch(tmp_path, "b.wav", "a.MP3", "deep/er/c.flac", "notes.txt", ".hidden.wav", ".git/d.wav", "e.m4a")
    found, problems = find([str(tmp_path)])
    assert [str(one.path.relative_to(tmp_path)) for one in found] == [
        "a.MP3",
        "b.wav",
        "e.m4a",
        "deep/er/c.flac",
    ]
    assert problems == []


def test_patterns_are_expanded_here_and_a_file_named_twice_counts_once(tmp_path: Path):
    touch(tmp_path, "a.wav", "b.wav", "x/c.wav", "x/notes.txt", "odd.dat", "star[1].wav")
    names = lambda *arguments: [one.path.name for one in find(map(str, arguments))[0]]  # noqa: E731
    assert names(tmp_path / "*.wav", tmp_path / "a.wav") == ["a.wav", "b.wav", "star[1].wav"]
    assert sorted(names(tmp_path / "**")) == ["a.wav", "b.wav", "c.wav", "star[1].wav"]
    assert names(tmp_path / "*.dat") == ["odd.dat"]
    assert names(tmp_path / "star[1].wav") == ["star[1].wav"]


def test_an_argument_that_yields_nothing_is_a_failed_input(tmp_path: Path):
    touch(tmp_path, "docs/notes.txt")
    found, problems = find([str(tmp_path / "docs"), str(tmp_path / "*.wav"), str(tmp_path / "absent.wav")])
    assert [one.path.name for one in found] == ["absent.wav"]
    assert "no recording in this folder" in problems[0]
    assert "no file matches this pattern" in problems[1]


def test_call_ids_are_names_told_apart_where_two_would_be_alike(tmp_path: Path):
    ids = lambda *names: call_ids([tmp_path / name for name in names])  # noqa: E731
    assert ids("a.wav", "b.c.wav") == ["a", "b.c"]
    assert ids("mon/a.wav", "tue/a.wav", "tue/b.wav") == ["mon/a", "tue/a", "b"]
    assert ids("x/mon/a.wav", "y/mon/a.wav") == ["x/mon/a", "y/mon/a"]
    assert ids("a.wav", "a.mp3") == ["a.wav", "a.mp3"]
    assert ids("a.wav", "a.mp3", "a.wav.mp3") == ["a.wav", "a.mp3", "a.wav.mp3"]
    assert ids("mon/a.wav", "tue/a.wav") == ids("mon/a.wav", "tue/a.wav")


def test_call_ids_and_file_names_are_printable_and_short_whatever_the_file_is_called(tmp_path: Path):
    paths = [
        tmp_path / os.fsdecode(b"caf\xe9.wav"),
        tmp_path / "line\nbreak.wav",
        tmp_path / ("长" * 80 + ".wav"),
    ]
    ids = call_ids(paths)
    inputs = find(map(str, paths))[0]
    assert ids == ["caf\\xe9", "line\\nbreak", "长" * 80]
    assert all(one.isprintable() and len(one) <= 200 for one in ids)
    assert all(len(os.fsencode(path.name)) <= 255 for path in outputs(tmp_path, inputs, ids))
    written(tmp_path / f"{'a' * 240}.wav", noise(0.5))
    long = Recording.open(tmp_path / f"{'a' * 240}.wav").call_id
    assert long == call_ids([tmp_path / f"{'a' * 240}.wav"])[0]
    assert len(long) == 200


def test_events_go_to_the_call_id_in_the_folder_it_was_found_in(tmp_path: Path):
    touch(tmp_path, "in/a.wav", "in/x/b.wav", "in/x/c.wav", "in/y/c.wav")
    inputs = find([str(tmp_path / "in")])[0]
    ids = call_ids([one.path for one in inputs])
    below = [str(path.relative_to(tmp_path)) for path in outputs(tmp_path, inputs, ids)]
    assert below == ["a.jsonl", "x/b.jsonl", "x/c.jsonl", "y/c.jsonl"]
