// Section 5: the tent folded k times, by k units in depth or 2^k - 1 in width.
import { handle, slider } from "./controls.js";
import { exchangeBox } from "./exchange_box.js";
import { el, figureOf, reading, remember, say, set, state, svg } from "./dom.js";
import { clamp, grouped, plural, range, shown } from "./numbers.js";
import { folds, tentNetwork } from "./mathematics.js";
import { Plot, legend } from "./plot.js";

// The corners of the tent folded k times: all of it.
const teeth = (k) => range(2 ** k + 1).map((i) => [i / 2 ** k, i % 2]);

export function buildDepth() {
  const figure = figureOf("depth");
  let k = clamp(Math.round(state("depth.k", 3)), 1, 10);
  let x = clamp(state("depth.x", 0.3), 0, 1);
  const top = figure.appendChild(el("div", { class: "controls" }));
  slider(top, {
    label: "Folds k",
    min: 1,
    max: 10,
    value: k,
    set: (v) => {
      k = v;
      renew();
    },
  });
  const plot = new Plot(figure, {
    x: [0, 1],
    y: [0, 1.08],
    ratio: 0.42,
    yLabel: "tent, k times",
    label: "The tent map applied k times",
    draw(p) {
      p.curve("part", k > 1 ? teeth(1) : []);
      p.curve("sum thin", teeth(k));
      p.curve("mark", [
        [x, 0],
        [x, 1.08],
      ]);
    },
  });
  handle(plot, {
    axis: "x",
    label: "the point x",
    min: 0,
    max: 1,
    step: 0.005,
    get: () => x,
    place: () => [x, folds(x, k)[k]],
    set: (v) => {
      x = Number(v.toFixed(4));
      renew();
    },
    format: (v) => `x = ${shown(v)}, value ${shown(folds(v, k)[k])}`,
  });
  legend(figure, [
    ["sum thin", "folded k times"],
    ["part", "folded once"],
  ]);
  const way = figure.appendChild(el("p", { class: "way" }));
  const rows = figure.appendChild(units());
  const tell = reading(figure);
  const box = exchangeBox(figure, { name: "tent", network: () => tentNetwork(k) });
  function renew() {
    remember("depth.k", k);
    remember("depth.x", x);
    plot.draw(plot);
    plot.refresh();
    box.renew();
    const values = folds(x, k);
    say(way, `x = ${values.map((v) => shown(v)).join(" → ")}`);
    rows.show(k, 2 ** k - 1);
    tell(
      `${grouped(2 ** k)} straight pieces: ${plural(k, "ReLU unit")} in ${plural(k, "layer")} ` +
        "(each layer also hands its input on), or " +
        `${plural(2 ** k - 1, "ReLU unit")} in one layer, one for each kink.`,
    );
  }
  renew();
}

function units() {
  const body = el("tbody");
  const rows = ["deep: one unit per layer", "one hidden layer: one unit per kink"].map((name) => {
    const value = el("td", { class: "number" });
    const bar = svg("rect", { height: 10, y: 2, rx: 2 });
    body.append(
      el(
        "tr",
        {},
        el("th", { scope: "row" }, name),
        value,
        el(
          "td",
          { class: "bars" },
          svg("svg", { class: "bar", "aria-hidden": "true", height: 14 }, bar),
        ),
      ),
    );
    return { value, bar };
  });
  const table = el("table", {}, el("caption", {}, "ReLU units needed"), body);
  table.show = (...counts) =>
    rows.forEach(({ value, bar }, i) => {
      say(value, grouped(counts[i]));
      set(bar, { width: `${(100 * counts[i]) / Math.max(...counts)}%` });
    });
  return table;
}
