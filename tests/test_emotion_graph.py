"""Changes to the emotion graph: what int8 stands for, and the same said in quicker operators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from scripts.emotion_graph import float_model, quicken

REPOSITORY = Path(__file__).resolve().parent.parent
UNTOUCHED = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
OPTIMISED = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL

INT8 = """
<ir_version: 10, opset_import: ["": 18]>
g (float[n, 2] x) => (float[n, 3] y)
<float half = {0.5}, uint8 middle = {100}, float[3] scales = {0.1, 0.2, 0.4}, int8[3] zeros = {0, 1, -2},
 int8[2, 3] columns = {1, 2, 3, -4, -5, -6}, float[3] wide = {0.01, 0.02, 0.04}, int32[3] bias = {5, -6, 7}>
{
  xq = QuantizeLinear (x, half, middle)
  xd = DequantizeLinear (xq, half, middle)
  w = DequantizeLinear <axis: int = 1> (columns, scales, zeros)
  p = MatMul (xd, w)
  pq = QuantizeLinear (p, half, middle)
  pd = DequantizeLinear (pq, half, middle)
  b = DequantizeLinear <axis: int = 0> (bias, wide)
  y = Add (pd, b)
}
"""
ATTENTION = """
<ir_version: 10, opset_import: ["": 18]>
g (uint8[n, 6, 40] logits) => (uint8[n, 6, 40] shares)
<float step = {0.2}, uint8 middle = {114}, float out = {0.00387}, uint8 zero = {0}>
{
  x = DequantizeLinear (logits, step, middle)
  p = Softmax <axis: int = -1> (x)
  shares = QuantizeLinear (p, out, zero)
}
"""
GELU = """
<ir_version: 10, opset_import: ["": 18]>
g (float[n, 50] x) => (float[n, 50] y)
<float root = {1.41421356}, float one = {1.0}, float half = {0.5}>
{
  a = Div (x, root)
  b = Erf (a)
  c = Add (b, one)
  d = Mul (half, c)
  y = Mul (x, d)
}
"""
CONVOLUTION = """
<ir_version: 10, opset_import: ["": 18]>
g (float[n, 4, m] x) => (float[n, 6, k] y)
<float step = {0.05}, uint8 middle = {120}, float wide = {0.5}, int8[6, 4, 3] taps_int = {TAPS},
 float[6] scales = {0.01, 0.02, 0.03, 0.04, 0.05, 0.06}, int8[6] zeros = {0, 0, 0, 0, 0, 0},
 int32[6] bias_int = {1, -2, 3, -4, 5, -6}, float[6] bias_scales = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1},
 int32[6] bias_zeros = {0, 0, 0, 0, 0, 0}, float root = {1.41421356}, float one = {1.0}, float half = {0.5}>
{
  xq = QuantizeLinear (x, step, middle)
  xd = DequantizeLinear (xq, step, middle)
  w = DequantizeLinear <axis: int = 0> (taps_int, scales, zeros)
  bias = DequantizeLinear <axis: int = 0> (bias_int, bias_scales, bias_zeros)
  f = Conv <pads: ints = [1, 1], strides: ints = [STRIDE]> (xd, w, bias)
  fq = QuantizeLinear (f, wide, middle)
  fd = DequantizeLinear (fq, wide, middle)
  a = Div (fd, root)
  b = Erf (a)
  c = Add (b, one)
  d = Mul (half, c)
  y = Mul (fd, d)
}
"""


def convolution(stride: int) -> str:
    taps = np.random.default_rng(0).integers(-127, 128, 72)
    return CONVOLUTION.replace("TAPS", ", ".join(map(str, taps))).replace("STRIDE", str(stride))


def parsed(text: str) -> onnx.ModelProto:
    model = onnx.parser.parse_model(text)
    onnx.checker.check_model(model, full_check=True)
    return model


def quickened(text: str) -> onnx.ModelProto:
    model = parsed(text)
    quicken(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def run(model: onnx.ModelProto, level=OPTIMISED, **inputs: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, inputs)[0]


def run_by(model: onnx.ModelProto, folder: Path) -> set[str]:
    """The operators that the runtime makes of a graph."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.log_severity_level = 3  # it warns that the file suits this machine only
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return {node.op_type for node in onnx.load(folder / "optimised.onnx").graph.node}


def test_the_float_graph_is_the_one_that_int8_approximates():
    x = np.array([[0.3, -1.7], [900.0, 0.0]], np.float32)  # 900 is clipped in int8
    weights = np.array([[0.1, 0.2, 2.0], [-0.4, -1.2, -1.6]])
    expected = x @ weights + [0.05, -0.12, 0.28]
    model = parsed(INT8)
    assert run(float_model(model), x=x) == pytest.approx(expected, rel=1e-5)
    assert abs(run(model, x=x)[0] - expected[0]).max() < 1.0  # a step or two
    assert abs(run(model, x=x)[1] - expected[1]).max() > 1.0


