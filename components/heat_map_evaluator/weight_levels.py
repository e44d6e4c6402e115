"""In which order the weights of a loaded model come, told from its graph alone.

A weight's level is the number of layers with a kernel (convolutions and dense ones) on the longest way from it to the
output. The output layer has level 0; so have the output layers of all members of an ensemble.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Final

from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef

_CALLS: Final = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_LAYERS: Final = frozenset({"BatchMatMulV2", "Conv2D", "DepthwiseConv2dNative", "Einsum", "MatMul"})
_VARIABLE: Final = "VarHandleOp"
_READ: Final = "ReadVariableOp"
_SAME_VALUES: Final = frozenset({"Cast", "Identity", "Reshape"})

_Functions = Mapping[str, FunctionDef]
_Levels = Mapping[str, int]


def weight_levels(graph: GraphDef, output: str) -> dict[str, int]:
    """The level of each variable from which an output follows.

    Args:
        graph: as a session has it.
        output: the name of a tensor.

    Returns:
        Levels by the names of the nodes that hold the variables.
    """
    functions = {function.signature.name: function for function in graph.library.function}
    levels = _levels(graph.node, {_node_of(output): 0}, functions)
    return {node.name: levels[node.name] for node in graph.node if node.op == _VARIABLE and node.name in levels}


def _levels(nodes: Sequence[NodeDef], ends: _Levels, functions: _Functions) -> dict[str, int]:
    """Layers on the longest way to the ends, of every node and argument that has one."""
    by_name = {node.name: node for node in nodes}
    inputs = {node.name: [_node_of(each) for each in node.input if not each.startswith("^")] for node in nodes}
    levels: dict[str, int] = defaultdict(int, ends)
    for name in reversed(list(TopologicalSorter(inputs).static_order())):
        if name not in levels or name not in by_name:
            continue
        for source, level in zip(
            inputs[name], _levels_of_inputs(by_name, name, levels[name], functions), strict=True
        ):
            if level is not None:
                levels[source] = max(levels[source], level)
    return dict(levels)


def _levels_of_inputs(
    by_name: Mapping[str, NodeDef], name: str, level: int, functions: _Functions
) -> Sequence[int | None]:
    """For each input of a node of this level; None for one that has no part in what the node gives."""
    node = by_name[name]
    sources = [_node_of(each) for each in node.input if not each.startswith("^")]
    if node.op in _CALLS:
        function = functions[node.attr["f"].func.name]
        inside = _levels(function.node_def, {_node_of(end): level for end in function.ret.values()}, functions)
        return [inside.get(argument.name) for argument in function.signature.input_arg]
    if node.op in _LAYERS:
        return [level if _is_weight(by_name, source) else level + 1 for source in sources]
    return [level] * len(sources)


def _is_weight(by_name: Mapping[str, NodeDef], name: str) -> bool:
    node = by_name.get(name)
    if node is None:  # an argument
        return False
    return node.op == _READ or (node.op in _SAME_VALUES and _is_weight(by_name, _node_of(node.input[0])))


def _node_of(tensor: str) -> str:
    return tensor.partition(":")[0]
