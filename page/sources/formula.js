// Formulas as users write them, read without `eval`: numbers, variables, + - * / ^, functions.

export const FUNCTIONS = {
  sin: { value: Math.sin, slope: (x) => Math.cos(x) },
  cos: { value: Math.cos, slope: (x) => -Math.sin(x) },
  exp: { value: Math.exp, slope: (x, y) => y },
  ln: { value: Math.log, slope: (x) => 1 / x },
  log: { value: Math.log, slope: (x) => 1 / x },
  sqrt: { value: Math.sqrt, slope: (x, y) => 0.5 / y },
  tanh: { value: Math.tanh, slope: (x, y) => 1 - y * y },
  tan: { value: Math.tan, slope: (x, y) => 1 + y * y },
  sigmoid: { value: (x) => 1 / (1 + Math.exp(-x)), slope: (x, y) => y * (1 - y) },
  abs: { value: Math.abs, slope: (x) => Math.sign(x) },
  relu: { value: (x) => Math.max(x, 0), slope: (x) => (x > 0 ? 1 : 0) },
};
const CONSTANTS = { pi: Math.PI, e: Math.E };
const TOKEN =
  /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\*\*|[-+*/^()−·]))/y;
const MOST_TOKENS = 200;

function tokens(text) {
  const found = [];
  TOKEN.lastIndex = 0;
  const rest = text.trimEnd();
  while (TOKEN.lastIndex < rest.length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(rest);
    if (!match) {
      const place = rest.slice(start).trimStart();
      throw new Error(`“${place[0]}” has no meaning here. Use + − * / ^ ( ), numbers and names.`);
    }
    const [, number, name, sign] = match;
    const plain = { "**": "^", "−": "-", "·": "*" }[sign] ?? sign;
    found.push(number ? { number: Number(number) } : name ? { name } : { sign: plain });
    if (found.length > MOST_TOKENS) throw new Error("The formula is too long: shorten it.");
  }
  return found;
}

// The number that a tree without variables stands for, as in x^(1/2); else null.
function constant({ number, variable, operation, parts, exponent }) {
  if (number !== undefined) return number;
  const [a, b] = variable ? [null] : parts.map(constant);
  if (a === null || b === null) return null;
  if (operation === "negative") return -a;
  if (operation === "^") return a ** exponent;
  const known = { "+": a + b, "-": a - b, "*": a * b, "/": a / b };
  return known[operation] ?? FUNCTIONS[operation].value(a);
}

// The tree of a formula: {number}, {variable}, or {operation, parts}. Errors say what is wrong.
export function parsed(text, variables) {
  const list = tokens(text);
  let place = 0;
  if (!list.length) throw new Error(`Write a formula of ${variables.join(" and ")}.`);
  const isSign = (signs) => list[place]?.sign && signs.includes(list[place].sign);

  function chain(signs, part) {
    let left = part();
    while (isSign(signs)) left = { operation: list[place++].sign, parts: [left, part()] };
    return left;
  }
  const total = () => chain("+-", product);
  function product() {
    let left = signed();
    for (;;) {
      if (isSign("*/")) left = { operation: list[place++].sign, parts: [left, signed()] };
      // “(x + y) z” and “2 x” are products, too.
      else if (list[place]?.name || isSign("(")) left = { operation: "*", parts: [left, power()] };
      else return left;
    }
  }
  function signed() {
    if (isSign("+")) {
      place += 1;
      return signed();
    }
    if (!isSign("-")) return power();
    place += 1;
    const part = signed();
    return part.number === undefined
      ? { operation: "negative", parts: [part] }
      : { number: -part.number };
  }
  function power() {
    const base = atom();
    if (!isSign("^")) return base;
    place += 1;
    const exponent = signed();
    const fixed = constant(exponent);
    if (fixed === null) return { operation: "power", parts: [base, exponent] };
    return { operation: "^", parts: [base], exponent: fixed };
  }
  function bracket() {
    if (!isSign("(")) throw new Error("A function needs brackets: sin(x).");
    place += 1;
    const inner = total();
    if (!isSign(")")) throw new Error("A bracket is not closed: write ) after it.");
    place += 1;
    return inner;
  }
  function atom() {
    const token = list[place];
    if (!token) throw new Error("Something is missing at the end.");
    if (token.number !== undefined) {
      place += 1;
      return { number: token.number };
    }
    if (token.sign === "(") return bracket();
    if (token.sign) throw new Error(`Something is missing before “${token.sign}”.`);
    place += 1;
    if (variables.includes(token.name)) return { variable: token.name };
    if (Object.hasOwn(FUNCTIONS, token.name)) {
      return { operation: token.name, parts: [bracket()] };
    }
    if (Object.hasOwn(CONSTANTS, token.name)) return { number: CONSTANTS[token.name] };
    const known = [...variables, ...Object.keys(FUNCTIONS), ...Object.keys(CONSTANTS)];
    throw new Error(`“${token.name}” is not known. Known: ${known.join(", ")}.`);
  }

  const tree = total();
  if (place < list.length) {
    throw new Error(list[place].sign === ")" ? "There is one ) too many." : "A sign is missing.");
  }
  return tree;
}
