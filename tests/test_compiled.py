"""Compiled programs kept from run to run: found again, refused when torn, never in the way."""

import os
import subprocess
import sys
import zlib
from pathlib import Path

import jax

from experiments.runner import compiled

ROOT = Path(__file__).parents[1]
NAME = "jax_compilation_cache_dir"


def kept(runs):
    return sorted(runs.rglob("*-cache"))


def test_settings_last_as_long_as_the_body(tmp_path):
    before = getattr(jax.config, NAME)
    with compiled.compiled_programs(tmp_path):
        folder = Path(getattr(jax.config, NAME))
        assert folder.parent == tmp_path / "compiled"
        assert folder.is_dir()
    assert getattr(jax.config, NAME) == before


def test_a_folder_given_to_jax_stays(tmp_path):
    jax.config.update(NAME, str(tmp_path / "mine"))
    try:
        with compiled.compiled_programs(tmp_path):
            assert getattr(jax.config, NAME) == str(tmp_path / "mine")
        assert not (tmp_path / "compiled").exists()
    finally:
        jax.config.update(NAME, None)


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path):
    (tmp_path / "compiled").write_text("not a folder")
    with compiled.compiled_programs(tmp_path):
        assert getattr(jax.config, NAME) is None


def test_torn_programs_are_removed_and_whole_ones_stay(tmp_path):
    with compiled.compiled_programs(tmp_path):
        folder = Path(getattr(jax.config, NAME))
    whole = zlib.compress(b"a program" * 100)
    (folder / "whole-cache").write_bytes(whole)
    (folder / "torn-cache").write_bytes(whole[:-5])
    (folder / "flipped-cache").write_bytes(whole[:9] + bytes([whole[9] ^ 1]) + whole[10:])
    (folder / "empty-cache").write_bytes(b"")
    (folder / "other-cache").write_bytes(b"\x28\xb5\x2f\xfd")
    with compiled.compiled_programs(tmp_path):
        assert [path.name for path in kept(tmp_path)] == ["other-cache", "whole-cache"]


PROGRAM = """
import pathlib, sys, jax, jax.numpy as jnp
from experiments.runner.compiled import compiled_programs
hits = []
jax.monitoring.register_event_listener(lambda name, **_: hits.append(name))
with compiled_programs(pathlib.Path(sys.argv[1])):
    print(float(jax.jit(lambda x: jnp.sin(x) @ jnp.cos(x))(jnp.arange(5.0))))
print(hits.count("/jax/compilation_cache/cache_hits") > 0)
"""


def test_a_second_process_finds_what_the_first_compiled(tmp_path):
    def run():
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM, str(tmp_path)],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.split()

    value, found = run()
    assert found == "False"
    assert kept(tmp_path)
    assert run() == [value, "True"]
    largest = max(kept(tmp_path), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-7])
    assert run()[0] == value
