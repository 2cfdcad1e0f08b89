// Section 1, one sigmoid, and section 2, two of them as a bump.
import { handle, scrub } from "./controls.js";
import { exchangeBox } from "./exchange_box.js";
import { figureOf, reading, remember, state, svg } from "./dom.js";
import { shown, sigmoid, spaced } from "./numbers.js";
import { Plot, legend } from "./plot.js";

const POINTS = spaced(0, 1, 601);

const line = (x1, y1, x2, y2) => svg("line", { x1, y1, x2, y2, class: "edge" });
function node(x, y, text, r = 21) {
  const parts = [
    svg("circle", { cx: x, cy: y, r, class: "neuron" }),
    svg("text", { x, y: y + 6, "text-anchor": "middle" }, text),
  ];
  return svg("g", { "aria-hidden": "true" }, ...parts);
}
function diagram(parent, height, label) {
  const root = svg("svg", {
    class: "diagram",
    viewBox: `0 0 340 ${height}`,
    role: "group",
    "aria-label": label,
  });
  parent.append(root);
  return root;
}

export function buildOneUnit() {
  const figure = figureOf("unit");
  let w = state("unit.w", 8);
  let b = state("unit.b", -4);
  const root = diagram(figure, 132, "One neuron: input x, weight w, bias b, output");
  root.append(
    line(30, 78, 146, 78),
    line(234, 78, 300, 78),
    node(24, 78, "x"),
    node(190, 78, "", 44),
    node(312, 78, "y"),
  );
  root.append(svg("text", { x: 96, y: 52, class: "tag", "text-anchor": "middle" }, "weight w"));
  root.append(
    svg("text", { x: 190, y: 24, class: "tag", "text-anchor": "middle" }, "σ with bias b"),
  );
  const format = (value) => shown(Number(value.toFixed(1)), 3);
  const shows = [
    scrub(root, {
      x: 96,
      y: 78,
      label: "weight w",
      min: -100,
      max: 100,
      step: 1,
      get: () => w,
      set: (v) => change(v, b),
      format,
    }),
    scrub(root, {
      x: 190,
      y: 78,
      label: "bias b",
      min: -100,
      max: 100,
      step: 1,
      get: () => b,
      set: (v) => change(w, v),
      format,
    }),
  ];
  const tell = reading(figure);
  const plot = new Plot(figure, {
    x: [0, 1],
    y: [-0.1, 1.1],
    ratio: 0.42,
    label: "The output y = σ(w x + b) for x from 0 to 1",
    yLabel: "y",
    draw(p) {
      p.curve(
        "sum",
        POINTS.map((x) => [x, sigmoid(w * x + b)]),
      );
      const s = -b / w;
      p.curve(
        "mark",
        s > 0 && s < 1
          ? [
              [s, -0.1],
              [s, 1.1],
            ]
          : [],
      );
    },
  });
  handle(plot, {
    axis: "x",
    label: "position of the step, minus b over w",
    min: 0,
    max: 1,
    step: 0.01,
    get: () => (w === 0 ? 0.5 : Math.min(1, Math.max(0, -b / w))),
    set: (s) => change(w, Number((-w * s).toFixed(10))),
    place: () => [w === 0 ? 0.5 : Math.min(1, Math.max(0, -b / w)), 0.5],
    format: (s) => `step at ${shown(s)}`,
  });
  legend(figure, [
    ["sum", "output σ(w x + b)"],
    ["mark", "where w x + b = 0"],
  ]);
  function change(nextW, nextB) {
    [w, b] = [nextW, nextB];
    remember("unit.w", w);
    remember("unit.b", b);
    show();
  }
  function show() {
    shows.forEach((each) => each());
    plot.draw(plot);
    plot.refresh();
    tell(
      w === 0
        ? `With w = 0 the output is ${shown(sigmoid(b))} everywhere.`
        : `The output is ½ at s = −b/w = ${shown(-b / w)}; ` +
            `its slope there is w/4 = ${shown(w / 4)}.`,
    );
  }
  show();
}

// s1, s2, height and weight; the second unit takes away what the first one adds.
export const bumpAt = (x, { w, s1, s2, h }) =>
  h * sigmoid(w * x + -w * s1) - h * sigmoid(w * x + -w * s2);

