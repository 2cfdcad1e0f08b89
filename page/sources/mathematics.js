// Towers in the plane, the folded tent, the cost of a Jacobian, gradient descent.
import { range, rise, sigmoid } from "./numbers.js";

// `isolated_towers` of the constant 1 on the unit square, n x n cells: rows, then values.
export function towersNetwork(n, gain, outerGain) {
  const faces = range(n - 1).map((j) => (j + 1) / n);
  const inner = 4 * gain * n;
  const first = [...faces.map(() => [inner, 0]), ...faces.map(() => [0, inner])];
  const rows = [];
  const bias = [];
  for (const [i, j] of range(n * n).map((c) => [Math.floor(c / n), c % n])) {
    const row = new Array(2 * (n - 1)).fill(0);
    let shift = -1.5;
    for (const [index, offset] of [
      [i, 0],
      [j, n - 1],
    ]) {
      if (index > 0) row[offset + index - 1] += 4 * outerGain;
      else shift += 1;
      if (index < n - 1) row[offset + index] -= 4 * outerGain;
    }
    rows.push(row);
    bias.push(4 * outerGain * shift);
  }
  return {
    activation: "sigmoid",
    passthrough: [0, 0],
    out_size: null,
    weights: [first, rows, [rows.map(() => 1)]],
    biases: [[...faces, ...faces].map((face) => -4 * gain * n * face), bias, [0]],
  };
}

// The sum of the towers where four cells meet, for any gain of the ridges: 4 S(-outer / 2).
export const vertexValue = (outerGain) => 4 * rise(-0.5 * outerGain);

// The tent map folded k times: `tent_deep(k)`, with one ReLU and one linear unit per layer.
export function tentNetwork(k) {
  const middle = [
    [-4, 2],
    [-4, 2],
  ];
  return {
    activation: "relu",
    passthrough: range(k).map(() => 1),
    out_size: null,
    weights: [[[1], [1]], ...range(k - 1).map(() => middle), [[-4, 2]]],
    biases: [...range(k).map(() => [-0.5, 0]), [0]],
  };
}

// 2 t - 4 relu(t - 1/2), the value after each fold.
export function folds(x, k) {
  const values = [x];
  for (let i = 0; i < k; i++) values.push(2 * values[i] - 4 * Math.max(values[i] - 0.5, 0));
  return values;
}

// FLOPs of the Jacobian of a network of these widths at one point, its value included: forward
// mode, reverse mode, and the cheapest order of the products (matrix chain).
export function jacobianCosts(widths) {
  const layers = widths.length - 1;
  const parameters = range(layers).reduce((all, i) => all + widths[i] * widths[i + 1], 0);
  const forward = 2 * parameters + 2 * widths[0] * (parameters - widths[0] * widths[1]);
  const last = widths[layers];
  const reverse = 2 * parameters + 2 * last * (parameters - widths[layers - 1] * last);
  const best = range(layers).map(() => new Array(layers).fill(0));
  for (let length = 1; length < layers; length++) {
    for (let i = 0; i + length < layers; i++) {
      best[i][i + length] = Math.min(
        ...range(length).map(
          (s) =>
            best[i][i + s] +
            best[i + s + 1][i + length] +
            2 * widths[i] * widths[i + s + 1] * widths[i + length + 1],
        ),
      );
    }
  }
  return { value: 2 * parameters, forward, reverse, best: 2 * parameters + best[0][layers - 1] };
}

// Gradient descent: positions until it ends, diverges, or has made all of its steps.
export function descent(gradientAt, start, step, count) {
  const path = [start];
  for (let i = 0; i < count; i++) {
    const [x, y] = path.at(-1);
    const [gx, gy] = gradientAt(x, y);
    const next = [x - step * gx, y - step * gy];
    if (!next.every(Number.isFinite)) break;
    path.push(next);
    if (Math.hypot(...next) > 1e6) break;
  }
  return path;
}

const ACTIVATIONS = {
  sigmoid,
  tanh: Math.tanh,
  relu: (z) => Math.max(z, 0),
  relu2: (z) => Math.max(z, 0) ** 2,
  relu3: (z) => Math.max(z, 0) ** 3,
  relu4: (z) => Math.max(z, 0) ** 4,
  leaky_relu: (z) => (z >= 0 ? z : 0.01 * z),
  abs: Math.abs,
  heaviside: (z) => (z > 0 ? 1 : z < 0 ? 0 : 0.5),
  softplus: (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))),
  swish: (z) => z * sigmoid(z),
  sin: Math.sin,
  identity: (z) => z,
};
export const activationNames = Object.keys(ACTIVATIONS);

// The value of a network at one point: a number, or a list of out_size numbers. The last units of a
// layer may be linear.
export function networkAt(network, point) {
  const act = ACTIVATIONS[network.activation];
  const last = network.weights.length - 1;
  const outputs = network.weights.reduce((inputs, rows, layer) => {
    const linear = layer === last ? rows.length : network.passthrough[layer];
    return rows.map((row, i) => {
      let z = 0;
      for (let j = 0; j < row.length; j++) z += row[j] * inputs[j];
      z += network.biases[layer][i];
      return i < rows.length - linear ? act(z) : z;
    });
  }, point);
  return network.out_size === null ? outputs[0] : outputs;
}
