// A plot of curves with axes: SVG in the size at which it is seen, so that letters keep theirs.
import { el, set, svg } from "./dom.js";
import { clamp } from "./numbers.js";

// Margins and handles grow with the letters of the page: on a projector they are larger.
export const letterScale = () =>
  parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
const MARGINS = { left: 44, right: 12, top: 12, bottom: 34 };

function niceTicks(low, high, about) {
  const raw = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++)
    ticks.push(k * step);
  return ticks;
}

const tickText = (tick) => String(Number(tick.toPrecision(6))).replace("-", "−");
const asPower = (tick) =>
  (tick >= 1 && tick < 1000) || tick === 0.1 || tick === 0.01
    ? tickText(tick)
    : tick.toExponential(0).replace("e-", "e−").replace("e+", "e");

export class Plot {
  // x, y: ranges; log: [bool, bool]; label: what a screen reader says; draw: called at each size.
  constructor(
    parent,
    {
      x,
      y,
      log = [false, false],
      ratio = 0.5,
      tallest = 460,
      xLabel = "x",
      yLabel = "",
      label,
      draw,
      interactive = true,
      square = false,
    },
  ) {
    Object.assign(this, {
      x,
      y,
      log,
      ratio,
      tallest,
      xLabel,
      yLabel,
      draw,
      square,
      paths: new Map(),
      shown: [],
    });
    this.root = svg("svg", {
      class: "plot",
      role: interactive ? "group" : "img",
      "aria-label": label,
    });
    [this.axes, this.curves, this.handles] = ["axes", "curves", "handles"].map((name) =>
      this.root.appendChild(svg("g", { class: name })),
    );
    set(this.axes, { "aria-hidden": "true" });
    set(this.curves, { "aria-hidden": "true" });
    this.box = parent.appendChild(el("div", { class: "plot-box" }, this.root));
    new ResizeObserver(() => this.resize()).observe(this.box);
    this.resize();
  }

  resize() {
    const width = Math.max(240, this.box.clientWidth);
    if (width === this.width) return;
    this.width = width;
    this.scale = letterScale();
    for (const [side, size] of Object.entries(MARGINS)) this[side] = size * this.scale;
    this.height = this.square
      ? width - this.left - this.right + this.top + this.bottom
      : clamp(width * this.ratio, 210 * this.scale, this.tallest * this.scale);
    set(this.root, { width, height: this.height, viewBox: `0 0 ${width} ${this.height}` });
    this.redraw();
  }

  redraw() {
    this.drawAxes();
    this.draw?.(this);
    this.refresh();
  }

  refresh() {
    for (const show of this.shown) show();
  }

  place(value, axis) {
    const [low, high] = axis ? this.y : this.x;
    if (!this.log[axis]) return (value - low) / (high - low);
    return Math.log(Math.max(value, low * 1e-9) / low) / Math.log(high / low);
  }

  toX(value) {
    return this.left + this.place(value, 0) * (this.width - this.left - this.right);
  }

  toY(value) {
    return (
      this.height - this.bottom - this.place(value, 1) * (this.height - this.top - this.bottom)
    );
  }

  pointAt(event) {
    const box = this.root.getBoundingClientRect();
    const across = (event.clientX - box.left - this.left) / (this.width - this.left - this.right);
    const up =
      (box.top + this.height - this.bottom - event.clientY) /
      (this.height - this.top - this.bottom);
    return [this.x[0] + across * (this.x[1] - this.x[0]), this.y[0] + up * (this.y[1] - this.y[0])];
  }

  ticks(axis) {
    const [low, high] = axis ? this.y : this.x;
    if (!this.log[axis])
      return niceTicks(low, high, axis ? 4 : this.width < 420 * this.scale ? 4 : 8);
    const ticks = [];
    const base = axis ? 10 : 2;
    let power = base ** Math.ceil(Math.log(low) / Math.log(base) - 1e-9);
    for (; power <= high * 1.0001; power *= base) ticks.push(Number(power.toPrecision(12)));
    const every = Math.ceil(ticks.length / 7);
    return ticks.filter((_, i) => i % every === 0);
  }

  drawAxes() {
    const { left, top, scale } = this;
    const bottom = this.height - this.bottom;
    const right = this.width - this.right;
    const parts = [];
    for (const tick of this.ticks(0)) {
      const x = this.toX(tick);
      parts.push(svg("line", { x1: x, x2: x, y1: top, y2: bottom, class: "grid" }));
      parts.push(
        svg("text", { x, y: bottom + 16 * scale, "text-anchor": "middle" }, tickText(tick)),
      );
    }
    for (const tick of this.ticks(1)) {
      const y = this.toY(tick);
      parts.push(svg("line", { x1: left, x2: right, y1: y, y2: y, class: "grid" }));
      parts.push(
        svg(
          "text",
          { x: left - 6 * scale, y: y + 4.5 * scale, "text-anchor": "end" },
          this.log[1] ? asPower(tick) : tickText(tick),
        ),
      );
    }
    parts.push(
      svg(
        "text",
        { x: right, y: this.height - 3 * scale, "text-anchor": "end", class: "name" },
        this.xLabel,
      ),
    );
    parts.push(
      svg("text", { x: left + 6 * scale, y: top + 12 * scale, class: "name" }, this.yLabel),
    );
    this.axes.replaceChildren(...parts);
  }

  path(points, closed = false) {
    const text = points.map(
      ([x, y]) => `${this.toX(x).toFixed(2)},${clamp(this.toY(y), -9999, 9999).toFixed(2)}`,
    );
    return `M${text.join("L")}${closed ? "Z" : ""}`;
  }

  // Adds a curve or moves it; `kind` is its class, which gives colour, width and dashes.
  curve(kind, points, closed = false) {
    if (!this.paths.has(kind))
      this.paths.set(kind, this.curves.appendChild(svg("path", { class: `curve ${kind}` })));
    set(this.paths.get(kind), { d: points.length ? this.path(points, closed) : "" });
  }

  // Round dots, as lines of no length with round ends.
  dots(kind, points) {
    this.curve(kind, []);
    set(this.paths.get(kind), {
      d: points
        .map(
          ([x, y]) =>
            `M${this.toX(x).toFixed(2)},${clamp(this.toY(y), -9999, 9999).toFixed(2)}h0.01`,
        )
        .join(""),
    });
  }

  inside() {
    return {
      left: this.left,
      top: this.top,
      width: this.width - this.left - this.right,
      height: this.height - this.top - this.bottom,
    };
  }
}

// The legend: a piece of each line and its name.
export function legend(parent, entries) {
  const list = parent.appendChild(el("ul", { class: "legend" }));
  for (const [kind, text] of entries) {
    const sample = svg("svg", { width: 36, height: 12, "aria-hidden": "true" });
    sample.append(
      svg("path", { class: `curve ${kind}`, d: kind === "dot" ? "M18,6h0.01" : "M1,6L35,6" }),
    );
    list.append(el("li", {}, sample, el("span", {}, text)));
  }
  return list;
}
