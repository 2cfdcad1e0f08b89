"""What is refused by the functions of regions, and what the messages advise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.plotting import plot_pieces
from approxlab.regions import count, count_many, generic_arrangement, partition, pieces

LINE, SQUARE = al.Box([-1.0], [1.0]), al.Box([-1.0, -1.0], [1.0, 1.0])


def made(inputs=1, activation="relu"):
    return al.MLP.init(jax.random.key(0), inputs, (3,), activation)


STACK = jax.tree.map(lambda leaf: leaf[None], made())
FLAT = np.zeros((3, 3))
REFUSED = {
    "jit": (lambda: jax.jit(lambda net: count(net, LINE, kind="proper"))(made()), "outside of jit"),
    "vmap": (lambda: jax.vmap(lambda net: jnp.asarray(len(pieces(net, LINE))))(STACK), "vmap"),
    "jit of many": (
        lambda: jax.jit(lambda net: count_many(net, LINE, kind="proper"))(STACK), "outside of jit",
    ),
    "jit of a plane": (
        lambda: jax.jit(lambda net: len(partition(net, SQUARE)))(made(2)), "outside of jit",
    ),
    "a stack": (lambda: pieces(STACK, LINE), "count_many"),
    "a list": (lambda: pieces([made(), made()], LINE), "list of 2 entries.*pieces_of_many"),
    "a bad member": (lambda: count_many([made(), 3], LINE, kind="proper"), r"nets\[1\]: net"),
    "three inputs": (lambda: count(made(3), LINE, kind="proper"), "plane="),
    "a box of two": (lambda: pieces(made(), SQUARE), "of dimension 2, expected one of dimension 1"),
    "a box of one": (lambda: partition(made(2), LINE), "of dimension 1, expected a box of dimen"),
    "a segment": (lambda: pieces(made(2), segment=[[0.0, np.nan], [1.0, 1.0]]), r"\[0.0, nan\]"),
    "a plane": (lambda: partition(made(3), SQUARE, plane=FLAT * np.nan), "got .*nan.*finite"),
    "parallel": (
        lambda: partition(made(3), SQUARE, plane=[[0, 0, 0], [1, 2, 0], [2, 4, 0]]),
        r"\[1.0, 2.0, 0.0\] and \[2.0, 4.0, 0.0\].*segment=",
    ),
    "smooth": (lambda: pieces(made(1, "tanh"), LINE), "pieces_on_grid"),
    "a polygon": (lambda: partition(made(2), SQUARE).polygon(0.5), "index: got 0.5"),
    "a least value": (lambda: partition(made(2), SQUARE).minimum(0.5), "output: got 0.5"),
    "a level": (lambda: partition(made(2), SQUARE).level_set("a"), "level: got 'a'"),
    "half a line": (lambda: generic_arrangement(2.5, 2), "number: got 2.5"),
    "fewer than no lines": (lambda: generic_arrangement(-1, 2), "number: got -1"),
    "an output": (lambda: plot_pieces(pieces(made(), LINE), output=3), "output: got 3"),
    "a partition": (lambda: plot_pieces(partition(made(2), SQUARE)), "regions.pieces"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_remedy(name):
    call, message = REFUSED[name]
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_short_directions_span_a_plane():
    plane = [[0.0, 0.0, 0.0], [1e-14, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert len(partition(made(3), SQUARE, plane=plane)) >= 1
