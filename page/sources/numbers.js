// Numbers: the logistic function as the library has it, ranges, and how numbers are written.

export const sigmoid = (z) => 1 / (1 + Math.exp(-z));

// S(z) = 1 / (1 + exp(-4 z)): slope 1 at 0. The library's `rise`, which never overflows.
export const rise = (z) => Math.exp(Math.min(4 * z, 0)) / (1 + Math.exp(-Math.abs(4 * z)));

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

export const spaced = (low, high, count) =>
  Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));

export const range = (count) => Array.from({ length: count }, (_, i) => i);

export const sum = (values) => values.reduce((total, value) => total + value, 0);

// A number for readers: three digits, a true minus sign, powers of ten where they are shorter.
export function shown(value, digits = 3) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "undefined" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  let text;
  if (value !== 0 && (size < 1e-3 || size >= 1e6)) {
    const [mantissa, power] = size.toExponential(digits - 1).split("e");
    const raised = String(Number(power)).replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻");
    text = `${Number(mantissa)} · 10${raised}`;
  } else {
    text = String(Number(size.toPrecision(Math.max(digits, Math.ceil(Math.log10(size + 1))))));
  }
  return (value < 0 ? "−" : "") + text;
}

export const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");

export const plural = (count, one, many = `${one}s`) =>
  `${grouped(count)} ${count === 1 ? one : many}`;
