"""Elementary functions to 45 digits in decimal arithmetic: the oracle of `tests/certify`.

`decimal` rounds + - * / sqrt, exp and ln correctly in any precision. The others are series with the
precision raised by what cancels. No floating-point function takes part.
"""

import functools
from decimal import Decimal as D
from decimal import getcontext, localcontext

DIGITS = 50
# Errors of the kernels under test in units of the last place, as their lemmas state. On each side
# of the value the width is that, half a place from the sum with the bound, and one step outward.
LEMMAS = {
    "exp": 2,
    "expm1": 4,
    "tanh": 5.1,
    "logistic": 4.1,
    "softplus": 5.5,
    "log": 3.5,
    "log1p": 3.5,
    "erf": 3.5,
    "erfc": 4,
    "sin": 3,
    "cos": 3,
    "arctan": 3,
    "cbrt": 1.3,
    "sqrt": 0,
}

SLACK = D(10) ** -42  # relative error of every reference, far below one place of a double


def _with_digits(extra=0):
    def decorator(function):
        @functools.wraps(function)
        def wrapped(x):
            with localcontext() as context:
                context.prec = DIGITS + extra
                context.Emin, context.Emax = -(10**6), 10**6
                return +function(D(x))

        return wrapped

    return decorator


@functools.cache
def pi(digits):
    with localcontext() as context:
        context.prec = digits + 10

        def arctan_of_inverse(n):
            term, total, k = D(1) / n, D(0), 0
            while abs(term) > D(10) ** -(digits + 8):
                total += term / (2 * k + 1) * (-1) ** k
                term, k = term / (n * n), k + 1
            return total

        return 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))


exp = _with_digits()(lambda x: x.exp())
log = _with_digits()(lambda x: x.ln())
sqrt = _with_digits()(lambda x: x.sqrt())
cbrt = _with_digits(20)(lambda x: D(0) if x == 0 else (abs(x) ** (D(1) / 3)).copy_sign(x))


def _small(x):
    return abs(x) < D("1e-20")


@_with_digits(30)
def expm1(x):
    return x + x * x / 2 + x * x * x / 6 if _small(x) else x.exp() - 1


@_with_digits(30)
def log1p(x):
    return x - x * x / 2 + x * x * x / 3 if _small(x) else (1 + x).ln()


@_with_digits(30)
def tanh(x):
    if _small(x):
        return x - x * x * x / 3
    e = (-2 * abs(x)).exp()
    return ((1 - e) / (1 + e)).copy_sign(x)


@_with_digits()
def logistic(x):
    e = (-abs(x)).exp()
    return (e if x < 0 else 1) / (1 + e)


@_with_digits(30)
def softplus(x):
    e = (-abs(x)).exp()
    return max(x, D(0)) + (e - e * e / 2 if _small(e) else (1 + e).ln())


def _reduced(x):
    """The multiple of pi/2 nearest to x and what is left."""
    half = pi(DIGITS + 60) / 2
    k = (x / half).to_integral_value()
    return int(k) % 4, x - k * half


def _sine_of(r):
    term, total, n = r, D(0), 1
    while abs(term) > abs(r) * D(10) ** -(DIGITS + 10) and term:
        total += term
        term, n = -term * r * r / ((n + 1) * (n + 2)), n + 2
    return total


def _cosine_of(r):
    half = _sine_of(r / 2)
    return 1 - 2 * half * half


@_with_digits(40)
def sin(x):
    quarter, r = _reduced(x)
    value = _cosine_of(r) if quarter % 2 else _sine_of(r)
    return -value if quarter >= 2 else value


@_with_digits(40)
def cos(x):
    quarter, r = _reduced(x)
    value = _sine_of(r) if quarter % 2 else _cosine_of(r)
    return -value if quarter in (1, 2) else value


@_with_digits(20)
def arctan(x):
    if abs(x) > 1:
        return (pi(DIGITS + 20) / 2 - arctan(1 / abs(x))).copy_sign(x)
    doublings = 0
    while abs(x) > D("0.01"):
        x, doublings = x / (1 + (1 + x * x).sqrt()), doublings + 1
    term, total, n = x, D(0), 1
    while term and abs(term) > abs(x) * D(10) ** -(DIGITS + 10):
        total += term / n
        term, n = -term * x * x, n + 2
    return total * 2**doublings


def _erf(x):
    """2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (2n+1)!!: positive terms."""
    if not x:
        return x
    term, total, n = x, D(0), 0
    while term and abs(term) > abs(total) * D(10) ** -getcontext().prec:
        total, n = total + term, n + 1
        term = term * 2 * x * x / (2 * n + 1)
    return 2 * total * (-x * x).exp() / pi(getcontext().prec).sqrt()


erf = _with_digits(10)(_erf)


def erfc(x):
    cancels = int(float(x) ** 2 / 2.3) + 10 if x > 0 else 5
    return _with_digits(cancels)(lambda t: 1 - _erf(t))(x)


def bracket(name, x):
    """Two decimal numbers about the value of the function of that name, 1e-42 apart."""
    value = globals()[name](x)
    with localcontext() as context:
        context.prec = 2 * DIGITS
        return value - abs(value) * SLACK, value + abs(value) * SLACK
