"""Where the seeds of a fit are computed; no other module looks at platform and devices."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

_AXIS = "seeds"
# XLA's older generator of loops, and few parts of a program: each part costs some time by itself.
_quickly: dict[str, Any] = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 4,
}

Axes = tuple[int | None, ...]


@dataclasses.dataclass(frozen=True)
class SeedDevices:
    """The devices of a fit, and how many seeds each of them trains at once.

    They may belong to several processes of `jax.distributed`. Then every process makes the same
    calls in the same order: an executable trains the seeds on the devices of its process alone,
    and only `fetched` waits for the others.
    """

    devices: tuple[Any, ...]
    each: int

    @property
    def together(self) -> int:
        """How many seeds one executable trains: a group."""
        return len(self.devices) * self.each

    @functools.cached_property
    def shared(self) -> bool:
        """Whether there are devices of other processes among them."""
        return any(device.process_index != jax.process_index() for device in self.devices)

    @property
    def compiler_options(self) -> dict[str, Any] | None:
        """For the executables: on one of several CPU devices, a product must not use their cores.

        How many threads share a product does not change its bits: XLA divides rows and columns
        among them, never a sum.
        """
        if len(self.devices) > 1 and self.devices[0].platform == "cpu":
            return {"xla_cpu_multi_thread_eigen": False}
        return None

    def distributed(self, tree: Any) -> Any:
        """Arrays with seeds along the leading axis, each on its device."""
        return self._put(tree, 0)

    def copied(self, tree: Any) -> Any:
        """Arrays that all seeds read, on every device."""
        return self._put(tree, None)

    def numbers(self, array: np.ndarray) -> Any:
        """A number for each seed, in the form in which executables take it fastest."""
        return self._put(array, 0) if self.shared else array

    def fetched(self, tree: Any) -> Any:
        """Arrays of all seeds as NumPy arrays: in every process, if there are several."""
        return jax.tree.map(np.asarray, _everywhere(self)(tree) if self.shared else tree)

    def over_seeds(self, fn: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
        """A function of one seed, for a group: 0 or `None` for each argument as in `vmap`."""
        of_device = jax.vmap(fn, in_axes=axes) if self.each > 1 else _single(fn, axes)
        if len(self.devices) == 1:
            return of_device
        # Nothing is summed over devices: no seed waits for another.
        result: Callable[..., Any] = jax.shard_map(
            of_device,
            mesh=self._mesh(),
            in_specs=tuple(_spec(axis) for axis in axes),
            out_specs=_spec(0),
            check_vma=False,
        )
        return result

    def executable(self, fn: Callable[..., Any], axes: Axes, *forms: Any, quickly: bool) -> Any:
        """`over_seeds`, compiled for arguments of these shapes and dtypes.

        Args:
            fn: The function.
            axes: As in `over_seeds`.
            *forms: Shapes and dtypes of the arguments.
            quickly: Whether compilation shall take little time, and the program may take more: on
                CPUs by XLA's older generator of loops. The numbers are the same.
        """
        shardings = None
        if len(self.devices) > 1:
            shardings = tuple(NamedSharding(self._mesh(), _spec(axis)) for axis in axes)
        jitted = jax.jit(self.over_seeds(fn, axes), in_shardings=shardings)
        lowered, options = jitted.lower(*forms), self.compiler_options
        if quickly and self.devices[0].platform == "cpu" and _quickly:
            try:
                return lowered.compile(compiler_options={**(options or {}), **_quickly})
            except jax.errors.JaxRuntimeError as error:
                if "No such compile option" in str(error):
                    _quickly.clear()  # an XLA without them need not be asked again
        return lowered.compile(compiler_options=options)

    def _mesh(self) -> Mesh:
        return Mesh(np.array(self.devices), (_AXIS,), axis_types=(AxisType.Auto,))

    def _put(self, tree: Any, axis: int | None) -> Any:
        if len(self.devices) == 1:
            return tree
        sharding = NamedSharding(self._mesh(), _spec(axis))
        if not self.shared:
            return jax.device_put(tree, sharding)

        def own_part(leaf: Any) -> Any:  # each process has all of it, and keeps its own part
            whole = np.asarray(leaf)
            return jax.make_array_from_callback(whole.shape, sharding, lambda part: whole[part])

        return jax.tree.map(own_part, tree)


def devices_for(seeds: int, devices: Sequence[Any] | None = None) -> SeedDevices:
    """Which devices train the seeds of a fit.

    By default over the local ones of the default platform, also in a program of several processes:
    a fit over several processes makes all of them wait for each other, so it is not a default.

    On a CPU each device trains one seed after another: as fast as the cores allow on these small
    matrices (with one device per core), and a seed's numbers cannot depend on the others, because
    no executable knows of them. The number of seeds does not matter, so it compiles nothing anew.
    Elsewhere all at once by `vmap`, in equal shares. A device chosen by `jax.default_device` is
    the only one, unless `devices` says otherwise.

    Raises:
        ValueError: If `devices` is empty or of several platforms, or none belongs to this process.
    """
    used = _default_devices() if devices is None else tuple(devices)
    own = [device for device in used if device.process_index == jax.process_index()]
    if not own or len({device.platform for device in used}) > 1:
        raise ValueError(
            f"devices: got {list(used)}, expected devices of one platform, some of them of this "
            "process. Give jax.local_devices(), or jax.devices() in every process."
        )
    if used[0].platform == "cpu":
        return SeedDevices(used, 1)
    if len(own) == len(used):  # else every process takes part
        used = used[:seeds]
    return SeedDevices(used, -(-seeds // len(used)))


@functools.lru_cache(maxsize=8)
def _everywhere(where: SeedDevices) -> Callable[[Any], Any]:
    """Copies arrays with seeds along the leading axis to all devices."""
    return jax.jit(lambda tree: tree, out_shardings=NamedSharding(where._mesh(), _spec(None)))


def _spec(axis: int | None) -> PartitionSpec:
    return PartitionSpec() if axis is None else PartitionSpec(_AXIS)


def _single(fn: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
    # A vmap over one seed would turn every branch into a selection.
    def single(*args: Any) -> Any:
        pairs = zip(args, axes, strict=True)
        args = tuple(a if x is None else jax.tree.map(lambda leaf: leaf[0], a) for a, x in pairs)
        return jax.tree.map(lambda leaf: leaf[None], fn(*args))

    return single


def _default_devices() -> tuple[Any, ...]:
    chosen = next(iter(jax.device_put(np.zeros(())).devices()))  # on which JAX computes by default
    if isinstance(jax.config.jax_default_device, jax.Device):  # type: ignore[attr-defined]
        return (chosen,)
    return tuple(jax.local_devices(backend=chosen.platform))
