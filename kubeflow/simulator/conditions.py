"""Trigger conditions: what the compilers of TFX and KFP write, in the Common Expression Language.

The backend evaluates them with cel-go over the ExecutorInput (expression/expression.go). This is the part of the
language that compilers use: members, indexes, comparisons, logic, `+`, `in`, and conversions to int, double and
string. Anything else is refused before the run.
"""

import ast
import re
from collections.abc import Callable
from typing import Any, Final

from google.protobuf import json_format

_TOKEN: Final = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|&&|\|\||!=|!|\btrue\b|\bfalse\b|\bnull\b")
_IN_PYTHON: Final = {"&&": " and ", "||": " or ", "!": "~", "true": "True", "false": "False", "null": "None"}
_COMPARISONS: Final[dict[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: lambda left, right: bool(left == right),
    ast.NotEq: lambda left, right: bool(left != right),
    ast.Lt: lambda left, right: bool(left < right),
    ast.LtE: lambda left, right: bool(left <= right),
    ast.Gt: lambda left, right: bool(left > right),
    ast.GtE: lambda left, right: bool(left >= right),
    ast.In: lambda left, right: left in right,
}
_CONVERSIONS: Final[dict[str, Callable[[Any], Any]]] = {"int": int, "double": float, "string": str}
_ROOTS: Final = ("inputs", "outputs")


class ConditionError(ValueError):
    """A condition that cannot be read, or not be evaluated on what a task is given."""


def parse_condition(condition: str) -> ast.expr:
    """The condition as an expression tree. Raises ConditionError for what compilers do not write."""
    text = _TOKEN.sub(lambda found: _IN_PYTHON.get(found[0], found[0]), condition)
    try:
        expression = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ConditionError(f"the condition {condition!r} cannot be read") from error
    for node in ast.walk(expression):
        _check(node, condition)
    return expression


def holds(condition: str, executor_input: Any) -> bool:
    """Whether a task is to run. Raises ConditionError where its inputs do not have what the condition asks for."""
    names = json_format.MessageToDict(
        executor_input, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    try:
        result = _evaluate(parse_condition(condition), names)
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise ConditionError(f"the condition {condition!r} cannot be evaluated: {error}") from error
    if not isinstance(result, bool):
        raise ConditionError(f"the condition {condition!r} gives {result!r}, which is neither true nor false")
    return result


_ALLOWED: Final = (
    *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Invert, ast.USub, ast.BinOp, ast.Add, ast.Compare, ast.cmpop),
    *(ast.Attribute, ast.Subscript, ast.Name, ast.Load, ast.Constant, ast.Call),
)


def _check(node: ast.AST, condition: str) -> None:
    known = isinstance(node, _ALLOWED)
    if isinstance(node, ast.cmpop):
        known = type(node) in _COMPARISONS
    elif isinstance(node, ast.Compare):
        known = len(node.ops) == 1
    elif isinstance(node, ast.Call):
        known = isinstance(node.func, ast.Name) and node.func.id in _CONVERSIONS and len(node.args) == 1
    elif isinstance(node, ast.Name):
        known = node.id in _ROOTS or node.id in _CONVERSIONS
    if not known:
        raise ConditionError(f"the condition {condition!r} has something that is not simulated: {ast.unparse(node)}")


def _evaluate(node: ast.expr, names: dict[str, Any]) -> Any:
    match node:
        case ast.BoolOp(op=ast.And()):
            return all(_truth(value, names) for value in node.values)
        case ast.BoolOp():
            return any(_truth(value, names) for value in node.values)
        case ast.UnaryOp(op=ast.Invert()):
            return not _truth(node.operand, names)
        case ast.UnaryOp():
            return -_evaluate(node.operand, names)
        case ast.BinOp():
            return _evaluate(node.left, names) + _evaluate(node.right, names)
        case ast.Compare():
            left, right = _evaluate(node.left, names), _evaluate(node.comparators[0], names)
            return _COMPARISONS[type(node.ops[0])](left, right)
        case ast.Attribute():
            return _evaluate(node.value, names)[node.attr]
        case ast.Subscript():
            return _evaluate(node.value, names)[_evaluate(node.slice, names)]
        case ast.Call(func=ast.Name(id=name)):
            return _CONVERSIONS[name](_evaluate(node.args[0], names))
        case ast.Name():
            return names[node.id]
        case ast.Constant():
            return node.value
    raise ConditionError(f"{ast.unparse(node)} is not simulated")


def _truth(node: ast.expr, names: dict[str, Any]) -> bool:
    value = _evaluate(node, names)
    if not isinstance(value, bool):
        raise TypeError(f"{ast.unparse(node)} is neither true nor false")
    return value
