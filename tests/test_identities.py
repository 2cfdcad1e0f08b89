"""Names of stored units do not drift: what was computed by an earlier version is found again.

An entry changes together with the REVISION of its experiment, or with its presets; nothing else may
change it.
"""

import hashlib
import importlib

import pytest

from approxlab import records

# SHA-256 over the identities of all units of smoke, default and paper, in plan order: computed on a
# made-up machine without packages.
IDENTITIES = {
    "barron_rate": "9786f1f419f169a4",
    "certified_benchmark": "f1bf11f198832d5f",
    "certified_errors": "71b4611195b63883",
    "certified_growth": "19f8b41d1844eb29",
    "cluster_speedup": "481fc786cb7c4e3b",
    "computational_graphs": "2d00b784a1af1c0c",
    "cybenko_1d": "f08d6e1a777b0ba7",
    "cybenko_2d": "a506b75ac31acd69",
    "depth_separation": "4a671cbc622cfdf9",
    "deep_relu_training": "2f68223955649145",
    "fault_share": "20fb00f3d8d55d23",
    "finite_differences": "f953956de3853bc5",
    "first_use": "60bcb9f4e5eb16af",
    "float_universality": "eb4ba4ab15fc3940",
    "gap_to_optimum": "e2cfde613580e647",
    "gradient_cost": "38b6bbf4e257f176",
    "gradient_descent": "da0032d2a8001131",
    "greedy_rates": "629f5ab164d4bdb6",
    "growth": "9fbfd0fa33ffaac6",
    "jacobian_chain": "efd691e4cf22b9d9",
    "jacobian_cost": "1c84aa88a04e396c",
    "kernel_limit": "d9e2461a496a6541",
    "kernel_or_features": "d752037fb5c8dbdc",
    "kernel_spectra": "6ad80282e7e0f3d2",
    "linear_layer_vjp": "0072006be4dc2743",
    "linear_polynomial_mlp": "c31f6150eaef0139",
    "linear_regions": "7db5498d549f3296",
    "machine_precision": "867a0ae19b1b944e",
    "network_calculus": "73410a64b0990602",
    "radial_separation": "9f1c3327cb64fc4c",
    "sampling_misses": "e1052c90e3a1013f",
    "sigmoid_shapes": "24ffed86981cb38c",
    "steep_or_solved": "029d3730a3c39135",
    "student_teacher": "17d6f66260101de3",
    "three_questions": "11fd4794cee249cb",
    "trained_or_solved": "43591cfc8aabc68e",
    "training_throughput": "6268ea5f314884ab",
    "width_vs_depth": "1f80e506f1235e2e",
}


def identities(experiment, change=lambda unit: unit):
    return [
        records.identity(
            experiment=experiment.name, revision=experiment.revision, unit=change(dict(unit)),
            seed=0, dtype="float64", packages={}, device={"platform": "cpu", "kind": "cpu"},
        )
        for preset in ("smoke", "default", "paper")
        for unit in experiment.units(experiment.presets[preset])
    ]  # fmt: skip


def digest(names):
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", IDENTITIES)
def test_units_are_found_under_the_names_they_had(name):
    experiment = importlib.import_module(f"experiments.{name}.experiment").EXPERIMENT
    assert digest(identities(experiment)) == IDENTITIES[name]
    # The twin: one more field, even an empty one, is another name.
    more = identities(experiment, lambda unit: {**unit, "target_sha256": None})
    assert digest(more) != IDENTITIES[name]


def test_a_unit_has_the_name_it_always_had():
    unit = {"target": "runge", "width": 8}
    device = {"platform": "cpu", "kind": "cpu", "count": 2, "xla_flags": []}
    found = records.identity(
        experiment="toy", revision=1, unit=unit, seed=0, dtype="float64",
        packages={"approxlab": "0.1.0", "jax": "0.10.2"}, device=device,
    )  # fmt: skip
    assert found == "b2468cd9930423f64f9dbd2bb105e2132cafcb5e20330cb94bc92958cf381eb8"
