// Section 7: what a Jacobian costs, forward, in reverse, and in the best order.
import { byPointer, slider } from "./controls.js";
import { el, figureOf, reading, remember, say, set, state, svg } from "./dom.js";
import { jacobianCosts } from "./mathematics.js";
import { clamp, grouped, plural, range, shown } from "./numbers.js";
import { letterScale } from "./plot.js";

const MOST = 32;

export function buildModes() {
  const figure = figureOf("modes");
  let n = clamp(Math.round(state("modes.n", 12)), 1, MOST);
  let m = clamp(Math.round(state("modes.m", 4)), 1, MOST);
  let middle = clamp(Math.round(state("modes.width", 16)), 1, 64);
  const strip = figure.appendChild(
    svg("svg", { class: "strip", role: "group", "aria-label": "The Jacobian: m rows, n columns" }),
  );
  const cells = strip.appendChild(svg("g", { "aria-hidden": "true" }));
  const corner = strip.appendChild(
    svg("g", {
      class: "handle free",
      tabindex: 0,
      role: "slider",
      "aria-label":
        "corner of the matrix: left and right change the inputs, up and down the outputs",
      "aria-valuemin": 1,
      "aria-valuemax": MOST,
    }),
  );
  corner.append(svg("circle", { class: "reach", r: 22 }), svg("circle", { r: 9 }));
  const controls = figure.appendChild(el("div", { class: "controls" }));
  const inputs = slider(controls, {
    label: "Inputs n (columns)",
    min: 1,
    max: MOST,
    value: n,
    set: (v) => change(v, m),
  });
  const outputs = slider(controls, {
    label: "Outputs m (rows)",
    min: 1,
    max: MOST,
    value: m,
    set: (v) => change(n, v),
  });
  slider(controls, {
    label: "Width of the two hidden layers",
    min: 1,
    max: 64,
    value: middle,
    set: (v) => {
      middle = v;
      change(n, m);
    },
  });
  const table = figure.appendChild(costTable());
  const tell = reading(figure);
  let cell = 10;
  new ResizeObserver(() => show()).observe(figure);
  byPointer(corner, {
    start: (event) => ({ x: event.clientX, y: event.clientY, n, m }),
    move: (event, from) =>
      change(
        clamp(from.n + Math.round((event.clientX - from.x) / cell), 1, MOST),
        clamp(from.m + Math.round((event.clientY - from.y) / cell), 1, MOST),
      ),
  });
  corner.addEventListener("keydown", (event) => {
    const moves = {
      ArrowRight: [1, 0],
      ArrowLeft: [-1, 0],
      ArrowDown: [0, 1],
      ArrowUp: [0, -1],
      Home: [-MOST, 0],
      End: [MOST, 0],
      PageDown: [0, 8],
      PageUp: [0, -8],
    }[event.key];
    if (!moves) return;
    event.preventDefault();
    change(clamp(n + moves[0], 1, MOST), clamp(m + moves[1], 1, MOST));
  });
  function change(nextN, nextM) {
    [n, m] = [nextN, nextM];
    remember("modes.n", n);
    remember("modes.m", m);
    remember("modes.width", middle);
    inputs.show(n);
    outputs.show(m);
    show();
  }
  function show() {
    cell = clamp((figure.clientWidth - 60) / MOST, 6, 15 * letterScale());
    const size = cell * MOST + 24;
    set(strip, {
      width: size,
      height: Math.max(120, cell * m + 46),
      viewBox: `0 0 ${size} ${Math.max(120, cell * m + 46)}`,
    });
    const grid = [
      ...range(n).map((j) =>
        svg("rect", { class: "column", x: 2 + j * cell, y: 20, width: cell - 1, height: m * cell }),
      ),
      ...range(m + 1).map((i) =>
        svg("line", {
          class: "row",
          x1: 2,
          x2: 2 + n * cell,
          y1: 20 + i * cell,
          y2: 20 + i * cell,
        }),
      ),
      svg("text", { x: 2, y: 15 }, `${m} × ${n}`),
    ];
    cells.replaceChildren(...grid);
    set(corner, {
      transform: `translate(${2 + n * cell} ${20 + m * cell})`,
      "aria-valuenow": n,
      "aria-valuetext": `${plural(n, "input")}, ${plural(m, "output")}`,
    });
    const costs = jacobianCosts([n, middle, middle, m]);
    table.show(costs, n, m);
    const [less, more, word] =
      costs.forward < costs.reverse
        ? [costs.forward, costs.reverse, "Forward"]
        : [costs.reverse, costs.forward, "Reverse"];
    const winner =
      less === more
        ? "Both modes cost the same"
        : `${word} mode is cheaper, by a factor of ${shown(more / less)}`;
    const mixed =
      costs.best < less ? ` A mixed order is cheaper still: ${grouped(costs.best)}.` : "";
    tell(
      `${winner}: the ${plural(n, "column")} against the ${plural(m, "row")} decide, ` +
        `and the layers at both ends.${mixed}`,
    );
  }
  change(n, m);
}

function costTable() {
  const body = el("tbody");
  const rows = ["value alone", "forward mode", "reverse mode", "the cheapest order"].map((name) => {
    const note = el("span", { class: "kind" });
    const value = el("td", { class: "number" });
    const bar = svg("rect", { height: 10, y: 2, rx: 2 });
    body.append(
      el(
        "tr",
        {},
        el("th", { scope: "row" }, name, note),
        value,
        el(
          "td",
          { class: "bars" },
          svg("svg", { class: "bar", "aria-hidden": "true", height: 14 }, bar),
        ),
      ),
    );
    return { value, bar, note };
  });
  const table = el(
    "table",
    {},
    el("caption", {}, "Floating-point operations in matrix products, the value included"),
    body,
  );
  table.show = (costs, n, m) => {
    const numbers = [costs.value, costs.forward, costs.reverse, costs.best];
    rows.forEach(({ value, bar }, i) => {
      say(value, grouped(numbers[i]));
      set(bar, { width: `${(100 * numbers[i]) / Math.max(...numbers)}%` });
    });
    say(rows[1].note, `${plural(n, "sweep")} from the inputs, one for each column`);
    say(rows[2].note, `${plural(m, "sweep")} from the outputs, one for each row`);
  };
  return table;
}
