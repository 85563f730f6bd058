"""The emotion model: the same answer in any company, honest about what it cannot take, true to its word."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import soundfile
import soxr
from onnx import helper, numpy_helper

from scripts.emotion_features import make_session
from scripts.emotion_head import Head, shrunk, softmax
from sentiment_engine.errors import BadAudio, BadSettings, ModelMismatch
from sentiment_engine.onnx_model import WINDOWS_PER_RUN, OnnxEmotionModel, load_emotion_model

REPOSITORY = Path(__file__).resolve().parent.parent
RATE_HZ = 8000


@pytest.fixture(scope="module")
def model() -> OnnxEmotionModel:
    return load_emotion_model()


def voice_like(seconds: float, seed: int) -> np.ndarray:
    """A buzz with a moving pitch and syllables: no voice, but voiced enough to leave silence behind."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    pitch_hz = rng.uniform(100, 250) * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(1, 4) * time_s))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time_s + rng.uniform(0, 6))
    return (0.1 * buzz * syllables + 0.003 * rng.standard_normal(len(time_s))).astype(np.float32)


@pytest.mark.parametrize("samples", [4000, 4001, 8037, 12345, 15999, 24000, 31113])
@pytest.mark.parametrize("batch", [2, 7, 32])
def test_a_window_scores_the_same_in_any_company(model: OnnxEmotionModel, samples: int, batch: int):
    windows = [voice_like(samples / RATE_HZ, seed) for seed in range(batch)]
    alone = np.concatenate([model([window]) for window in windows])
    raw = model._session.run(None, {"samples": np.stack(windows)})[0]  # one run, however long
    assert np.array_equal(raw, alone)
    assert np.array_equal(model(windows), alone)


def test_mixed_lengths_come_back_in_the_order_they_were_given(model: OnnxEmotionModel):
    windows = [voice_like(seconds, seed) for seed, seconds in enumerate([1.0, 3.0, 0.5, 1.0, 2.2, 3.0, 1.0])]
    assert np.array_equal(model(windows), np.concatenate([model([window]) for window in windows]))


def test_more_windows_than_one_run_holds(model: OnnxEmotionModel):
    windows = [voice_like(0.6, seed) for seed in range(WINDOWS_PER_RUN + 1)]
    assert model(windows).shape == (WINDOWS_PER_RUN + 1, len(model.labels))


def test_rows_are_probabilities(model: OnnxEmotionModel):
    scores = model([voice_like(seconds, 3) for seconds in (0.5, 1.0, 1.7, 3.0, 8.0)])
    assert scores.dtype == np.float32
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-6)
    assert scores.min() >= 0


def test_labels_and_rate_are_the_ones_the_engine_is_built_for(model: OnnxEmotionModel):
    assert model.labels == ("neutral", "happy", "sad", "angry", "fearful")
    assert model.sample_rate_hz == RATE_HZ


def test_silence_is_scored_with_finite_numbers(model: OnnxEmotionModel):
    assert np.isfinite(model([np.zeros(RATE_HZ, np.float32)])).all()


def test_loudness_alone_changes_nothing_worth_speaking_of(model: OnnxEmotionModel):
    window = voice_like(2.0, 5)
    assert np.allclose(model([window]), model([0.1 * window]), atol=0.02)


def test_no_windows_give_no_rows(model: OnnxEmotionModel):
    assert model([]).shape == (0, 5)


def test_a_long_window_is_the_average_of_its_equal_parts(model: OnnxEmotionModel):
    window = voice_like(20.0, 7)
    parts = np.array_split(window, 3)
    assert np.allclose(model([window]), model(parts).mean(axis=0), atol=1e-6)


def test_a_short_window_is_refused_with_its_length(model: OnnxEmotionModel):
    with pytest.raises(BadAudio, match=r"window 1 is 0\.499 s long.*0\.5 s"):
        model([voice_like(1.0, 0), voice_like(0.499, 0)])


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused(model: OnnxEmotionModel, poison: float):
    window = voice_like(1.0, 0)
    window[5000] = poison
    with pytest.raises(BadAudio, match="window 0 holds samples that are not finite"):
        model([window])


def test_two_channels_at_once_are_refused(model: OnnxEmotionModel):
    with pytest.raises(BadAudio, match=r"shape \(8000, 2\)"):
        model([np.zeros((8000, 2), np.float32)])


