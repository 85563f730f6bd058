"""Changes to the emotion graph: what int8 stands for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from scripts.emotion_graph import float_model

REPOSITORY = Path(__file__).resolve().parent.parent

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


def parsed(text: str) -> onnx.ModelProto:
    model = onnx.parser.parse_model(text)
    onnx.checker.check_model(model, full_check=True)
    return model


def run(model: onnx.ModelProto, **inputs: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


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


def test_the_shipped_graph_in_float_says_nearly_the_same():
    shipped = onnx.load(REPOSITORY / "models" / "emotion.onnx")
    plain = float_model(shipped)
    assert not {"QuantizeLinear", "DequantizeLinear"} & {node.op_type for node in plain.graph.node}
    time_s = np.arange(16_000) / 8000
    buzz = sum(np.sin(2 * np.pi * 150 * k * time_s) / k for k in range(1, 12)) * np.sin(8 * time_s)
    samples = np.float32(0.1 * buzz + 0.003 * np.random.default_rng(0).standard_normal(len(time_s)))[None]
    apart = abs(run(plain, samples=samples) - run(shipped, samples=samples)).max()
    assert 0 < apart < 0.15
