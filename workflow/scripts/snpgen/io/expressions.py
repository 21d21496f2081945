"""Inclusion criteria: expressions such as "sex == 2 and age >= 40" that compare columns with values."""

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import pandas as pd

from snpgen.job import log
from snpgen.messages import Code, InputError

# A column name in backticks, or a text in quotes.
_TICKED = re.compile(r"`([^`]*)`|\"[^\"]*\"|'[^']*'")
_ALLOWED = (
    ast.Expression,
    ast.BoolOp,
    ast.UnaryOp,
    ast.BinOp,
    ast.Compare,
    ast.Name,
    ast.Constant,
    ast.List,
    ast.Tuple,
    ast.boolop,
    ast.unaryop,
    ast.operator,
    ast.cmpop,
    ast.expr_context,
)


_EXAMPLE = (
    'Write a comparison such as "sex == 2", and in backticks a column name that contains other characters '
    "than letters, digits and _, such as `31-0.0`"
)


def _invalid(expression: str, what: str, remedy: str = "Correct it") -> InputError:
    return InputError(Code.INVALID_EXPRESSION, f'"{expression}" {what}', remedy, key="include")


def _parse(expression: str) -> tuple[str, ast.Expression, dict[str, str]]:
    """The expression with an identifier for each name in backticks, its syntax tree, and these names."""
    ticked: dict[str, str] = {}

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        return ticked.setdefault(match[1], f"column_{len(ticked)}_in_backticks")

    try:
        text = _TICKED.sub(replace, expression).strip()
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError) as error:
        raise _invalid(expression, f"cannot be read ({error.args[0]})", _EXAMPLE) from None
    for node in ast.walk(tree):
        unusual = isinstance(node, ast.Constant) and not isinstance(node.value, int | float | str)
        if unusual or not isinstance(node, _ALLOWED):
            raise _invalid(
                expression,
                f"contains {ast.unparse(node)}, but only comparisons, arithmetic, and, or, not and in are "
                "allowed",
                _EXAMPLE,
            )
        if isinstance(node, ast.Compare) and not _identifiers(node):
            what = f"compares {ast.unparse(node)}, which contains no column"
            raise _invalid(expression, what, _EXAMPLE)
    return text, tree, {identifier: name for name, identifier in ticked.items()}


def find_names(expression: str) -> list[str]:
    """The names of columns in an expression; raises `InputError` if it cannot be read."""
    _, tree, ticked = _parse(expression)
    return [ticked.get(name, name) for name in _identifiers(tree)]


def find_texts(expression: str) -> dict[str, list[str]]:
    """The texts with which an expression compares each column, by ==, !=, in and not in.

    Raises `InputError` if the expression cannot be read.
    """
    _, tree, ticked = _parse(expression)
    texts: dict[str, list[str]] = {}
    for left, operator, right in _pairs(tree):
        if isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            for name, other in ((left, right), (right, left)):
                if (
                    isinstance(name, ast.Name)
                    and isinstance(other, ast.Constant)
                    and isinstance(other.value, str)
                ):
                    texts.setdefault(ticked.get(name.id, name.id), []).append(other.value)
    return texts


def evaluate(expression: str, columns: Mapping[str, pd.Series]) -> np.ndarray:
    """Whether each row fulfils the expression, bool (n,). Rows with a missing value in a column do not.

    `columns` has each of `find_names`: float64, or strings. Numbers are compared only with numbers, and texts
    only with texts. A text that is equal to no value of its column is reported, as it may be a mistake.
    Raises `InputError` if the expression compares a number with a text, is not true or false, or is true for
    no row.
    """
    text, tree, ticked = _parse(expression)
    texts = {name: values.dtype.kind != "f" for name, values in columns.items()}

    def is_text(node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return texts[ticked.get(node.id, node.id)]
        return isinstance(node, ast.Constant) and isinstance(node.value, str)

    def show(node: ast.AST) -> str:
        shown = ast.unparse(node)
        for identifier, name in ticked.items():
            shown = shown.replace(identifier, f"`{name}`")
        return shown

    for left, _, right in _pairs(tree):
        if is_text(left) != is_text(right):
            words, number = (left, right) if is_text(left) else (right, left)
            raise _invalid(
                expression,
                f"compares text ({show(words)}) with a number ({show(number)})",
                "Write text in quotation marks, as in centre == 'north', and numbers without them. A column "
                "with text and numbers that is listed in 'categorical' is text",
            )
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.UnaryOp):
            for operand in ast.iter_child_nodes(node):
                if isinstance(operand, ast.expr) and is_text(operand):
                    raise _invalid(expression, f"calculates with text ({show(operand)})")
    frame = pd.DataFrame({name: columns[ticked.get(name, name)] for name in _identifiers(tree)})
    try:
        result = frame.eval(text, engine="python")
    except (TypeError, ValueError, ArithmeticError, NotImplementedError) as error:
        raise _invalid(
            expression, f"cannot be evaluated ({' '.join(str(error).split())})"
        ) from None
    if not isinstance(result, pd.Series) or result.dtype != bool:
        raise _invalid(
            expression,
            "does not give true or false for each sample",
            _EXAMPLE,
        )
    # In pandas, `!=` is true for missing values.
    known = frame.notna().all(axis=1).to_numpy()
    included = result.to_numpy() & known
    absent = "; ".join(
        f"no value of '{name}' is {word!r}"
        for name, words in find_texts(expression).items()
        for word in dict.fromkeys(words)
        if not (columns[name] == word).any()
    )
    if not included.any():
        reasons = [f"missing values in its columns: {(~known).sum()}"] if not known.all() else []
        reasons += [absent] if absent else []
        raise InputError(
            Code.TOO_FEW_SAMPLES,
            "; ".join([f'"{expression}" selects none of the {len(known)} individuals', *reasons]),
            "Correct the expression, or the values of its columns",
            key="include",
        )
    if absent:
        log.warning('warning: include: "%s": %s', expression, absent)
    return included


def _identifiers(tree: ast.AST) -> list[str]:
    return list(dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)))


def _pairs(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.cmpop, ast.expr]]:
    """The two sides of each comparison and its operator; each element of a list is a side of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for (left, right), operator in zip(pairwise(sides), node.ops, strict=True):
                for one in left.elts if isinstance(left, ast.List | ast.Tuple) else [left]:
                    for other in right.elts if isinstance(right, ast.List | ast.Tuple) else [right]:
                        yield one, operator, other
