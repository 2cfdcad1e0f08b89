"""Where the seeds of a fit are computed: the one place that looks at platform and devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

_AXIS = "seeds"

Axes = tuple[int | None, ...]


@dataclasses.dataclass(frozen=True)
class Places:
    """The local devices of a fit, and how many seeds each of them trains at once."""

    devices: tuple[Any, ...]
    each: int

    @property
    def together(self) -> int:
        """How many seeds one executable trains: a group."""
        return len(self.devices) * self.each

    @property
    def compiler_options(self) -> dict[str, Any] | None:
        """For the executables: beside other CPU devices, a product must not take their cores.

        How many threads share a product does not change its bits: XLA divides rows and columns
        among them, never a sum.
        """
        if len(self.devices) > 1 and self.devices[0].platform == "cpu":
            return {"xla_cpu_multi_thread_eigen": False}
        return None

    def spread(self, tree: Any) -> Any:
        """Arrays with members along the leading axis, each on its device."""
        return self._put(tree, 0)

    def copied(self, tree: Any) -> Any:
        """Arrays that all members read, on every device."""
        return self._put(tree, None)

    def over_members(self, fn: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
        """A function of one member, for a group: 0 or `None` for each argument as in `vmap`."""
        of_device = jax.vmap(fn, in_axes=axes) if self.each > 1 else _single(fn, axes)
        if len(self.devices) == 1:
            return of_device
        # Nothing is summed over devices: no member waits for another.
        result: Callable[..., Any] = jax.shard_map(
            of_device,
            mesh=self._mesh(),
            in_specs=tuple(_spec(axis) for axis in axes),
            out_specs=_spec(0),
            check_vma=False,
        )
        return result

    def executable(self, fn: Callable[..., Any], axes: Axes, *forms: Any) -> Any:
        """`over_members`, compiled for arguments of these shapes and dtypes."""
        shardings = None
        if len(self.devices) > 1:
            shardings = tuple(NamedSharding(self._mesh(), _spec(axis)) for axis in axes)
        jitted = jax.jit(self.over_members(fn, axes), in_shardings=shardings)
        return jitted.lower(*forms).compile(compiler_options=self.compiler_options)

    def _mesh(self) -> Mesh:
        return Mesh(np.array(self.devices), (_AXIS,), axis_types=(AxisType.Auto,))

    def _put(self, tree: Any, axis: int | None) -> Any:
        if len(self.devices) == 1:
            return tree
        return jax.device_put(tree, NamedSharding(self._mesh(), _spec(axis)))


def places(seeds: int) -> Places:
    """How the seeds of a fit are spread over the local devices of the default platform.

    On a CPU each device trains one seed after another: as fast as the cores allow on these small
    matrices (with one device per core), and a seed's numbers cannot depend on the others, because
    no executable knows of them. The number of seeds does not matter, so it compiles nothing anew.
    Elsewhere all at once by `vmap`, in equal shares. A device chosen by `jax.default_device` is
    the only one.
    """
    chosen = _device()
    devices = (chosen,)
    if not isinstance(jax.config.jax_default_device, jax.Device):  # type: ignore[attr-defined]
        devices = tuple(jax.local_devices(backend=chosen.platform))
    if chosen.platform == "cpu":
        return Places(devices, 1)
    devices = devices[:seeds]
    return Places(devices, -(-seeds // len(devices)))


def _spec(axis: int | None) -> PartitionSpec:
    return PartitionSpec() if axis is None else PartitionSpec(_AXIS)


def _single(fn: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    # A vmap over one member would turn every branch into a selection.
    def single(*args: Any) -> Any:
        pairs = zip(args, axes, strict=True)
        args = tuple(a if x is None else jax.tree.map(lambda leaf: leaf[0], a) for a, x in pairs)
        return jax.tree.map(lambda leaf: leaf[None], fn(*args))

    return single


def _device() -> Any:
    """The device on which JAX computes by default."""
    return next(iter(jnp.zeros(()).devices()))
