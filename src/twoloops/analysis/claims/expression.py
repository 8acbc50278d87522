"""Small expressions over named values, evaluated by walking their syntax: nothing is executed.

    FLOP_GROK4 / FLOP_Q3MAX
    count(DO01 == "China", DO02 == "China")
    "US" if TV_US_1 > TV_CN_1 else "China"

Allowed: names, numbers, texts, `+ - * /`, comparisons, `and`, `or`, `A if C else B`, and the
functions `min`, `max`, `abs`, `count` (how many conditions hold). A condition counts as 1 or 0.
Dates are texts in ISO order, so they can be compared as texts; a month comes before its days.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from twoloops.records.errors import UserError

Value = float | str
LONGEST = 1000
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "min": min,
    "max": max,
    "abs": lambda values: abs(values[0]),
    "count": lambda values: float(sum(value != 0 for value in values)),
}
_PRINTED = {"*": "×", "-": "−", "==": "=", "!=": "≠", "<=": "≤", ">=": "≥"}


class ExpressionError(UserError):
    """An expression that cannot be read or has no value: a fault of the table it stands in."""

    def __init__(self, expression: str, what: str) -> None:
        super().__init__(f"expression {expression!r}: {what}")


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """Return the value of an expression.

    Raises:
        ExpressionError: It uses what is not allowed, an unknown name, or has no value.

    >>> evaluate("(3*IN + OUT) / 4", {"IN": 1.75, "OUT": 14.0})
    4.8125
    >>> evaluate('"US" if A > B else "China"', {"A": 13.5, "B": 189.0})
    'China'
    """
    try:
        value = _Walk(expression, values).value(_parsed(expression))
    except (OverflowError, RecursionError) as error:
        raise ExpressionError(expression, f"cannot be computed ({error})") from error
    if not isinstance(value, str) and not math.isfinite(value):
        raise ExpressionError(expression, "has no finite value")
    return value


def names(expression: str) -> tuple[str, ...]:
    """Return the names an expression uses, in order, each once.

    >>> names("max(B, A) / B")
    ('B', 'A')
    """
    nodes = ast.walk(_parsed(expression))
    found = [one for one in nodes if isinstance(one, ast.Name) and one.id not in _FUNCTIONS]
    found.sort(key=lambda one: (one.lineno, one.col_offset))
    return tuple(dict.fromkeys(one.id for one in found))


def shown(expression: str, values: Mapping[str, Value]) -> str:
    """Return an expression with the values put in.

    >>> shown("(3*IN + OUT) / 4", {"IN": 1.75, "OUT": 14.0})
    '(3 × 1.75 + 14) / 4'
    """

    class PutIn(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            return node if node.id in _FUNCTIONS else ast.Name(figure(values[node.id]))

        def visit_Constant(self, node: ast.Constant) -> ast.Name:
            return ast.Name(figure(node.value))

    # A name is printed as it is, whatever it holds: hence values can be put in as names.
    text = ast.unparse(ast.fix_missing_locations(PutIn().visit(_parsed(expression))))
    for code, sign in _PRINTED.items():
        text = text.replace(f" {code} ", f" {sign} ")
    return text


def working(expression: str, values: Mapping[str, Value]) -> str:
    """Return an expression with the values put in and what comes out.

    >>> working("(3*IN + OUT) / 4", {"IN": 1.75, "OUT": 14.0})
    '(3 × 1.75 + 14) / 4 = 4.8125'
    >>> working('"US" if A > B else "China"', {"A": 13.5, "B": 189.0})
    '13.5 > 189 is false: China'
    >>> working("A", {"A": 13.5})
    '13.5'
    """
    result = figure(evaluate(expression, values))
    root = _parsed(expression)
    if isinstance(root, ast.IfExp):
        test = ast.unparse(root.test)
        return f"{shown(test, values)} is {'true' if evaluate(test, values) else 'false'}: {result}"
    put_in = shown(expression, values)
    return result if put_in == result else f"{put_in} = {result}"


def figure(value: Any) -> str:
    """Print a value: thousands separated, four decimals at most, powers of ten when large.

    >>> [figure(value) for value in (10847133.0, 4.8125, 5e26, 33.33333, 0.00012, "China")]
    ['10,847,133', '4.8125', '5e26', '33.3333', '0.00012', 'China']
    """
    if isinstance(value, str):
        return value
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-3:
        mantissa, _, exponent = f"{value:.4g}".partition("e")
        return f"{mantissa}e{int(exponent)}" if exponent else mantissa
    text = f"{value:,.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _parsed(expression: str) -> ast.expr:
    if len(expression) > LONGEST:
        raise ExpressionError(expression[:40] + "…", f"longer than {LONGEST} characters")
    try:
        return ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(expression, f"cannot be read ({error})") from error


class _Walk:
    """One walk over one expression."""

    def __init__(self, expression: str, values: Mapping[str, Value]) -> None:
        self.expression, self.values = expression, values

    def value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return float(number)
            case ast.Name(id=name):
                return self.named(name)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return self.computed(type(op), self.number(left), self.number(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.number(operand)
            case ast.Compare():
                return float(self.compared(node))
            case ast.BoolOp(op=op, values=parts):
                held = [self.number(part) != 0 for part in parts]
                return float(all(held) if isinstance(op, ast.And) else any(held))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.value(body if self.number(test) else orelse)
            case ast.Call(func=ast.Name(id=name), args=[_, *_] as parts, keywords=[]) if (
                name in _FUNCTIONS and (name != "abs" or len(parts) == 1)
            ):
                return _FUNCTIONS[name]([self.number(part) for part in parts])
        raise self.refused(
            f"{ast.unparse(node)!r} is not allowed; allowed are names, numbers, texts, + - * /, "
            f"comparisons, and, or, if else, {', '.join(_FUNCTIONS)}"
        )

    def number(self, node: ast.expr) -> float:
        value = self.value(node)
        if isinstance(value, str):
            raise self.refused(f"{ast.unparse(node)} is the text {value!r}, a number is needed")
        return value

    def named(self, name: str) -> Value:
        if name not in self.values:
            raise self.refused(f"no value is called {name!r}")
        return self.values[name]

    def computed(self, kind: type[ast.operator], left: float, right: float) -> float:
        try:
            return _ARITHMETIC[kind](left, right)
        except ZeroDivisionError as error:
            raise self.refused(str(error)) from error

    def compared(self, node: ast.Compare) -> bool:
        sides = [self.value(side) for side in (node.left, *node.comparators)]
        if len({isinstance(side, str) for side in sides}) > 1:
            raise self.refused(f"{ast.unparse(node)!r} compares a text with a number")
        if any(type(op) not in _COMPARE for op in node.ops):
            raise self.refused(f"{ast.unparse(node)!r} is not allowed; compare by = ≠ < ≤ > ≥")
        pairs = zip(sides, node.ops, sides[1:], strict=False)
        return all(_COMPARE[type(op)](left, right) for left, op, right in pairs)

    def refused(self, what: str) -> ExpressionError:
        return ExpressionError(self.expression, what)
