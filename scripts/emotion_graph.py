"""The emotion network as one ONNX graph: 8 kHz samples in, probabilities out.

Three parts are joined here:

1. Whisper's log-mel features, computed on 8 kHz audio so that they equal those of the same audio upsampled
   to 16 kHz. A 200-point DFT at 8 kHz has the 40 Hz bins of the 400-point DFT at 16 kHz; it sums half as
   many samples, so power is multiplied by four. Mel filters above 4 kHz see nothing and rest on the floor.
2. The trunk: convolutions and the first transformer blocks of smart-turn v3.2 (a Whisper-tiny encoder), with
   its static int8 scales, written as ONNX Runtime likes it best (`quicken`). Its 8-second shape constants are
   replaced, so that any length runs without padding. Between the first and the second block, neighbouring
   tokens are averaged: that halves the second block's cost and loses nothing that leave-one-corpus-out can
   see (models/EXPERIMENTS.md).
3. Mean and standard deviation over time of the convolutions, of each block and of the log-mel, then a linear
   head whose logits shrink for short windows.

No window may influence another one in its batch, to the last bit. Hence static scales, sums over rows that
are padded to whole vector registers (a reduction that starts unaligned adds up in another order), and a head
that multiplies per window: `W @ (batch, features, 1)` stays `batch` separate products, while
`(batch, features) @ W` would become one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

RATE_HZ = 8000
WINDOW_SAMPLES = 200  # 25 ms, Whisper's n_fft of 400 at 16 kHz
HOP_SAMPLES = 80  # 10 ms
MELS = 80
MEL_FLOOR = 1e-10  # Whisper's, below which the logarithm is not taken
WIDTH = 384  # of the Whisper-tiny encoder
HEADS = 6
OPSET = 20  # the first with Gelu
POSITIONS = "inner.encoder.embed_positions.weight"
STAGES = {0: "add_20", 1: "add_146", 2: "add_268"}
"""The trunk's own names for the residual stream after the convolutions and after each block."""
HALVED = "halved"
"""The residual stream after block 1 at half the token rate: what block 2 reads."""
MOVES = ("Concat", "Slice")
"""Operators that give numbers as they were."""
TRUNK_SHA256 = "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f"

Float32 = npt.NDArray[np.float32]

FEATURES = """
<ir_version: 10, opset_import: ["": 20]>
log_mel (float[batch, n_samples] samples) => (float[batch, 80, frames] input_features)
{
  length = Shape <start: int = 1, end: int = 2> (samples)
  length_f = Cast <to: int = 1> (length)
  past_hop = Mod (length, hop)
  to_hop = Sub (hop, past_hop)
  row_padding = Concat <axis: int = 0> (zero, zero, zero, to_hop)
  padded = Pad (samples, row_padding)
  sum = ReduceSum <keepdims: int = 1> (padded, one)
  mean = Div (sum, length_f)
  centred = Sub (samples, mean)
  centred_padded = Pad (centred, row_padding)
  squares = Mul (centred_padded, centred_padded)
  sum_squares = ReduceSum <keepdims: int = 1> (squares, one)
  variance = Div (sum_squares, length_f)
  variance_eps = Add (variance, variance_floor)
  deviation = Sqrt (variance_eps)
  normal = Div (centred, deviation)
  reflected = Pad <mode: string = "reflect"> (normal, edge_padding)
  channel = Unsqueeze (reflected, one)
  waves = Conv <strides: ints = [80]> (channel, dft)
  frames_plus = Shape <start: int = 2, end: int = 3> (waves)
  frames_kept = Sub (frames_plus, one)
  kept = Slice (waves, zero, frames_kept, two)
  waves2 = Mul (kept, kept)
  power_cos, power_sin = Split <axis: int = 1, num_outputs: int = 2> (waves2)
  power = Add (power_cos, power_sin)
  mel = MatMul (mel_filters, power)
  mel_floored = Max (mel, mel_floor)
  mel_ln = Log (mel_floored)
  mel_log10 = Mul (mel_ln, per_ln10)
  loudest = ReduceMax <keepdims: int = 1> (mel_log10, one_two)
  lowest = Sub (loudest, dynamic_range)
  clamped = Max (mel_log10, lowest)
  lifted = Add (clamped, four)
  input_features = Div (lifted, four)
}
"""


