// Sums of sigmoids on [0, 1]: the library's staircase, its claim, and the best step function.
//
// A target is a polygon: its values at equally spaced points, joined by straight lines. So its
// Lipschitz constant and its range are exact, whatever was drawn, and the claim is proved.
import { clamp, range, rise, sigmoid, spaced } from "./numbers.js";

export function polygonAt(values, x) {
  const place = clamp(x, 0, 1) * (values.length - 1);
  const i = Math.min(Math.floor(place), values.length - 2);
  return values[i] + (place - i) * (values[i + 1] - values[i]);
}

export const steepestSlope = (values) =>
  Math.max(...range(values.length - 1).map((i) => Math.abs(values[i + 1] - values[i]))) *
  (values.length - 1);

// The jumps lie in the middles of n cells; `gain` is the slope of a unit times the cell width.
export function staircaseNetwork(values, n, gain) {
  const nodes = range(n + 1).map((j) => polygonAt(values, j / n));
  const jumps = range(n).map((j) => nodes[j + 1] - nodes[j]);
  return sumOfSigmoids(n, gain, nodes[0], jumps);
}

export function sumOfSigmoids(n, gain, constant, heights) {
  const weight = 4 * gain * n;
  return {
    activation: "sigmoid",
    passthrough: [0],
    out_size: null,
    weights: [range(n).map(() => [weight]), [heights]],
    biases: [range(n).map((j) => -weight * ((j + 0.5) / n)), [constant]],
  };
}

export function sumAt(network, x) {
  const [inner, [heights]] = network.weights;
  const [shifts, [constant]] = network.biases;
  let total = 0;
  for (let j = 0; j < heights.length; j++) {
    total += heights[j] * sigmoid(inner[j][0] * x + shifts[j]);
  }
  return total + constant;
}

// Where the error is looked at: the corners of the target, and 15 points between two of them.
export const errorGrid = (values) => spaced(0, 1, 16 * (values.length - 1) + 1);

export function sampledError(values, network) {
  const errors = errorGrid(values).map((x) => Math.abs(sumAt(network, x) - polygonAt(values, x)));
  const worst = errors.reduce((best, error, i) => (error > errors[best] ? i : best), 0);
  return { error: errors[worst], at: worst / (errors.length - 1) };
}

// The library's bound of sums of tails of sigmoids, for jumps at midpoints.
export function lipschitzFactor(gain) {
  const rest = Math.exp(-4 * gain * 2.5) / -Math.expm1(-4 * gain);
  const tails = rise(-0.5 * gain) + 2 * (rise(-gain * 1.5) + rest);
  return 0.5 + Math.min(tails, Math.log(2) / (2 * gain));
}

// `staircase(...).claim.bound`: the least of L h (1/2 + tails) and max f - min f, and rounding.
export function claimedError(values, n, gain, network) {
  const slope = steepestSlope(values);
  const first = (slope / n) * lipschitzFactor(gain);
  const oscillation = Math.max(...values) - Math.min(...values);
  const [heights] = network.weights[1];
  const total = heights.reduce((all, c) => all + Math.abs(c), Math.abs(network.biases[1][0]));
  const rounding = 2 ** -52 * (0.5 * (n + 24) * total + 6 * slope * (gain + 1));
  return { error: Math.min(first, oscillation) + rounding, byRange: oscillation < first };
}

// The least sup error of any step function with `pieces` pieces: half the range of the worst piece.
// For each level the pieces are made as long as they can be, which needs the fewest.
export function bestSteps(values, pieces) {
  let low = 0;
  let high = (Math.max(...values) - Math.min(...values)) / 2;
  if (high === 0) return { error: 0, ends: [1] };
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (pieceEnds(values, middle, pieces)) high = middle;
    else low = middle;
  }
  return { error: high, ends: pieceEnds(values, high, pieces) };
}

// Ends of the longest pieces on which the polygon stays within `level` of a constant, or null.
function pieceEnds(values, level, most) {
  const cells = values.length - 1;
  const ends = [];
  let low = values[0];
  let high = values[0];
  for (let i = 0; i < cells;) {
    const next = values[i + 1];
    const above = next > low + 2 * level;
    if (above || next < high - 2 * level) {
      const reach = above ? low + 2 * level : high - 2 * level;
      // The piece ends inside of this cell; a new one begins there.
      const from = values[i];
      ends.push((i + (reach - from) / (next - from)) / cells);
      if (ends.length >= most || level === 0) return null;
      low = high = reach;
    } else {
      low = Math.min(low, next);
      high = Math.max(high, next);
      i += 1;
    }
  }
  ends.push(1);
  return ends.length <= most ? ends : null;
}
