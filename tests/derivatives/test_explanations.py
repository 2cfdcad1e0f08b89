"""Explanations: three counts that agree, or a sentence that says why they do not."""

import jax
import jax.numpy as jnp
import pytest

import approxlab as al
from approxlab.derivatives.formulas.explanation import explain


def network(widths, activation="tanh", dtype="float32", *, linear=None, scalar=False):
    pairs = list(zip(widths[1:], widths[:-1], strict=True))
    return al.MLP.from_arrays(
        [jnp.full(pair, 0.1) for pair in pairs],
        [jnp.full(pair[:1], 0.2) for pair in pairs],
        activation,
        passthrough=linear,
        out_size=None if scalar else widths[-1],
        dtype=dtype,
    )


ASKED = [
    {"want": "value"},
    {"want": "vjp"},
    {"want": "jvp", "batch": 3},
    {"method": "forward"},
    {"method": "reverse", "batch": 3},
    {"method": "planned"},
    {"method": "structured"},
    {"wrt": "weights", "want": "gradient"},
    {"wrt": "weights", "want": "hvp"},
    {"wrt": "weights", "want": "jacobian"},
    {"wrt": "weights", "want": "gram", "batch": 3},
    {"wrt": "weights", "want": "gradient_norms", "batch": 3},
]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_the_counts_agree(asked):
    """Formula = jaxpr in dots; formula = what is used of the jaxpr = XLA in all FLOPs."""
    found = explain(network((5, 7, 6, 3)), **asked)
    assert found.dot_flops == found.jaxpr_dot_flops
    assert found.flops == found.live_flops == found.xla_flops
    said = " ".join(found.discrepancies)
    assert ("what nothing uses" in said) == (found.jaxpr_flops != found.live_flops)
    assert "than the formula" not in said
    assert "than the jaxpr has" not in said


def test_every_discrepancy_has_its_sentence():
    reverse = explain(network((16, 32, 24, 8)), method="reverse", compiled=True)
    assert reverse.question == (
        "input Jacobian, reverse, of MLP(16-32-24-8, tanh, 1536 parameters, float32)"
    )
    said = " ".join(reverse.discrepancies)
    # The value of the last layer: 2 cL and 8 biases, traced and not used.
    assert "392 FLOPs of the jaxpr compute what nothing uses, 392 of them for the value" in said
    assert "The identity of size 8 that starts all sweeps costs 128 FLOPs to make" in said
    assert "56 transcendentals are counted separately" in said
    gradient = explain(network((16, 32, 24, 8)), wrt="weights", want="gradient", compiled=True)
    said = " ".join(gradient.discrepancies)
    assert "Outer products count 2,944 dot FLOPs" in said
    assert gradient.compiled_flops < gradient.xla_flops
    assert "With a single sample XLA turns products with vectors into" in said
    batch = explain(network((16, 32, 24, 8)), method="forward", batch=4)
    assert "computed once" in " ".join(batch.discrepancies)
    steps = explain(network((16, 32, 24, 8)), method="differences")
    assert steps.live_flops > steps.flops
    assert "steps are chosen, and points are shifted" in " ".join(steps.discrepancies)
    central = explain(network((16, 32, 24, 8)), method="differences", scheme="central")
    assert "steps are chosen, and points are shifted" in " ".join(central.discrepancies)
    assert central.question.startswith("input Jacobian, central differences, of MLP(16-")
    linear = explain(network((3, 4, 5, 2), linear=(0, 5)), method="reverse", batch=3)
    assert ("a hidden layer is linear throughout" in " ".join(linear.discrepancies)) == (
        linear.live_flops != linear.flops
    )
    gelu = explain(network((3, 4, 2), "gelu"), want="vjp")
    assert f"erfc: counted as JAX {jax.__version__} lowers it" in " ".join(gelu.discrepancies)


def test_an_explanation_reads_well():
    found = explain(network((16, 32, 24, 8), "relu"), wrt="weights", want="gradient")
    text, page = str(found), found._repr_html_()
    for words in ("6P - 2 c0", "7,808", "P = 1,472 weights", "4,408", f"jax {jax.__version__}"):
        assert words in text
        assert words in page
    assert max(map(len, text.splitlines()[:9])) <= 100
    assert repr(found) == (
        "Explanation(weight gradient of the squared error, of MLP(16-32-24-8, relu, 1536 "
        "parameters, float32): 6P - 2 c0 = 7,808 dot FLOPs)"
    )
    (row,) = found.to_rows()
    assert row["tape_bytes"] == 4408
    assert row["dot_flops"] == row["jaxpr_dot_flops"] == 7808
    assert explain(network((2, 3, 1)), method="forward").tape_bytes is None


def test_explain_refuses_what_it_has_no_formula_for():
    with pytest.raises(Exception, match="MLP"):
        explain(jnp.sin)
    with pytest.raises(ValueError, match="method: got 'planned' for want='gram'"):
        explain(network((2, 3, 1)), wrt="weights", want="gram", method="planned")


def test_structured_is_explained_as_it_is_executed_where_both_ends_cost_the_same():
    found = explain(network((2, 3, 6, 3)), method="structured")
    assert found.formula == "2P + 2m(P - cL)"
    assert found.flops == found.jaxpr_flops == found.xla_flops


@pytest.mark.parametrize("want", ["jvp", "vjp"])
def test_of_a_linear_map_no_value_is_left_where_none_is_wanted(want):
    found = explain(network((4, 8, 8, 3), "identity"), want=want)
    whole = al.derivatives.formula(
        [4, 8, 8, 3], want=want, activation="identity", value=False, biases=False
    )
    assert whole.dot_flops == 2 * (32 + 64 + 24)
    assert found.dot_flops == 4 * (32 + 64 + 24)
