"""onnxruntime, on a file written by hand with the helpers of the onnx package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
from networks import EPSILON, Average, Block, Conv, ConvNorm, Network, Pool, shapes
from onnx import TensorProto, helper, numpy_helper

VERSION = onnxruntime.__version__


def exported(network: Network, weights: list[np.ndarray]) -> bytes:
    """The network as ONNX: images as (n, c, h, w), and the first dense kernel's rows in the order that follows."""
    nodes, constants = [], []

    def constant(array: np.ndarray) -> str:
        name = f"constant{len(constants)}"
        constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(op: str, *inputs: str, **attributes: Any) -> str:
        name = f"{op}{len(nodes)}"
        nodes.append(helper.make_node(op, list(inputs), [name], name, **attributes))
        return name

    def convolved(x: str, part: ConvNorm, kernel: np.ndarray, height: int) -> str:
        padding = max((-(-height // part.strides) - 1) * part.strides + part.size - height, 0)
        pads = [padding // 2] * 2 + [padding - padding // 2] * 2
        return node("Conv", x, constant(kernel.transpose(3, 2, 0, 1)), pads=pads, strides=[part.strides] * 2)

    def normalized(x: str) -> str:
        return node("BatchNormalization", x, *(constant(next(left)) for _ in range(4)), epsilon=EPSILON)

    at, flat, left = "x", len(network.input) == 1, iter(weights)
    for layer, before in zip(network.layers, shapes(network), strict=False):
        if isinstance(layer, Pool):
            at = node("MaxPool", at, kernel_shape=[layer.size] * 2, strides=[layer.size] * 2)
            continue
        if isinstance(layer, Average):
            at = node("Flatten", node("GlobalAveragePool", at))
            flat = True
            continue
        kernel = next(left)
        if isinstance(layer, ConvNorm):
            at = node("Relu", normalized(convolved(at, layer, kernel, before[0])))
            continue
        if isinstance(layer, Block):
            first, second, shortcut = layer.parts
            y = node("Relu", normalized(convolved(at, first, kernel, before[0])))
            y = convolved(y, second, next(left), -(-before[0] // layer.strides))
            at = convolved(at, shortcut, next(left), before[0]) if shortcut else at
            y = normalized(y)
            at = node("Relu", node("Add", y, normalized(at) if shortcut else at))
            continue
        bias = next(left)
        if isinstance(layer, Conv):
            pads = [layer.size // 2 if layer.padding == "same" else 0] * 4
            at = node("Conv", at, constant(kernel.transpose(3, 2, 0, 1)), constant(bias), pads=pads)
            at = node("Relu", at)
        else:
            if not flat:
                at = node("Flatten", at)
                kernel = kernel.reshape(*before, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
                flat = True
            at = node("Gemm", at, constant(kernel), constant(bias))
            at = node("Relu", at) if layer.relu else at
    shape = network.input if len(network.input) == 1 else (network.input[2], *network.input[:2])
    graph = helper.make_graph(
        nodes, "network", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])],
        [helper.make_tensor_value_info(at, TensorProto.FLOAT, ["n", *shapes(network)[-1]])], constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


class Library:
    def __init__(self, threads: int, variant: str) -> None:
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.inter_op_num_threads = 1

    def predictor(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        session = onnxruntime.InferenceSession(
            exported(network, weights), self.options, providers=["CPUExecutionProvider"]
        )
        if x.ndim == 4:
            x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))

        def passes(n: int) -> Any:
            for _ in range(n):
                for i in range(0, len(x), batch):
                    y = session.run(None, {"x": x[i : i + batch]})[0]
            return y

        return passes

    def caller(self, network: Network, x: np.ndarray, weights: list[Any], batch: int) -> Callable[[int], Any]:
        return self.predictor(network, x[:1], weights, 1)
