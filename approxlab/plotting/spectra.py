"""Eigenvalues of kernels and of Hessians, and a loss along a segment."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from approxlab.plotting._axes import draw_legend, own_axes
from approxlab.plotting.palette import colors

__all__ = ["plot_segment", "plot_spectrum"]


def plot_spectrum(
    spectrum: Any, *, ax: Axes | None = None, label: str | None = None, **style: Any
) -> Axes:
    """Draw eigenvalues: of a kernel against the frequency, of a Hessian in their order.

    Of a kernel both scales are logarithmic; what lies below its floor is rounding and is drawn
    hollow. Of a Hessian the scale is linear near zero, with a band in which an eigenvalue may be
    zero. Several calls on the same axes compare spectra of one kind.

    Args:
        spectrum: What `al.kernels.spectrum` or `al.landscapes.hessian_spectrum` returns.
        ax: Axes to draw on; by default new ones.
        label: Name in the legend; by default that of the kernel, of a Hessian none.
        **style: Of the marks (`Axes.plot`).

    Returns:
        The axes.

    Raises:
        TypeError: If it is no spectrum.

    Example:
        >>> import jax.numpy as jnp
        >>> import approxlab as al
        >>> found = al.landscapes.hessian_spectrum(lambda w: w[0] ** 2 - w[1] ** 2, jnp.zeros(2))
        >>> ax = plot_spectrum(found)
        >>> ax.get_ylabel()
        'eigenvalue'
        >>> ax.figure.clear()
    """
    kernel = hasattr(spectrum, "frequencies") and hasattr(spectrum, "eigenvalues")
    if not kernel and not all(hasattr(spectrum, name) for name in ("values", "rounding")):
        raise TypeError(
            f"spectrum: got {type(spectrum).__name__}, expected what al.kernels.spectrum or "
            "al.landscapes.hessian_spectrum returns."
        )
    ax = own_axes(ax)
    (_draw_kernel if kernel else _draw_hessian)(ax, spectrum, label, style)
    return ax


def _draw_kernel(ax: Axes, spectrum: Any, label: str | None, style: dict[str, Any]) -> None:
    frequencies, values = np.asarray(spectrum.frequencies), np.asarray(spectrum.eigenvalues)
    shown = (values > 0) & (frequencies > 0)
    sure = shown & (values > spectrum.floor)
    name = spectrum.kind.upper() if label is None else label
    options = {"color": colors("kernels")[spectrum.kind], "marker": "o", "linestyle": "none"}
    (line,) = ax.plot(frequencies[sure], values[sure], **{**options, "label": name, **style})
    lost = shown & ~sure
    if np.any(lost):
        hollow: dict[str, Any] = {
            "color": line.get_color(),
            "fillstyle": "none",
            "marker": line.get_marker(),
        }
        ax.plot(frequencies[lost], values[lost], linestyle="none", label="rounding", **hollow)
        ax.axhline(spectrum.floor, color=line.get_color(), linestyle=":", linewidth=1.0, zorder=1.0)
    ax.set(xscale="log", yscale="log", xlabel="frequency", ylabel="eigenvalue")
    draw_legend(ax)


def _draw_hessian(ax: Axes, spectrum: Any, label: str | None, style: dict[str, Any]) -> None:
    values, near = np.asarray(spectrum.values, float), float(spectrum.rounding)
    options = {"marker": "o", "linestyle": "none", "label": label}
    ax.plot(np.arange(1, len(values) + 1), values, **{**options, **style})
    ax.axhspan(-near, near, color="0.85", zorder=0.5, label="may be zero, to rounding")
    largest = float(np.max(np.abs(values), initial=0.0))
    sizes = np.abs(values[np.abs(values) > near])
    if len(sizes) and largest > 100.0 * np.min(sizes):
        # Ends of the linear part at a power of ten below all that is not rounding.
        ax.set_yscale("symlog", linthresh=10.0 ** np.floor(np.log10(np.min(sizes))))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="index", ylabel="eigenvalue")
    draw_legend(ax)


def plot_segment(
    segment: Any, *, ax: Axes | None = None, label: str | None = None, **style: Any
) -> Axes:
    """Draw a loss on a segment of its parameters, with the straight line between its two ends.

    Where the loss lies above the line it is not convex; the largest distance that was sampled, the
    barrier, is marked.

    Args:
        segment: What `al.landscapes.loss_on_segment` returns.
        ax: Axes to draw on; by default new ones.
        label: Name in the legend.
        **style: Of the curve (`Axes.plot`).

    Returns:
        The axes.

    Raises:
        TypeError: If it is no segment.

    Example:
        >>> import jax.numpy as jnp
        >>> import approxlab as al
        >>> ends = jnp.array([-1.0]), jnp.array([1.0])
        >>> ax = plot_segment(al.landscapes.loss_on_segment(lambda w: 1 - w[0] ** 2, *ends))
        >>> ax.get_ylabel()
        'loss'
        >>> ax.figure.clear()
    """
    if not all(hasattr(segment, name) for name in ("positions", "losses", "barrier")):
        raise TypeError(
            f"segment: got {type(segment).__name__}, expected what al.landscapes.loss_on_segment "
            "returns."
        )
    t, losses = np.asarray(segment.positions), np.asarray(segment.losses)
    ax = own_axes(ax)
    (line,) = ax.plot(t, losses, **{"label": "loss" if label is None else label, **style})
    ends = losses[[0, -1]]
    ax.plot([0, 1], ends, "--", color="0.5", linewidth=1.2, label="between the ends")
    if segment.barrier > 0.0:
        place = segment.barrier_position
        on_line = ends[0] + place * (ends[1] - ends[0])
        ax.plot(
            [place] * 2,
            [on_line, on_line + segment.barrier],
            marker="_",
            linewidth=1.5,
            color=line.get_color(),
            linestyle=":",
            label=f"barrier {segment.barrier:.3g} (sampled)",
        )
    ax.set(xlabel="position t between start and end", ylabel="loss")
    draw_legend(ax)
    return ax
