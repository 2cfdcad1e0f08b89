// Targets of section 3: presets, formulas and drawings, each as a polygon with 129 corners.
import { forwards, stepsOf } from "./chain.js";
import { clamp, spaced } from "./numbers.js";

export const CORNERS = 129;
export const LIMITS = [-1, 1];
export const PLACES = spaced(0, 1, CORNERS);

export const PRESETS = {
  wave: ["A wave", "0.8 sin(2 pi x)"],
  nielsen: ["Nielsen's example", "0.2 + 0.4 x^2 + 0.3 x sin(15 x) + 0.05 cos(50 x)"],
  bell: ["A bell", "exp(-30 (x - 0.5)^2)"],
  runge: ["Runge's function", "1 / (1 + 25 (2 x - 1)^2)"],
  corner: ["A corner", "2 abs(x - 0.4) - 0.6"],
  jump: ["Nearly a jump", "0.7 tanh(60 (x - 0.5))"],
  root: ["A square root", "sqrt(x)"],
};

// The values of a formula at the corners; what leaves the picture or is undefined is refused.
export function fromFormula(text) {
  const steps = stepsOf(text, ["x"]);
  const values = PLACES.map((x) => forwards(steps, { x }).at(-1));
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new Error(`It has no value at x = ${Number(PLACES[bad].toFixed(3))}.`);
  const worst = values.reduce(
    (best, value) => (Math.abs(value) > Math.abs(best) ? value : best),
    0,
  );
  if (Math.abs(worst) > LIMITS[1]) {
    throw new Error(
      `It reaches ${Number(worst.toPrecision(3))}; the picture holds −1 to 1. Divide it.`,
    );
  }
  return values;
}

// A drawing in the address: two letters for each corner, a thousandth of a unit exact.
const SIZE = 1000;
export const rounded = (value) => Math.round(clamp(value, ...LIMITS) * SIZE) / SIZE;
export const packed = (values) =>
  values
    .map((value) =>
      Math.round((value + 1) * SIZE)
        .toString(36)
        .padStart(3, "0"),
    )
    .join("");

export function unpacked(text) {
  if (!/^[0-9a-z]+$/.test(text) || text.length !== 3 * CORNERS) return null;
  const values = PLACES.map((_, i) => parseInt(text.slice(3 * i, 3 * i + 3), 36) / SIZE - 1);
  return values.every((value) => Math.abs(value) <= 1) ? values.map(rounded) : null;
}

// The pen has gone from one place to another: all corners between them lie on that line.
export function drawn(values, from, to) {
  const next = [...values];
  const [[x0, y0], [x1, y1]] = from[0] <= to[0] ? [from, to] : [to, from];
  PLACES.forEach((x, i) => {
    const reach = 0.5 / (CORNERS - 1);
    if (x < x0 - reach || x > x1 + reach) return;
    const part = x1 > x0 ? clamp((x - x0) / (x1 - x0), 0, 1) : 1;
    next[i] = rounded(x1 > x0 ? y0 + part * (y1 - y0) : to[1]);
  });
  return next;
}

// The keyboard lifts the curve around the pen, over about a tenth of the picture.
export const lifted = (values, place, by) =>
  values.map((value, i) => rounded(value + by * Math.exp(-(((PLACES[i] - place) / 0.05) ** 2))));