const bumpNetwork = ({ w, s1, s2, h }) => ({
  activation: "sigmoid",
  passthrough: [0],
  out_size: null,
  weights: [[[w], [w]], [[h, -h]]],
  biases: [[-w * s1, -w * s2], [0]],
});

export function buildBump() {
  const figure = figureOf("bump");
  const v = {
    w: state("bump.w", 100),
    s1: state("bump.s1", 0.4),
    s2: state("bump.s2", 0.6),
    h: state("bump.h", 0.8),
  };
  const root = diagram(
    figure,
    176,
    "Two neurons with steps at s1 and s2, added with heights h and minus h",
  );
  const ends = [
    [56, "s1"],
    [136, "s2"],
  ];
  for (const [y] of ends) root.append(line(30, 96, 108, y), line(150, y, 300, 96));
  root.append(
    node(24, 96, "x"),
    node(312, 96, "Σ"),
    svg("text", { x: 128, y: 20, class: "tag", "text-anchor": "middle" }, "steps at"),
  );
  root.append(
    svg("text", { x: 228, y: 20, class: "tag", "text-anchor": "middle" }, "heights"),
    svg("text", { x: 58, y: 20, class: "tag", "text-anchor": "middle" }, "weight"),
  );
  const minus = svg("text", { x: 228, y: 141, "text-anchor": "middle", class: "tied" });
  root.append(minus);
  const two = (value) => shown(Number(value.toFixed(2)));
  const setter = (name) => (value) => {
    v[name] = Number(value.toFixed(4));
    remember(`bump.${name}`, v[name]);
    show();
  };
  const number = (name, label, x, y, min, max, step, width) =>
    scrub(root, {
      x,
      y,
      label,
      min,
      max,
      step,
      width,
      get: () => v[name],
      set: setter(name),
      format: two,
    });
  const shows = [
    number("w", "weight of both units", 58, 46, 1, 400, 1, 56),
    number("s1", "first step s1", 128, 56, 0, 1, 0.01),
    number("s2", "second step s2", 128, 136, 0, 1, 0.01),
    number("h", "height h", 228, 66, -1, 1, 0.01),
  ];
  const tell = reading(figure);
  const plot = new Plot(figure, {
    x: [0, 1],
    y: [-1.1, 1.1],
    ratio: 0.45,
    label: "The sum of the two units for x from 0 to 1",
    yLabel: "y",
    draw(p) {
      const unit = (s, sign) => POINTS.map((x) => [x, sign * v.h * sigmoid(v.w * x + -v.w * s)]);
      p.curve("part", unit(v.s1, 1));
      p.curve("part two", unit(v.s2, -1));
      p.curve(
        "sum",
        POINTS.map((x) => [x, bumpAt(x, v)]),
      );
    },
  });
  const step = (name, label) =>
    handle(plot, {
      axis: "x",
      label,
      min: 0,
      max: 1,
      step: 0.01,
      get: () => v[name],
      set: setter(name),
      place: () => [v[name], bumpAt(v[name], v)],
      format: (s) => `${name} = ${two(s)}`,
    });
  step("s1", "first step, in the plot");
  step("s2", "second step, in the plot");
  handle(plot, {
    axis: "y",
    label: "height, in the plot",
    min: -1,
    max: 1,
    step: 0.01,
    shape: "square",
    get: () => v.h,
    set: setter("h"),
    place: () => [(v.s1 + v.s2) / 2, v.h],
    format: (h) => `height ${two(h)}`,
  });
  legend(figure, [
    ["sum", "sum of both"],
    ["part", "first unit"],
    ["part two", "second unit, with the opposite height"],
  ]);
  const box = exchangeBox(figure, { name: "bump", network: () => bumpNetwork(v) });
  function show() {
    shows.forEach((each) => each());
    minus.textContent = two(-v.h);
    box.renew();
    plot.draw(plot);
    plot.refresh();
    const middle = (v.s1 + v.s2) / 2;
    const width = Math.abs(v.s2 - v.s1);
    tell(
      `A bump of width ${two(width)}. In its middle the sum is ${shown(bumpAt(middle, v))}; ` +
        `infinitely steep units would give ${two(v.h * Math.sign(v.s2 - v.s1))}.`,
    );
  }
  show();
}
