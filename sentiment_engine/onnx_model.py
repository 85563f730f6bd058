"""The emotion model on ONNX Runtime, checked against its own description before its first window.

`emotion.onnx` holds everything between samples and probabilities: features, network, calibration. This file
only groups windows of equal length into one run; the graph is built so that a window's scores are the same,
to the last bit, whatever shares its run (`tests/test_onnx_model.py` holds it to that).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from .errors import BadAudio, BadSettings, ModelMismatch

if TYPE_CHECKING:
    import onnxruntime

Float32 = npt.NDArray[np.float32]

INPUT, OUTPUT = "samples", "probabilities"
# Memory grows with the run, speed hardly does past a few windows; scores do not depend on it.
WINDOWS_PER_RUN = 16


class Corpus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One corpus that the weights were trained on."""

    name: str
    title: str
    licence: str
    language: str
    clips: int
    speakers: int
    weight: float
    """Its share of the training loss."""


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How logits became probabilities; already inside the graph, told here for the record."""

    method: str
    temperature: float
    fitted_on: str
    shrink_s: float = 0.0
    """A window of t seconds keeps t / (t + shrink_s) of its logits: the less was heard, the less is said."""


class Trunk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pre-trained network that the features come from."""

    name: str
    source: str
    sha256: str
    licence: str


class ModelDescription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What emotion.json says about emotion.onnx."""

    name: str
    labels: tuple[str, ...]
    sample_rate_hz: int
    min_window_s: float
    max_window_s: float
    calibration: Calibration
    trunk: Trunk
    training_data: tuple[Corpus, ...]
    metrics: dict[str, Any]
    licence: str
    limits: str
    """What a score does not mean, in plain words."""
    seed: int
    sha256: str
    """Of the .onnx file, in hex."""


class OnnxEmotionModel:
    """Windows of speech in, one row of emotion probabilities for each out. Keeps nothing between calls."""

    def __init__(self, session: onnxruntime.InferenceSession, description: ModelDescription) -> None:
        self._session = session
        self.description = description
        self.labels = description.labels
        self.sample_rate_hz = description.sample_rate_hz
        self.sha256 = description.sha256

    def __repr__(self) -> str:
        return f"<OnnxEmotionModel {self.description.name} {self.sample_rate_hz} Hz {'/'.join(self.labels)}>"

    def __call__(self, windows: Sequence[Float32]) -> Float32:
        """Score `windows`, each float32 mono (n,) at `sample_rate_hz`, any lengths of `min_window_s` or more.

        Returns float32 (len(windows), labels); rows sum to 1. A window longer than `max_window_s` is cut into
        equal parts whose probabilities are averaged. Loudness does not matter. Raises BadAudio, naming the
        window, when it is too short, not one-dimensional, or holds samples that are not finite.
        """
        parts = [part for index, window in enumerate(windows) for part in self._parts(index, window)]
        scores = np.zeros((len(windows), len(self.labels)), np.float64)
        for group in _equal_lengths(parts):
            batch = np.stack([samples for _, _, samples in group])
            (rows,) = self._session.run([OUTPUT], {INPUT: batch})
            for (index, share, _), row in zip(group, rows, strict=True):
                scores[index] += share * row
        return scores.astype(np.float32)

    def _parts(self, index: int, window: Float32) -> list[tuple[int, float, Float32]]:
        """The window's own index, its parts' share in the average, and the parts' samples."""
        samples = np.asarray(window, np.float32)
        if samples.ndim != 1:
            raise BadAudio(f"window {index} has shape {samples.shape}; a window is one row of samples")
        length_s = len(samples) / self.sample_rate_hz
        if length_s < self.description.min_window_s:
            raise BadAudio(
                f"window {index} is {length_s:.3f} s long; "
                f"the model needs at least {self.description.min_window_s:g} s"
            )
        if not np.isfinite(samples).all():
            raise BadAudio(f"window {index} holds samples that are not finite numbers")
        count = -(-len(samples) // int(self.description.max_window_s * self.sample_rate_hz))
        return [(index, 1 / count, part) for part in np.array_split(samples, count)]


def load_emotion_model(path: Path | None = None, *, threads: int = 1) -> OnnxEmotionModel:
    """Load `path` (default: the model that ships with the package) and the .json of the same name.

    `threads` is the number of threads in one run. Raises BadSettings when a file is missing, ModelMismatch
    when the two files do not describe the same model.
    """
    # Imported here so that importing the package loads no model runtime.
    import onnxruntime  # noqa: PLC0415

    path = path or _default_path()
    description_path = path.with_suffix(".json")
    for needed in (path, description_path):
        if not needed.is_file():
            raise BadSettings(f"{needed} is missing; an emotion model is an .onnx and its .json")
    description = _read_description(description_path)
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != description.sha256:
        raise ModelMismatch(
            f"{path.name} has sha256 {sha256}, {description_path.name} describes {description.sha256}"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle calls must cost nothing
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as reason:  # the runtime raises private classes of its own
        raise ModelMismatch(f"{path.name} is no model that ONNX Runtime can run: {reason}") from reason
    _check_shapes(session, description, path)
    return OnnxEmotionModel(session, description)


def _default_path() -> Path:
    """models/emotion.onnx inside the installed package, else beside it in a source tree."""
    package = Path(__file__).resolve().parent
    places = [package / "models" / "emotion.onnx", package.parent / "models" / "emotion.onnx"]
    for place in places:
        if place.is_file():
            return place
    raise BadSettings(
        f"no emotion model at {places[0]} or {places[1]}: reinstall the package, "
        "or build the model with scripts/train_emotion.py"
    )


def _read_description(path: Path) -> ModelDescription:
    try:
        description = msgspec.json.decode(path.read_bytes(), type=ModelDescription)
    except msgspec.DecodeError as error:
        raise ModelMismatch(f"{path.name} is not a model description: {error}") from error
    if not 0 < description.min_window_s < description.max_window_s:
        raise ModelMismatch(
            f"{path.name} gives min_window_s {description.min_window_s}, which must lie between 0 "
            f"and max_window_s {description.max_window_s}"
        )
    return description


def _check_shapes(session: onnxruntime.InferenceSession, description: ModelDescription, path: Path) -> None:
    """Compare what the graph says of itself with what the description says of it."""
    inputs = [(value.name, value.type, len(value.shape)) for value in session.get_inputs()]
    if inputs != [(INPUT, "tensor(float)", 2)]:
        raise ModelMismatch(f"{path.name} takes {inputs}; the engine feeds [('{INPUT}', 'tensor(float)', 2)]")
    outputs = [value for value in session.get_outputs() if value.name == OUTPUT]
    if not outputs:
        raise ModelMismatch(
            f"{path.name} gives {[value.name for value in session.get_outputs()]}; "
            f"the engine reads '{OUTPUT}'"
        )
    width = outputs[0].shape[-1]
    if width != len(description.labels):
        raise ModelMismatch(
            f"{path.name} gives {width} scores, {path.stem}.json names {len(description.labels)} labels"
        )


def _equal_lengths(
    parts: list[tuple[int, float, Float32]],
) -> Iterator[list[tuple[int, float, Float32]]]:
    """Parts of one length together, at most WINDOWS_PER_RUN at a time, in the order they came."""
    by_length: dict[int, list[tuple[int, float, Float32]]] = {}
    for part in parts:
        by_length.setdefault(len(part[2]), []).append(part)
    for group in by_length.values():
        for start in range(0, len(group), WINDOWS_PER_RUN):
            yield group[start : start + WINDOWS_PER_RUN]
