// Least squares by Householder reflections: the heights of given units that fit a target best.
import { errorGrid, polygonAt, sumOfSigmoids } from "./staircase.js";
import { range, sigmoid } from "./numbers.js";

// Columns of the matrix are changed in place; a column without a part of its own gets 0.
export function leastSquares(columns, right) {
  const count = columns.length;
  const size = right.length;
  const diagonal = new Float64Array(count);
  const largest = Math.max(...columns.map((c) => Math.hypot(...c)));
  for (let k = 0; k < count; k++) {
    const v = columns[k];
    let norm = 0;
    for (let i = k; i < size; i++) norm += v[i] * v[i];
    norm = Math.sqrt(norm);
    if (norm <= 1e-13 * largest) continue;
    diagonal[k] = v[k] > 0 ? -norm : norm;
    v[k] -= diagonal[k];
    const scale = -diagonal[k] * v[k];
    for (const other of [...columns.slice(k + 1), right]) {
      let product = 0;
      for (let i = k; i < size; i++) product += v[i] * other[i];
      product /= scale;
      for (let i = k; i < size; i++) other[i] -= product * v[i];
    }
  }
  const solution = new Array(count).fill(0);
  for (let k = count - 1; k >= 0; k--) {
    let value = right[k];
    for (let j = k + 1; j < count; j++) value -= columns[j][k] * solution[j];
    solution[k] = diagonal[k] === 0 ? 0 : value / diagonal[k];
  }
  return solution;
}

// Every fourth point of the error grid: the error is sampled where nothing was fitted, too.
export function solvedNetwork(values, n, gain) {
  const points = errorGrid(values).filter((_, i) => i % 4 === 0);
  const weight = 4 * gain * n;
  const units = range(n).map((j) =>
    Float64Array.from(points, (x) => sigmoid(weight * x - weight * ((j + 0.5) / n))),
  );
  const ones = new Float64Array(points.length).fill(1);
  const right = Float64Array.from(points, (x) => polygonAt(values, x));
  const [constant, ...heights] = leastSquares([ones, ...units], right);
  return sumOfSigmoids(n, gain, constant, heights);
}
