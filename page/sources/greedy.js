// Orthogonal greedy choice: units are placed one by one, each where it helps most.
import { leastSquares } from "./solving.js";
import { errorGrid, polygonAt } from "./staircase.js";
import { range, sigmoid } from "./numbers.js";

const CANDIDATES = 256; // places where a unit may jump: the middles of as many cells

// Plain loops: they run some hundred thousand times for one network.
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
const length = (v) => Math.sqrt(dot(v, v));
function without(v, direction) {
  const part = dot(v, direction);
  for (let i = 0; i < v.length; i++) v[i] -= part * direction[i];
}

// The places, in the order in which they are chosen: each column, made orthogonal to those before
// it, takes the most off the residual.
function placesOf(columns, right, n) {
  const left = columns.map((column) => Float64Array.from(column));
  const residual = Float64Array.from(right);
  const sizes = left.map(length);
  const rounding = 1e-14 * length(right);
  const ones = new Float64Array(right.length).fill(1 / Math.sqrt(right.length));
  for (const v of [...left, residual]) without(v, ones);
  const chosen = [];
  while (chosen.length < n && length(residual) > rounding) {
    let best = -1;
    let most = 0;
    left.forEach((v, k) => {
      const norm = length(v);
      const gain = norm > 1e-9 * sizes[k] ? Math.abs(dot(v, residual)) / norm : 0;
      if (gain > most) [best, most] = [k, gain];
    });
    if (best < 0) break; // every unit depends on those that are there
    const norm = length(left[best]);
    const direction = left[best].map((value) => value / norm);
    without(residual, direction);
    for (const v of left) without(v, direction);
    left[best].fill(0);
    chosen.push(best);
  }
  return chosen;
}

// n units of the same steepness, at places chosen greedily, with heights that fit best together.
export function greedyNetwork(values, n, gain) {
  const points = errorGrid(values).filter((_, i) => i % 4 === 0);
  const weight = 4 * gain * n;
  const bias = (k) => -weight * ((k + 0.5) / CANDIDATES);
  const column = (k) => Float64Array.from(points, (x) => sigmoid(weight * x + bias(k)));
  const columns = range(CANDIDATES).map(column);
  const right = Float64Array.from(points, (x) => polygonAt(values, x));
  const chosen = placesOf(columns, right, n).sort((a, b) => a - b);
  // A unit that was not needed has height 0, so that there are always n.
  const places = [...chosen, ...new Array(n - chosen.length).fill(0)];
  const ones = new Float64Array(points.length).fill(1);
  const solved = leastSquares([ones, ...chosen.map(column)], right);
  const heights = [...solved.slice(1), ...new Array(n - chosen.length).fill(0)];
  return {
    activation: "sigmoid",
    passthrough: [0],
    out_size: null,
    weights: [range(n).map(() => [weight]), [heights]],
    biases: [places.map(bias), [solved[0]]],
  };
}
