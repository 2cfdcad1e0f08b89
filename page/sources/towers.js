// Section 4: towers in the plane, and the holes where four of them meet.
import { handle, slider } from "./controls.js";
import { exchangeBox } from "./exchange_box.js";
import { el, figureOf, reading, remember, state } from "./dom.js";
import { clamp, plural, shown, sigmoid, spaced } from "./numbers.js";
import { towersNetwork, vertexValue } from "./mathematics.js";
import { PlanePicture } from "./plane_pictures.js";
import { Plot, legend } from "./plot.js";

const ACROSS = spaced(0, 1, 601);

// The same sum as the network's, with each ridge computed once for its row or column.
export function fastTowers(n, gain, outer) {
  const ridges = (t) =>
    Array.from({ length: n + 1 }, (_, i) =>
      i === 0 ? 1 : i === n ? 0 : sigmoid(4 * gain * n * (t - i / n)),
    );
  return (x, y) => {
    const [a, b] = [ridges(x), ridges(y)];
    let total = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++)
        total += sigmoid(4 * outer * (a[i] - a[i + 1] + b[j] - b[j + 1] - 1.5));
    }
    return total;
  };
}

export function buildTowers() {
  const figure = figureOf("towers");
  let n = clamp(Math.round(state("towers.n", 4)), 2, 8);
  let gain = clamp(state("towers.gain", 8), 1, 64);
  let outer = clamp(state("towers.outer", 8), 1, 64);
  let cut = clamp(state("towers.cut", 0.5), 0, 1);
  let valueAt = fastTowers(n, gain, outer);
  const pair = figure.appendChild(el("div", { class: "pair" }));
  const [left, right] = [pair.appendChild(el("div")), pair.appendChild(el("div"))];
  const map = new Plot(left, {
    x: [0, 1],
    y: [0, 1],
    square: true,
    yLabel: "",
    xLabel: "x₁",
    label: "The sum of all towers, seen from above: light is 1, dark is 0",
    draw: (p) =>
      p.curve("cut", [
        [0, cut],
        [1, cut],
      ]),
  });
  const picture = new PlanePicture(map);
  const side = new Plot(right, {
    x: [0, 1],
    y: [0, 1.2],
    ratio: 0.75,
    tallest: 360,
    xLabel: "x₁",
    yLabel: "sum along the cut",
    label: "The sum of all towers along the cut",
    interactive: false,
    draw(p) {
      p.curve("target", [
        [0, 1],
        [1, 1],
      ]);
      p.curve(
        "sum",
        ACROSS.map((x) => [x, valueAt(x, cut)]),
      );
    },
  });
  legend(right, [
    ["sum", "sum of the towers"],
    ["target", "what it should be: 1"],
  ]);
  handle(map, {
    axis: "y",
    label: "height of the cut, x₂",
    min: 0,
    max: 1,
    step: 0.0125,
    get: () => cut,
    place: () => [0.03, cut],
    set: (v) => {
      cut = Number(v.toFixed(4));
      renew(false);
    },
    format: (v) => `cut at x₂ = ${shown(v, 4)}`,
  });
  const tell = reading(figure);
  const below = figure.appendChild(el("div", { class: "controls" }));
  slider(below, {
    label: "Cells along each axis",
    min: 2,
    max: 8,
    value: n,
    set: (v) => {
      n = v;
      renew();
    },
  });
  const power = (v) => shown(2 ** v);
  slider(below, {
    label: "Steepness of the ridges",
    min: 0,
    max: 6,
    step: 0.25,
    value: Math.log2(gain),
    format: power,
    set: (v) => {
      gain = 2 ** v;
      renew();
    },
  });
  slider(below, {
    label: "Steepness of the thresholds",
    min: 0,
    max: 6,
    step: 0.25,
    value: Math.log2(outer),
    format: power,
    set: (v) => {
      outer = 2 ** v;
      renew();
    },
  });
  const box = exchangeBox(figure, { name: "towers", network: () => towersNetwork(n, gain, outer) });
  function renew(all = true) {
    remember("towers.n", n);
    remember("towers.gain", gain);
    remember("towers.outer", outer);
    remember("towers.cut", cut);
    if (all) {
      valueAt = fastTowers(n, gain, outer);
      picture.draw(valueAt, (value) => value);
      box.renew();
    }
    for (const plot of [map, side]) {
      plot.draw(plot);
      plot.refresh();
    }
    const corner = Math.floor(n / 2) / n;
    tell(
      `${plural(2 * n - 2, "ridge")} and ${plural(n * n, "tower")}. Where four towers meet, ` +
        `at (${shown(corner)}, ${shown(corner)}), the sum is ${shown(valueAt(corner, corner))}. ` +
        `For steep ridges it is ${shown(vertexValue(outer))}, however steep: ` +
        "they make the hole narrower, not shallower.",
    );
  }
  renew();
}
