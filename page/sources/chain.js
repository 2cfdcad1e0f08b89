// The chain rule: a formula as a list of elementary steps, its values forwards, its derivatives
// backwards. Equal sub-formulas are computed once, so the list is a graph and not a tree.
import { FUNCTIONS, parsed } from "./formula.js";

const SIGNS = { "+": "+", "-": "−", "*": "·", "/": "/" };

// Steps {operation, from, exponent | number | variable, text, level}; the last one is the result.
export function stepsOf(text, variables) {
  const steps = [];
  const known = new Map();
  function add(step, key) {
    if (!known.has(key)) {
      known.set(key, steps.length);
      const level = step.from.length ? 1 + Math.max(...step.from.map((i) => steps[i].level)) : 0;
      steps.push({ ...step, level });
    }
    return known.get(key);
  }
  function visit(node) {
    if (node.number !== undefined) {
      return add({ operation: "number", number: node.number, from: [] }, `#${node.number}`);
    }
    if (node.variable) {
      return add({ operation: "variable", variable: node.variable, from: [] }, node.variable);
    }
    const from = node.parts.map(visit);
    const { operation, exponent } = node;
    return add({ operation, from, exponent }, `${operation} ${exponent} ${from}`);
  }
  for (const name of variables) visit({ variable: name });
  const result = visit(parsed(text, variables));
  // The result last: a formula that is just “x” gives no step of its own.
  if (result !== steps.length - 1) steps.push({ operation: "+0", from: [result], level: 1 });
  return steps.map((step, i) => ({ ...step, text: wording(step, i) }));
}

export const nameOf = (steps, i) =>
  steps[i].variable ?? (steps[i].operation === "number" ? `${steps[i].number}` : `v${i}`);

function wording({ operation, from, exponent }) {
  const [a, b] = from;
  if (SIGNS[operation]) return { sign: SIGNS[operation], between: [a, b] };
  if (operation === "^") return { sign: `( )^${exponent}`, between: [a] };
  if (operation === "negative") return { sign: "−", between: [a] };
  if (operation === "+0") return { sign: "=", between: [a] };
  return { sign: operation, between: from };
}

export function forwards(steps, inputs) {
  const values = [];
  for (const { operation, from, exponent, number, variable } of steps) {
    const [a, b] = from.map((i) => values[i]);
    if (operation === "variable") values.push(inputs[variable]);
    else if (operation === "number") values.push(number);
    else if (operation === "+") values.push(a + b);
    else if (operation === "-") values.push(a - b);
    else if (operation === "*") values.push(a * b);
    else if (operation === "/") values.push(a / b);
    else if (operation === "^") values.push(a ** exponent);
    else if (operation === "power") values.push(a ** b);
    else if (operation === "negative") values.push(-a);
    else if (operation === "+0") values.push(a);
    else values.push(FUNCTIONS[operation].value(a));
  }
  return values;
}

// The derivative of a step with respect to each of the steps that it is made from.
export function localSlopes(step, i, values) {
  const [a, b] = step.from.map((j) => values[j]);
  switch (step.operation) {
    case "variable":
    case "number":
      return [];
    case "+":
      return [1, 1];
    case "-":
      return [1, -1];
    case "*":
      return [b, a];
    case "/":
      return [1 / b, -a / (b * b)];
    case "^":
      return [step.exponent === 0 ? 0 : step.exponent * a ** (step.exponent - 1)];
    case "power":
      return [b * a ** (b - 1), a === 0 ? 0 : Math.log(a) * values[i]];
    case "negative":
      return [-1];
    case "+0":
      return [1];
    default:
      return [FUNCTIONS[step.operation].slope(a, values[i])];
  }
}

// d result / d step for every step, and the states in between: after each step of the way back.
export function backwards(steps, values) {
  const adjoints = new Array(steps.length).fill(0);
  adjoints[steps.length - 1] = 1;
  const states = [[...adjoints]];
  for (let i = steps.length - 1; i >= 0; i--) {
    if (!steps[i].from.length) continue;
    const slopes = localSlopes(steps[i], i, values);
    steps[i].from.forEach((j, k) => {
      adjoints[j] += adjoints[i] * slopes[k];
    });
    states.push([...adjoints]);
  }
  return { adjoints, states };
}

export function valueAndGradient(steps, variables, inputs) {
  const values = forwards(steps, inputs);
  const { adjoints } = backwards(steps, values);
  const places = variables.map((v) => steps.findIndex((step) => step.variable === v));
  return { value: values.at(-1), gradient: places.map((i) => adjoints[i]) };
}
