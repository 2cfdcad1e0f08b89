"""Values of expressions at points to 60 digits, by another way than the kernel's: decimals."""

import decimal
from decimal import Decimal

import numpy as np

DIGITS = 60
PI = Decimal(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803"
)


def exact(x):
    return Decimal(float(x))  # binary numbers are decimals, exactly


def _sin(x):
    x = x % (2 * PI)
    total, term, n = Decimal(0), x, 1
    while abs(term) > Decimal(10) ** -(DIGITS + 5):
        total += term
        term *= -x * x / ((n + 1) * (n + 2))
        n += 2
    return total


def _erf(x):
    if abs(x) > 12:
        return Decimal(1).copy_sign(x)
    total, term, n = Decimal(0), x, 0
    while abs(term) > Decimal(10) ** -(DIGITS + 5):
        total += term / (2 * n + 1)
        n += 1
        term *= -x * x / n
    return 2 * total / PI.sqrt()


def _arctan(x):
    if abs(x) > Decimal("0.1"):  # halve the angle
        return 2 * _arctan(x / (1 + (1 + x * x).sqrt()))
    total, power, n = Decimal(0), x, 1
    while abs(power) > Decimal(10) ** -(DIGITS + 5):
        total += power / n
        power *= -x * x
        n += 2
    return total


def _log1p(x):
    return (1 + x).ln()


def _tanh(x):
    small = (-2 * abs(x)).exp()
    return ((1 - small) / (1 + small)).copy_sign(x)


def _sigmoid(x):
    return 1 / (1 + (-x).exp())


def _softplus(x):
    return max(x, Decimal(0)) + _log1p((-abs(x)).exp())


def _cbrt(x):
    return (abs(x).ln() / 3).exp().copy_sign(x) if x else x


def _relu(x):
    return max(x, Decimal(0))


def _sign(x):
    return Decimal((x > 0) - (x < 0))


FUNCTIONS = {
    "exp": Decimal.exp,
    "expm1": lambda x: x.exp() - 1,
    "log": Decimal.ln,
    "log1p": _log1p,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "erf": _erf,
    "erfc": lambda x: 1 - _erf(x),
    "sin": _sin,
    "cos": lambda x: _sin(x + PI / 2),
    "sqrt": Decimal.sqrt,
    "cbrt": _cbrt,
    "arctan": _arctan,
    "reciprocal": lambda x: 1 / x,
    "gelu": lambda x: x * (1 + _erf(x / Decimal(2).sqrt())) / 2,
    "swish": lambda x: x * _sigmoid(x),
    "relu": _relu,
    "relu2": lambda x: _relu(x) ** 2,
    "relu3": lambda x: _relu(x) ** 3,
    "relu4": lambda x: _relu(x) ** 4,
    "absolute": abs,
    "sign": _sign,
    "floor": lambda x: x.to_integral_value(decimal.ROUND_FLOOR),
    "round": lambda x: x.to_integral_value(decimal.ROUND_HALF_EVEN),
}
BINARY = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "maximum": max,
    "minimum": min,
    "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b,
    "equal": lambda a, b: a == b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
}


def value(expression, point):
    """The entries of the value at a point of binary numbers."""
    found = []
    with decimal.localcontext() as context:
        context.prec = DIGITS + 40
        for node in expression.nodes:
            found.append(_node(node, [found[a] for a in node.args], point))
    return found[-1]


def _node(node, args, point):
    if node.op == "input":
        return [x if isinstance(x, Decimal) else exact(x) for x in point]
    if node.op == "constant":
        return [exact(v) for v in node.data[0]]
    if node.op == "take":
        return [args[0][i] for i in node.data[0]]
    if node.op == "join":
        return [v for part in args for v in part]
    if node.op == "linear":
        matrix, bias = node.data
        rows = [
            sum((exact(w) * v for w, v in zip(row, args[0], strict=True)), exact(b))
            for row, b in zip(matrix, bias, strict=True)
        ]
        return rows
    if node.op == "sum":
        length = len(args[0]) // node.size
        return [sum(args[0][i * length : (i + 1) * length], Decimal(0)) for i in range(node.size)]
    if node.op == "power":
        return [v**node.number for v in args[0]]
    if node.op == "real_power":
        return [(v.ln() * exact(node.data[0][0])).exp() if v else v for v in args[0]]
    if node.op == "not":
        return [not v for v in args[0]]
    if node.op == "choose":
        return [t if c else f for c, f, t in zip(*args, strict=True)]
    if node.op in FUNCTIONS:
        return [FUNCTIONS[node.op](v) for v in args[0]]
    return [BINARY[node.op](a, b) for a, b in zip(*args, strict=True)]


def polynomial(models, row, entry, s):
    """The polynomial of a model at s, exactly up to the digits."""
    from approxlab.certify._taylor_models import pairs

    total = exact(models.value[row, entry])
    if models.slopes is not None:
        total += sum(exact(g) * t for g, t in zip(models.slopes[:, row, entry], s, strict=True))
    if models.curves is not None:
        for h, (j, k) in zip(models.curves[:, row, entry], pairs(len(s)), strict=True):
            total += exact(h) * s[j] * s[k]
    return total


def slack(wanted):
    """What the decimals themselves may be rounded by."""
    return (1 + abs(wanted)) * Decimal(10) ** -(DIGITS + 20)


def check_model(models, row, exact_values, s):
    """The values lie in the model at s: within the rest of the polynomial, between low and high."""
    with decimal.localcontext() as context:
        context.prec = DIGITS + 40
        for entry, wanted in enumerate(exact_values):
            rest = models.rest[row, entry]
            low, high = models.low[row, entry], models.high[row, entry]
            assert np.isnan(low) or exact(low) <= wanted + slack(wanted), (low, wanted)
            assert np.isnan(high) or wanted <= exact(high) + slack(wanted), (high, wanted)
            if np.isfinite(rest):
                apart = abs(wanted - polynomial(models, row, entry, s))
                assert apart <= exact(rest) + slack(wanted), (apart, rest)