def tiny_model(
    folder: Path, *, scores: int = 5, input_name: str = "samples", rank: int = 2, **changed
) -> Path:
    """A generated model (softmax of the first samples), described like the real one except for `changed`."""
    shape = ["batch", "n", "more"][:rank]
    nodes = [
        helper.make_node("Slice", [input_name, "start", "end", "axis"], ["first"]),
        helper.make_node("Softmax", ["first"], ["probabilities"], axis=-1),
    ]
    constants = {"start": [0], "end": [scores], "axis": [rank - 1]}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(input_name, onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, [*shape[:-1], scores])],
        [helper.make_tensor(name, onnx.TensorProto.INT64, [1], value) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path = folder / "tiny.onnx"
    path.write_bytes(made.SerializeToString())
    real = json.loads((REPOSITORY / "models" / "emotion.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(real | {"sha256": digest} | changed), encoding="utf-8")
    return path


def test_a_model_that_keeps_its_promises_loads(tmp_path: Path):
    tiny = load_emotion_model(tiny_model(tmp_path))
    assert np.allclose(tiny([np.zeros(8000, np.float32)]), 0.2)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path):
    path = tiny_model(tmp_path)
    path.write_bytes(b"not a graph")
    digest = hashlib.sha256(b"not a graph").hexdigest()
    described = json.loads(path.with_suffix(".json").read_text(encoding="utf-8")) | {"sha256": digest}
    path.with_suffix(".json").write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(ModelMismatch, match=r"tiny\.onnx is no model that ONNX Runtime can run"):
        load_emotion_model(path)


def test_a_model_of_ones_own_serves_the_command_line(tmp_path: Path):
    """Dropping in a model takes a graph, its description, and --model."""
    tiny = tiny_model(tmp_path)
    call = REPOSITORY / "sentiment_engine" / "example" / "call.flac"
    command = [sys.executable, "-m", "sentiment_engine", "score", str(call), "--model", str(tiny)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    events = [json.loads(line) for line in run.stdout.splitlines()]
    scored = [event["scores"] for event in events if event["type"] == "emotion.scored"]
    assert scored
    assert all(abs(p - 0.2) < 0.15 for scores in scored for p in scores.values())  # ours is surer than that


def test_a_wrong_number_of_labels_is_refused_with_both_numbers(tmp_path: Path):
    with pytest.raises(ModelMismatch, match=r"gives 4 scores.*names 5 labels"):
        load_emotion_model(tiny_model(tmp_path, scores=4))


def test_another_file_than_the_described_one_is_refused_with_both_checksums(tmp_path: Path):
    with pytest.raises(ModelMismatch, match=rf"has sha256 [0-9a-f]{{64}}.*describes {'0' * 64}"):
        load_emotion_model(tiny_model(tmp_path, sha256="0" * 64))


@pytest.mark.parametrize("graph", [{"input_name": "audio"}, {"rank": 3}])
def test_another_input_is_refused_with_both_shapes(tmp_path: Path, graph: dict[str, object]):
    with pytest.raises(ModelMismatch, match=r"tiny\.onnx takes .*the engine feeds .*samples"):
        load_emotion_model(tiny_model(tmp_path, **graph))


def test_a_description_without_labels_is_refused(tmp_path: Path):
    with pytest.raises(ModelMismatch, match=r"tiny\.json is not a model description.*labels"):
        load_emotion_model(tiny_model(tmp_path, labels=None))


def test_a_missing_model_is_named(tmp_path: Path):
    with pytest.raises(BadSettings, match=r"nowhere\.onnx is missing"):
        load_emotion_model(tmp_path / "nowhere.onnx")


@pytest.mark.parametrize("seconds", [1.0, 2.345, 8.0])
def test_the_features_in_the_graph_are_whispers(seconds: float):
    """Held against librosa's spectrogram of the same audio, upsampled to the 16 kHz that Whisper works at."""
    librosa = pytest.importorskip("librosa")
    samples = voice_like(seconds, 11)
    whole = onnx.load(REPOSITORY / "models" / "emotion.onnx")
    prefix = onnx.utils.Extractor(whole).extract_model(["samples"], ["input_features"])
    session = onnxruntime.InferenceSession(prefix.SerializeToString(), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {"samples": samples[None]})

    upsampled = soxr.resample(samples, RATE_HZ, 2 * RATE_HZ, quality="VHQ")
    normal = (upsampled - upsampled.mean()) / np.sqrt(upsampled.var() + 1e-7)
    mel = librosa.feature.melspectrogram(
        y=normal, sr=2 * RATE_HZ, n_fft=400, hop_length=160, n_mels=80, pad_mode="reflect"
    )[:, :-1]
    log_mel = np.log10(np.maximum(mel, 1e-10))
    expected = (np.maximum(log_mel, log_mel.max() - 8) + 4) / 4

    frames = len(samples) // 80
    assert got.shape == (1, 80, frames)
    below_3500_hz = slice(0, 57)  # above, the upsampling filter decides what is left
    difference = np.abs(got[0, below_3500_hz, 2:-2] - expected[below_3500_hz, 2 : frames - 2])
    assert difference.max() < 0.05
    assert difference.mean() < 0.005


@pytest.mark.parametrize("seconds", [0.5, 1.234, 3.0, 8.0])
def test_the_graph_scores_as_the_training_code_does(model: OnnxEmotionModel, seconds: float):
    """The head that training fits, in NumPy, on the features that it was fitted on; real speech."""
    whole = onnx.load(REPOSITORY / "models" / "emotion.onnx")
    front = onnx.utils.Extractor(whole).extract_model(["samples"], ["pooled"])
    constants = {one.name: numpy_helper.to_array(one) for one in whole.graph.initializer}
    head = Head(constants["head_weight"].astype(np.float64), constants["head_bias"].astype(np.float64))
    call, rate_hz = soundfile.read(
        REPOSITORY / "sentiment_engine" / "example" / "call.flac", dtype="float32", always_2d=True
    )
    size = int(seconds * RATE_HZ)
    speech = soxr.resample(call[:, 0], rate_hz, RATE_HZ)
    windows = [speech[start : start + size] for start in range(0, len(speech) - size, 10 * RATE_HZ)]
    assert len(windows) > 3
    session = make_session(front.SerializeToString())
    pooled = np.concatenate([session.run(None, {"samples": window[None]})[0] for window in windows])
    logits = shrunk(
        head.logits(pooled), np.full(len(windows), size / RATE_HZ), model.description.calibration.shrink_s
    )
    assert abs(model(windows) - softmax(logits)).max() < 1e-3


def test_importing_the_wrapper_loads_no_model_runtime():
    heavy = ["onnxruntime", "librosa", "sklearn", "torch", "onnx"]
    code = f"import sys, sentiment_engine.onnx_model; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