def test_the_float_graph_keeps_no_integers_and_leaves_the_given_one_alone():
    model = parsed(INT8)
    before = model.SerializeToString(deterministic=True)
    plain = float_model(model)
    assert {node.op_type for node in plain.graph.node} == {"MatMul", "Add"}
    assert {numpy_helper.to_array(one).dtype for one in plain.graph.initializer} == {np.dtype(np.float32)}
    assert model.SerializeToString(deterministic=True) == before


def test_an_output_that_is_itself_rounded_has_no_float_version():
    model = parsed(INT8)
    model.graph.output[0].name = "pd"
    with pytest.raises(ValueError, match=r"outputs \['pd'\] are themselves quantised"):
        float_model(model)


def test_a_pair_that_scales_as_well_is_refused():
    with pytest.raises(ValueError, match=r"pd has scale and zero point \['scales'.*its other half \['half'"):
        float_model(
            parsed(INT8.replace("pd = DequantizeLinear (pq, half,", "pd = DequantizeLinear (pq, scales,"))
        )


def test_the_shipped_graph_in_float_says_nearly_the_same():
    shipped = onnx.load(REPOSITORY / "models" / "emotion.onnx")
    plain = float_model(shipped)
    assert not {"QuantizeLinear", "DequantizeLinear"} & {node.op_type for node in plain.graph.node}
    time_s = np.arange(16_000) / 8000
    buzz = sum(np.sin(2 * np.pi * 150 * k * time_s) / k for k in range(1, 12)) * np.sin(8 * time_s)
    samples = np.float32(0.1 * buzz + 0.003 * np.random.default_rng(0).standard_normal(len(time_s)))[None]
    apart = abs(run(plain, samples=samples) - run(shipped, samples=samples)).max()
    assert 0 < apart < 0.15


def test_a_quickened_softmax_stays_in_float_and_gives_what_the_graph_says_to_the_bit(tmp_path: Path):
    logits = np.random.default_rng(0).integers(60, 140, (50, 6, 40)).astype(np.uint8)
    said = run(parsed(ATTENTION), UNTOUCHED, logits=logits)
    assert "QLinearSoftmax" in run_by(parsed(ATTENTION), tmp_path)  # else there is nothing to prevent
    assert "QLinearSoftmax" not in run_by(quickened(ATTENTION), tmp_path)
    assert np.array_equal(run(quickened(ATTENTION), logits=logits), said)
    assert (run(parsed(ATTENTION), logits=logits) != said).any()


def test_five_operators_of_a_gelu_become_one():
    x = np.random.default_rng(0).normal(0, 3, (4, 50)).astype(np.float32)
    quick = quickened(GELU)
    assert [node.op_type for node in quick.graph.node] == ["Gelu"]
    assert not quick.graph.initializer
    assert run(quick, x=x) == pytest.approx(run(parsed(GELU), UNTOUCHED, x=x), abs=1e-6)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("frames", [5, 6, 50])
def test_a_convolution_becomes_a_product_that_nothing_rounds(tmp_path: Path, stride: int, frames: int):
    x = np.random.default_rng(0).normal(0, 2, (3, 4, frames)).astype(np.float32)
    text = convolution(stride)
    unrounded = text.replace("a = Div (fd,", "a = Div (f,").replace("y = Mul (fd,", "y = Mul (f,")
    assert run_by(quickened(text), tmp_path) >= {"MatMulIntegerToFloat"}
    assert not run_by(quickened(text), tmp_path) & {"Conv", "QLinearConv"}
    found = run(quickened(text), x=x)
    assert found == pytest.approx(run(parsed(unrounded), UNTOUCHED, x=x), abs=1e-4)
    assert abs(found - run(parsed(text), x=x)).max() > 0.1  # half a step of 0.5 is lost otherwise
    alone = [run(quickened(text), x=one[None]) for one in x]
    assert np.array_equal(np.concatenate(alone), found)


@pytest.mark.parametrize("text", [convolution(1), convolution(2), GELU], ids=["every", "second", "gelu"])
def test_in_float_the_quickened_graph_says_the_same(text: str):
    x = np.random.default_rng(0).normal(0, 2, (2, 4, 50)).astype(np.float32)
    x = x[:, 0] if text is GELU else x
    said = run(float_model(parsed(text)), UNTOUCHED, x=x)
    assert run(float_model(quickened(text)), UNTOUCHED, x=x) == pytest.approx(said, abs=1e-4)


def test_integers_that_more_than_moves_have_no_float_version():
    model = parsed(INT8)
    model.graph.node.insert(1, onnx.helper.make_node("Cast", ["xq"], ["seen"], to=onnx.TensorProto.FLOAT))
    with pytest.raises(ValueError, match="Cast reads the integers xq"):
        float_model(model)


def test_another_use_of_erf_is_refused():
    with pytest.raises(ValueError, match="is no GELU that this script knows"):
        quicken(parsed(GELU.replace("y = Mul (x, d)", "y = Mul (a, d)")))