_PRODUCT = """
product (float[batch, channels, n] {source}) => ()
{{
  {name}_rows = Transpose <perm: ints = [0, 2, 1]> ({source})
  {name}_padded = Pad ({name}_rows, row_around)
  {name}_int = QuantizeLinear ({name}_padded, {name}_step, {name}_zero)
  {name}_0 = Slice ({name}_int, tap0, but2, row_axis, {name}_stride)
  {name}_1 = Slice ({name}_int, tap1, but1, row_axis, {name}_stride)
  {name}_2 = Slice ({name}_int, tap2, all, row_axis, {name}_stride)
  {name}_seen_int = Concat <axis: int = 2> ({name}_0, {name}_1, {name}_2)
  {name}_seen = DequantizeLinear ({name}_seen_int, {name}_step, {name}_zero)
  {name}_weight = DequantizeLinear <axis: int = 1> ({name}_taps, {name}_scales, {name}_zeros)
  {name}_product = MatMul ({name}_seen, {name}_weight)
  {name}_biased = Add ({name}_product, {name}_bias)
  {name}_bent = Gelu ({name}_biased)
  {target} = Transpose <perm: ints = [0, 2, 1]> ({name}_bent)
}}
"""


def mel_filters() -> Float32:
    """Whisper's 80 Slaney mel filters over the 101 bins up to 4 kHz, times four; shape (80, 101)."""
    import librosa  # noqa: PLC0415  the tests read the constants above without it

    filters = librosa.filters.mel(sr=2 * RATE_HZ, n_fft=2 * WINDOW_SAMPLES, n_mels=MELS)
    return (4.0 * filters[:, : WINDOW_SAMPLES // 2 + 1]).astype(np.float32)


def dft_bases() -> Float32:
    """Hann-windowed cosines, then sines, of bins 0..100; shape (202, 1, 200), a convolution's weight."""
    n = np.arange(WINDOW_SAMPLES)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / WINDOW_SAMPLES)
    phase = 2 * np.pi * np.outer(np.arange(WINDOW_SAMPLES // 2 + 1), n) / WINDOW_SAMPLES
    bases = np.concatenate([np.cos(phase), np.sin(phase)]) * hann
    return bases[:, None, :].astype(np.float32)


def feature_model() -> onnx.ModelProto:
    """Samples (batch, n_samples) at 8 kHz -> `input_features` (batch, 80, n_samples // 80)."""
    model = onnx.parser.parse_model(FEATURES)
    _constants(
        model,
        {
            "hop": np.array([HOP_SAMPLES]),
            "zero": np.array([0]),
            "one": np.array([1]),
            "two": np.array([2]),
            "one_two": np.array([1, 2]),
            "edge_padding": np.array([0, WINDOW_SAMPLES // 2, 0, WINDOW_SAMPLES // 2]),
            "variance_floor": np.float32(1e-7),
            "mel_floor": np.float32(MEL_FLOOR),
            "per_ln10": np.float32(1 / np.log(10)),
            "dynamic_range": np.float32(8.0),
            "four": np.float32(4.0),
            "dft": dft_bases(),
            "mel_filters": mel_filters(),
        },
    )
    return model


def trunk_model(trunk: Path, stages: Sequence[int]) -> onnx.ModelProto:
    """`input_features` (batch, 80, frames) -> the residual stream after each of `stages` (keys of STAGES)."""
    extractor = onnx.utils.Extractor(onnx.load(trunk))
    outputs = [STAGES[stage] for stage in stages]
    model = extractor.extract_model(["input_features"], outputs)
    graph = model.graph
    # The file was exported for 400 tokens exactly; 0 copies the batch, -1 takes the tokens of this window.
    merged = {"val_74": [0, -1, WIDTH], "val_31": [0, -1, HEADS, 64], "val_24": [0, -1, HEADS, 64]}
    nodes = [node for node in graph.node if node.output[0] not in merged]
    for node in nodes:
        if node.op_type == "Reshape" and node.input[1] in merged:
            del node.attribute[:]  # allowzero, which would make 0 mean 0
        if POSITIONS in node.input:
            node.input[list(node.input).index(POSITIONS)] = "positions"
    nodes += [
        helper.make_node("Shape", ["permute"], ["tokens"], start=1, end=2),
        helper.make_node("Slice", [POSITIONS, "from0", "tokens", "axis0"], ["positions"]),
    ]
    if 2 in stages:
        for node in nodes:  # the block's first norm and its residual connection both read the stream
            if node.output[0] != STAGES[1] and STAGES[1] in node.input:
                node.input[list(node.input).index(STAGES[1])] = HALVED
        nodes += _halve(STAGES[1], HALVED)
    _constants(model, {name: np.array(shape) for name, shape in merged.items()})
    _constants(model, {"from0": np.array([0]), "axis0": np.array([0]), "axis1": np.array([1])})
    _constants(model, {"from1": np.array([1]), "step2": np.array([2]), "half": np.float32(0.5)})
    del graph.node[:]
    graph.node.extend(_in_order(nodes, {"input_features"} | {i.name for i in graph.initializer}))
    _drop_unread(graph)
    del graph.value_info[:]  # shapes of the 8-second window
    del graph.input[:], graph.output[:]
    graph.input.append(helper.make_tensor_value_info("input_features", 1, ["batch", MELS, "frames"]))
    graph.output.extend(
        helper.make_tensor_value_info(name, 1, ["batch", "tokens", WIDTH]) for name in outputs
    )
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", OPSET))
    model.ir_version = 10
    quicken(model)
    return model


def quicken(model: onnx.ModelProto) -> None:
    """Say the same in operators that suit ONNX Runtime; changes `model`.

    In float nothing changes. A 3 s window takes about a tenth less (interleaved with the graph as exported,
    ONNX Runtime 1.32, one thread, AVX-512): GELU and softmax save some 5 % each, the convolutions cost 2 %
    for fewer roundings. In int8 an activation comes out a step apart here and there, and more do after every
    block: fit the head on features of the quickened graph.
    """
    _fuse_gelus(model.graph)
    _multiply_convolutions(model)
    _part_softmaxes(model.graph)
    _drop_unread(model.graph)
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", OPSET))


def _fuse_gelus(graph: onnx.GraphProto) -> None:
    """Write x * (0.5 * (1 + erf(x / sqrt 2))), five operators as exported, as the one that it is.

    The runtime looks for the factors in another order and so left them apart: five passes over an activation
    instead of one, which also takes in the bias before it.
    """
    maker, readers = _links(graph)
    nodes = list(graph.node)
    for erf in [node for node in nodes if node.op_type == "Erf"]:
        chain = [maker[erf.input[0]], erf]
        while len(chain) < 5 and len(readers[chain[-1].output[0]]) == 1:
            chain += readers[chain[-1].output[0]]
        first, last = chain[0], chain[-1]
        kinds = [node.op_type for node in chain]
        if kinds != ["Div", "Erf", "Add", "Mul", "Mul"] or first.input[0] not in last.input:
            raise ValueError(f"{kinds} around {erf.name or erf.output[0]} is no GELU that this script knows")
        last.op_type = "Gelu"
        last.input[:] = [first.input[0]]
        nodes = [node for node in nodes if node not in chain[:-1]]
    del graph.node[:]
    graph.node.extend(nodes)


def _multiply_convolutions(model: onnx.ModelProto) -> None:
    """Write int8 convolutions, three taps wide, and their GELUs as products of int8 rows.

    ONNX Runtime has to round what an int8 convolution gives, and may leave a product as it is. Those two
    roundings cost more accuracy than any others of the trunk, and time. A product's row t holds side by side
    what the taps see for output t. Where two products meet, their transpositions cancel.
    """
    graph = model.graph
    maker, readers = _links(graph)
    arrays = {constant.name: numpy_helper.to_array(constant) for constant in graph.initializer}
    nodes = list(graph.node)
    for convolution in [node for node in nodes if node.op_type == "Conv" and node.input[1] in maker]:
        name = convolution.output[0]
        activation, weight, bias = (maker[read] for read in convolution.input)
        source = maker[activation.input[0]].input[0]
        taps = arrays[weight.input[0]].transpose(2, 1, 0)  # (taps, channels, outputs)
        if len(taps) != 3:
            raise ValueError(f"{name} has {len(taps)} taps, not three")
        gelu = convolution
        while gelu.op_type != "Gelu":
            (gelu,) = readers[gelu.output[0]]
        text = _PRODUCT.format(name=name, source=source, target=gelu.output[0])
        nodes[nodes.index(gelu)] = onnx.parser.parse_graph(text)
        (stride,) = next(attribute.ints for attribute in convolution.attribute if attribute.name == "strides")
        constants = {
            "step": arrays[activation.input[1]],
            "zero": arrays[activation.input[2]],
            "stride": np.array([stride]),
            "taps": taps.reshape(-1, taps.shape[2]),
            "scales": arrays[weight.input[1]],
            "zeros": arrays[weight.input[2]],
            "bias": _dequantised(bias, arrays),
        }
        _constants(model, {f"{name}_{key}": value for key, value in constants.items()})
    del graph.node[:]
    for node in nodes:
        graph.node.extend(node.node if isinstance(node, onnx.GraphProto) else [node])
    _constants(model, {"tap0": np.array([0]), "tap1": np.array([1]), "tap2": np.array([2])})
    _constants(model, {"but2": np.array([-2]), "but1": np.array([-1]), "all": np.array([2**31 - 1])})
    _constants(model, {"row_axis": np.array([1]), "row_around": np.array([0, 1, 0, 0, 1, 0])})


def _part_softmaxes(graph: onnx.GraphProto) -> None:
    """Take the absolute value of what is never negative, so that the softmax stays a float one.

    Left beside its quantisation, the runtime fuses it into a QLinearSoftmax: 0.4 ms a window instead of 0.1,
    element by element out of a table, and with the inverse scale cut to a whole number (1.32,
    qlinear_softmax.cc), which is not what the graph says: attention then falls a little short of one.
    """
    _, readers = _links(graph)
    nodes = []
    for node in graph.node:
        nodes.append(node)
        shares = node.output[0]
        for reader in readers.get(shares, []) if node.op_type == "Softmax" else []:
            if reader.op_type == "QuantizeLinear":
                nodes.append(helper.make_node("Abs", [shares], [f"{shares}_apart"]))
                reader.input[0] = f"{shares}_apart"
    del graph.node[:]
    graph.node.extend(nodes)


def _links(graph: onnx.GraphProto) -> tuple[dict[str, onnx.NodeProto], dict[str, list[onnx.NodeProto]]]:
    """Which node makes a tensor, and which nodes read it."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    return {output: node for node in graph.node for output in node.output}, readers


def pooled_model(trunk: Path, stages: Sequence[int], *, mel: bool) -> onnx.ModelProto:
    """Samples -> `pooled` (batch, features): mean and deviation over time of each stage, then of the mels."""
    front = feature_model()
    back = trunk_model(trunk, stages)
    model = onnx.compose.merge_models(front, back, io_map=[("input_features", "input_features")])
    parts: list[str] = []
    for stage in stages:
        parts += _pool_tokens(model.graph, STAGES[stage])
    if mel:
        parts += _pool_frames(model.graph)
    _constants(model, {"last_axis": np.array([2])})
    model.graph.node.append(helper.make_node("Concat", parts, ["pooled"], axis=1))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("pooled", 1, ["batch", None]))
    return model


def emotion_model(
    pooled: onnx.ModelProto, weight: Float32, bias: Float32, shrink_s: float
) -> onnx.ModelProto:
    """Put the linear head, `weight` (labels, features) and `bias` (labels,), and a softmax on `pooled`.

    A window of t seconds has its logits multiplied by t / (t + `shrink_s`): the less was heard, the closer
    the probabilities stay to even.
    """
    model = onnx.ModelProto()
    model.CopyFrom(pooled)
    model.graph.value_info.extend(model.graph.output)  # so that a reader can cut the graph at `pooled` again
    head = onnx.parser.parse_graph("""head (float[b, f] pooled) => ()
        {
          column = Unsqueeze (pooled, two)
          products = MatMul (head_weight, column)
          squeezed = Squeeze (products, two)
          full = Add (squeezed, head_bias)
          length_shrunk = Add (length_f, head_shrink)
          share = Div (length_f, length_shrunk)
          logits = Mul (full, share)
          probabilities = Softmax <axis: int = 1> (logits)
        }""")
    model.graph.node.extend(head.node)
    _constants(model, {"head_weight": weight.astype(np.float32), "head_bias": bias.astype(np.float32)})
    _constants(model, {"head_shrink": np.float32(shrink_s * RATE_HZ)})
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("probabilities", 1, ["batch", len(bias)]))
    onnx.checker.check_model(model, full_check=True)
    return model


def float_model(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph without its quantisation: what the int8 one is an approximation of.

    Integer weights are written out as the floats that they stand for (their own rounding stays), and
    activations pass through a QuantizeLinear and its DequantizeLinear unrounded and unclipped.
    """
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    graph = plain.graph
    arrays = {constant.name: numpy_helper.to_array(constant) for constant in graph.initializer}
    ints: dict[str, tuple[str, list[str]]] = {}  # rounded tensor -> the one before it, and how it was rounded
    floats: dict[str, str] = {}  # tensor made of a rounded one -> the one before it
    nodes, written = [], {}
    for node in graph.node:  # in order, so that a pair's first half comes first
        source, result, how = node.input[0] if node.input else "", node.output[0], list(node.input[1:])
        if node.op_type == "QuantizeLinear":
            ints[result] = floats.get(source, source), how
        elif node.op_type == "DequantizeLinear" and source in arrays:
            written[result] = _dequantised(node, arrays)
        elif node.op_type == "DequantizeLinear":
            floats[result], rounded_how = ints[source]
            if how != rounded_how:
                raise ValueError(f"{result} has scale and zero point {how}, its other half {rounded_how}")
        else:
            if source in ints:  # moved while rounded: the same move of what is not
                if node.op_type not in MOVES:
                    raise ValueError(f"{node.op_type} reads the integers {source}")
                ints[result] = result, ints[source][1]
            node.input[:] = [ints[name][0] if name in ints else floats.get(name, name) for name in node.input]
            nodes.append(node)
    if given := [value.name for value in graph.output if value.name in ints or value.name in floats]:
        raise ValueError(f"outputs {given} are themselves quantised")
    del graph.node[:]
    graph.node.extend(nodes)
    _constants(plain, written)
    _drop_unread(graph)
    return plain


def _dequantised(node: onnx.NodeProto, arrays: Mapping[str, npt.NDArray[Any]]) -> Float32:
    """What a DequantizeLinear of constants gives; it has one scale and zero point, or one along an axis."""
    quantised, scale = arrays[node.input[0]].astype(np.float32), arrays[node.input[1]]
    zero = arrays[node.input[2]] if len(node.input) > 2 else np.zeros_like(scale)
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
    shape = [1] * quantised.ndim
    if scale.size > 1:
        shape[axis] = -1
    return np.asarray((quantised - zero.astype(np.float32).reshape(shape)) * scale.reshape(shape), np.float32)


def _halve(source: str, target: str) -> list[onnx.NodeProto]:
    """Averages of token pairs of `source` (batch, tokens, size); an odd last token is left out.

    A sum of two slices: a pooling operator would want another layout, and a reduction could add in another
    order for a batch of one.
    """
    return [
        helper.make_node("Shape", [source], [f"{target}_end"], start=1, end=2),
        helper.make_node("Sub", [f"{target}_end", "from1"], [f"{target}_last"]),
        helper.make_node("Slice", [source, "from0", f"{target}_last", "axis1", "step2"], [f"{target}_even"]),
        helper.make_node("Slice", [source, "from1", f"{target}_end", "axis1", "step2"], [f"{target}_odd"]),
        helper.make_node("Add", [f"{target}_even", f"{target}_odd"], [f"{target}_sum"]),
        helper.make_node("Mul", [f"{target}_sum", "half"], [target]),
    ]


def _pool_tokens(graph: onnx.GraphProto, name: str) -> list[str]:
    """Mean and deviation over tokens of `name` (batch, tokens, size); each (batch, size).

    Averages are products with a row of 1/tokens, one product per window: ONNX Runtime's ReduceMean over a
    middle axis adds in another order for a batch of one than for more.
    """
    steps = [
        ("Shape", [name], f"{name}_tokens", {"start": 1, "end": 2}),
        ("Concat", ["one", f"{name}_tokens"], f"{name}_row_shape", {"axis": 0}),
        ("Cast", [f"{name}_tokens"], f"{name}_tokens_f", {"to": 1}),
        ("Reciprocal", [f"{name}_tokens_f"], f"{name}_share", {}),
        ("Expand", [f"{name}_share", f"{name}_row_shape"], f"{name}_row", {}),
        ("MatMul", [f"{name}_row", name], f"{name}_mean3", {}),
        ("Sub", [name, f"{name}_mean3"], f"{name}_off", {}),
        ("Mul", [f"{name}_off", f"{name}_off"], f"{name}_off2", {}),
        ("MatMul", [f"{name}_row", f"{name}_off2"], f"{name}_var3", {}),
        ("Sqrt", [f"{name}_var3"], f"{name}_std3", {}),
        ("Squeeze", [f"{name}_mean3", "one"], f"{name}_mean", {}),
        ("Squeeze", [f"{name}_std3", "one"], f"{name}_std", {}),
    ]
    graph.node.extend(
        helper.make_node(kind, inputs, [output], **more) for kind, inputs, output, more in steps
    )
    return [f"{name}_mean", f"{name}_std"]


def _pool_frames(graph: onnx.GraphProto) -> list[str]:
    """Mean and deviation over frames of the log-mel (batch, 80, frames); each (batch, 80)."""
    steps = [
        ("ReduceMean", ["input_features", "last_axis"], "mel_mean3"),
        ("Sub", ["input_features", "mel_mean3"], "mel_off"),
        ("Mul", ["mel_off", "mel_off"], "mel_off2"),
        ("ReduceMean", ["mel_off2", "last_axis"], "mel_var3"),
        ("Sqrt", ["mel_var3"], "mel_std3"),
        ("Squeeze", ["mel_mean3", "last_axis"], "mel_mean"),
        ("Squeeze", ["mel_std3", "last_axis"], "mel_std"),
    ]
    graph.node.extend(helper.make_node(kind, inputs, [output]) for kind, inputs, output in steps)
    return ["mel_mean", "mel_std"]


def _drop_unread(graph: onnx.GraphProto) -> None:
    """Remove what leads to no output; the runtime would warn of each such constant at every start."""
    read = {value.name for value in graph.output}
    nodes: list[onnx.NodeProto] = []
    for node in reversed(graph.node):
        if not read.isdisjoint(node.output):
            nodes.append(node)
            read.update(node.input)
    constants = [constant for constant in graph.initializer if constant.name in read]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(constants)


def _in_order(nodes: list[Any], known: set[str]) -> list[Any]:
    """Sort nodes so that each comes after what it reads, starting from the `known` names."""
    ready, ordered, waiting = set(known), [], list(nodes)
    while waiting:
        late = []
        for node in waiting:
            if all(name in ready for name in node.input if name):
                ordered.append(node)
                ready.update(node.output)
            else:
                late.append(node)
        if len(late) == len(waiting):
            raise ValueError(f"the trunk reads {sorted(set(late[0].input) - ready)}, which nothing computes")
        waiting = late
    return ordered


def _constants(model: onnx.ModelProto, arrays: dict[str, Any]) -> None:
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()
    )
