// Networks to and from the library: `MLP.save("net.json")` and `MLP.load("net.json")`.
import { activationNames } from "./mathematics.js";

const FORMAT = "approxlab network 1";
const LARGEST = { float16: 65504, float32: 3.4028234663852886e38, float64: Number.MAX_VALUE };

// JSON.stringify writes −0 as 0.
const exactText = (value) => (Object.is(value, -0) ? "-0.0" : String(value));
const list = (value) =>
  Array.isArray(value) ? `[${value.map(list).join(", ")}]` : exactText(value);

export function asJson(network) {
  const fields = [
    ["format", JSON.stringify(FORMAT)],
    ["dtype", '"float64"'],
    ["activation", JSON.stringify(network.activation)],
    ["passthrough", list(network.passthrough)],
    ["out_size", String(network.out_size)],
    ["weights", list(network.weights)],
    ["biases", list(network.biases)],
  ];
  return `{\n${fields.map(([name, text]) => ` "${name}": ${text}`).join(",\n")}\n}\n`;
}

export function asPython(network) {
  const size = network.out_size === null ? "None" : network.out_size;
  return `import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)
import approxlab as al

net = al.MLP.from_arrays(
    ${list(network.weights)},
    ${list(network.biases)},
    ${JSON.stringify(network.activation)},
    passthrough=${list(network.passthrough)},
    out_size=${size},
)
print(net(jnp.full(${network.weights[0][0].length}, 0.5)))
`;
}

const isNumbers = (values) => Array.isArray(values) && values.every(Number.isFinite);

// A network from the text of a file, or an error that says what is wrong with it.
export function fromJson(text) {
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    throw new Error('This is not JSON. Write the file by net.save("net.json").');
  }
  if (found?.format !== FORMAT) {
    throw new Error(`The format is ${JSON.stringify(found?.format)}, expected "${FORMAT}".`);
  }
  const { activation, passthrough, out_size, weights, biases, dtype } = found;
  if (!activationNames.includes(activation)) {
    throw new Error(`The activation ${JSON.stringify(activation)} is not known to this page.`);
  }
  const layers = Array.isArray(weights) ? weights.length : 0;
  const fits =
    layers > 0 &&
    Object.hasOwn(LARGEST, dtype) &&
    Array.isArray(biases) &&
    biases.length === layers &&
    isNumbers(passthrough) &&
    passthrough.length === layers - 1 &&
    weights.every(
      (rows, i) =>
        Array.isArray(rows) &&
        rows.length > 0 &&
        rows.every((row) => isNumbers(row) && row.length === rows[0].length && row.length > 0) &&
        isNumbers(biases[i]) &&
        biases[i].length === rows.length &&
        (i === 0 || rows[0].length === weights[i - 1].length) &&
        (i === layers - 1 ||
          (Number.isInteger(passthrough[i]) &&
            passthrough[i] >= 0 &&
            passthrough[i] <= rows.length)) &&
        [...rows.flat(), ...biases[i]].every((value) => Math.abs(value) <= LARGEST[dtype]),
    );
  if (!fits) throw new Error("The weights and biases do not fit together, or are not numbers.");
  const outputs = weights.at(-1).length;
  if (out_size === null ? outputs !== 1 : out_size !== outputs) {
    throw new Error(`out_size is ${JSON.stringify(out_size)} for ${outputs} outputs.`);
  }
  return { activation, passthrough, out_size, weights, biases };
}
