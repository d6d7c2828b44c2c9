"""Rows of a table by a condition in words, such as ``mag_r < 19 and morphology == "Sc"``: read, never executed as code."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["where"]

_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
_ARITHMETIC: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow,
    ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Any]] = {"abs": np.abs, "sqrt": np.sqrt, "log10": np.log10, "isfinite": np.isfinite}
_HOW = 'compare columns with values, as in: mag_r < 19 and morphology == "Sc"'
_LONGEST = 500


def where(table: Table, condition: str) -> np.ndarray:
    """Which rows fulfil a condition.

    Parameters
    ----------
    table
        n rows.
    condition
        Comparisons of columns (in their own units) and values, chained as in ``18 < mag_r <= 19``, joined by ``and``, ``or``, ``not`` and
        brackets; sums, products, ``abs``, ``sqrt``, ``log10`` and ``isfinite`` of columns; ``morphology in ("E", "S0")``. A value that
        is not known (NaN, or masked) fulfils no comparison.

    Returns
    -------
    ndarray
        Truth, shape (n,).

    Raises
    ------
    ValueError
        The condition cannot be read, or names a column that is not there.

    Examples
    --------
    >>> from astropy.table import Table
    >>> where(Table({"mag_r": [18.5, 20.1], "g_r": [0.7, 0.3]}), "mag_r < 19 and g_r > 0.5")
    array([ True, False])
    """
    if not condition.strip() or len(condition) > _LONGEST:
        raise ValueError(f"the condition is {'empty' if not condition.strip() else f'longer than {_LONGEST} characters'}; {_HOW}")
    try:
        tree = ast.parse(condition.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError(f"cannot read {condition!r}; {_HOW}") from error
    with np.errstate(all="ignore"):
        found = _Reader(table).read(tree.body)
    if np.asarray(found).dtype != bool:
        raise ValueError(f"{condition!r} is a value, not true or false; {_HOW}")
    return np.broadcast_to(found, len(table)).copy()


class _Reader:
    def __init__(self, table: Table) -> None:
        self.table = table

    def read(self, node: ast.AST) -> Any:
        match node:
            case ast.BoolOp(op, values):
                join = np.logical_and if isinstance(op, ast.And) else np.logical_or
                found = join.reduce(np.broadcast_arrays(*(self._truth(value) for value in values)))
            case ast.UnaryOp(ast.Not(), operand):
                found = ~np.asarray(self._truth(operand))
            case ast.Compare(left, ops, comparators):
                sides = [left, *comparators]
                parts = [self._compare(op, one, other) for op, one, other in zip(ops, sides[:-1], sides[1:], strict=True)]
                found = np.logical_and.reduce(np.broadcast_arrays(*parts))
            case ast.BinOp(left, ast.BitAnd() | ast.BitOr() as op, right):
                # of bracketed comparisons, as numpy wants it; without brackets & binds closer than < and the sides are no truths
                join = np.logical_and if isinstance(op, ast.BitAnd) else np.logical_or
                found = join(self._truth(left), self._truth(right))
            case ast.BinOp(left, op, right) if type(op) in _ARITHMETIC:
                found = _ARITHMETIC[type(op)](self._number(left), self._number(right))
            case ast.UnaryOp(op, operand) if type(op) in _ARITHMETIC:
                found = _ARITHMETIC[type(op)](self._number(operand))
            case ast.Call(ast.Name(name), [argument], []) if name in _FUNCTIONS:
                found = _FUNCTIONS[name](self._number(argument))
            case ast.Name(name):
                found = self._column(name)
            case ast.Constant(bool() | int() | float() | str() as value):
                found = np.float64(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
            case _:
                raise ValueError(f"cannot read {ast.unparse(node)!r}; {_HOW}")
        return found

    def _compare(self, op: ast.cmpop, one: ast.AST, other: ast.AST) -> Any:
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(other, ast.Tuple | ast.List) or not other.elts:
                raise ValueError(f'{ast.unparse(other)!r} is no list of values; write: morphology in ("E", "S0")')
            found = np.logical_or.reduce([self._compare(ast.Eq(), one, value) for value in other.elts])
            return found if isinstance(op, ast.In) else ~found
        if type(op) not in _COMPARISONS:
            raise ValueError(f"cannot compare with {type(op).__name__.lower()}; {_HOW}")
        first, second = self.read(one), self.read(other)
        words = [np.asarray(side).dtype.kind == "U" for side in (first, second)]
        if words[0] != words[1]:
            raise ValueError(f"{ast.unparse(one)} and {ast.unparse(other)} are a number and a word: they cannot be compared")
        return _COMPARISONS[type(op)](first, second)

    def _truth(self, node: ast.AST) -> Any:
        found = self.read(node)
        if np.asarray(found).dtype != bool:
            raise ValueError(f"{ast.unparse(node)!r} is a value, not true or false; join comparisons by and, or, not, or bracket them")
        return found

    def _number(self, node: ast.AST) -> Any:
        found = self.read(node)
        if np.asarray(found).dtype.kind != "f":
            raise ValueError(f"{ast.unparse(node)!r} is no number; {_HOW}")
        return found

    def _column(self, name: str) -> np.ndarray:
        if name not in self.table.colnames:
            raise ValueError(f"no attribute is named {name!r}; there are {', '.join(self.table.colnames) or 'none'}")
        column = self.table[name]
        values, hidden = np.asarray(getattr(column, "value", column)), np.asarray(getattr(column, "mask", False))
        if values.dtype.kind in "iuf":
            return np.where(hidden, np.nan, values.astype(float))
        return values if values.dtype.kind == "b" else np.where(hidden, "", values.astype(str))
