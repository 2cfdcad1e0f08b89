// Section 8: gradient descent on a plane.
import { button, byPointer, choice, field, slider } from "./controls.js";
import { stepsOf, valueAndGradient } from "./chain.js";
import { el, figureOf, reading, remember, set, state, svg } from "./dom.js";
import { descent } from "./mathematics.js";
import { clamp, plural, shown } from "./numbers.js";
import { PlanePicture } from "./plane_pictures.js";
import { Plot } from "./plot.js";

const STEPS = 100;
const REACH = 2;
const PLANES = {
  valley: ["A valley", "(x^2 + 10 y^2) / 2"],
  product: ["Two weights in a row", "(x y - 1)^2 / 2"],
  saddle: ["A saddle with walls", "x^4 / 4 - x^2 / 2 + y^2"],
  banana: ["Rosenbrock's valley", "(1 - x)^2 + 10 (y - x^2)^2"],
};

export function buildDownhill() {
  const figure = figureOf("descent");
  let kind = state("descent.f", "valley");
  let formula = state("descent.formula", PLANES.valley[1]);
  if (Object.hasOwn(PLANES, kind)) formula = PLANES[kind][1];
  let eta = clamp(state("descent.step", 0.05), 0.001, 1);
  let start = [state("descent.x", -1.6), state("descent.y", 1.2)].map((v) =>
    clamp(v, -REACH, REACH),
  );
  let shownSteps = STEPS;
  let steps;
  let timer = null;
  const top = figure.appendChild(el("div", { class: "controls" }));
  const options = [
    ...Object.entries(PLANES).map(([key, [text]]) => [key, text]),
    ["own", "Your formula"],
  ];
  const chosen = choice(top, {
    label: "Loss",
    options,
    value: Object.hasOwn(PLANES, kind) ? kind : "own",
    set: (key) => {
      kind = key;
      if (key !== "own") written.input.value = PLANES[key][1];
      written.tell();
    },
  });
  const written = field(top, {
    label: "f(x, y) =",
    value: formula,
    size: 28,
    set: (text) => {
      const found = stepsOf(text, ["x", "y"]);
      [steps, formula] = [found, text];
      kind = Object.keys(PLANES).find((key) => PLANES[key][1] === text) ?? "own";
      chosen.value = kind;
      renew(true);
    },
  });
  const pair = figure.appendChild(el("div", { class: "pair" }));
  const [left, right] = [pair.appendChild(el("div")), pair.appendChild(el("div"))];
  const valueAt = (x, y) => valueAndGradient(steps, ["x", "y"], { x, y });
  const map = new Plot(left, {
    x: [-REACH, REACH],
    y: [-REACH, REACH],
    square: true,
    yLabel: "y",
    label: "The loss seen from above, dark is low, and the path of the descent",
    draw: drawPath,
  });
  const picture = new PlanePicture(map, 96);
  const losses = new Plot(right, {
    x: [0, STEPS],
    y: [1e-8, 100],
    log: [false, true],
    ratio: 0.75,
    tallest: 330,
    xLabel: "step",
    yLabel: "loss",
    label: "The loss at each step",
    interactive: false,
    draw: drawLosses,
  });
  const node = map.handles.appendChild(
    svg("g", {
      class: "handle free",
      tabindex: 0,
      role: "slider",
      "aria-label": "start: the arrow keys move it in the plane",
      "aria-valuemin": -REACH,
      "aria-valuemax": REACH,
    }),
  );
  node.append(svg("circle", { class: "reach", r: 22 }), svg("circle", { r: 9 }));
  map.shown.push(() =>
    set(node, {
      transform: `translate(${map.toX(start[0])} ${map.toY(start[1])}) scale(${map.scale})`,
      "aria-valuenow": start[0],
      "aria-valuetext": `start at x = ${shown(start[0])}, y = ${shown(start[1])}`,
    }),
  );
  const moveTo = (x, y) => {
    start = [x, y].map((v) => clamp(Math.round(v * 20) / 20, -REACH, REACH));
    renew();
  };
  byPointer(node, { start: () => true, move: (event) => moveTo(...map.pointAt(event)) });
  node.addEventListener("keydown", (event) => {
    const by = {
      ArrowRight: [0.05, 0],
      ArrowLeft: [-0.05, 0],
      ArrowUp: [0, 0.05],
      ArrowDown: [0, -0.05],
    }[event.key];
    if (!by) return;
    event.preventDefault();
    moveTo(start[0] + by[0], start[1] + by[1]);
  });
  const tell = reading(figure);
  const controls = figure.appendChild(el("div", { class: "controls" }));
  slider(controls, {
    label: "Step size",
    min: 0.005,
    max: 0.6,
    step: 0.005,
    value: eta,
    format: (v) => shown(v),
    set: (v) => {
      eta = v;
      renew();
    },
  });
  const until = slider(controls, {
    label: "Steps shown",
    min: 0,
    max: STEPS,
    value: STEPS,
    set: (v) => {
      stop();
      shownSteps = v;
      renew();
    },
  });
  const play = button(controls, "▶ Play", () => (timer ? stop() : run()));
  function run() {
    if (shownSteps >= STEPS) shownSteps = 0;
    play.textContent = "❚❚ Pause";
    timer = setInterval(() => {
      shownSteps += 1;
      until.show(shownSteps);
      renew();
      if (shownSteps >= STEPS) stop();
    }, 90);
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶ Play";
  }
  const path = () => descent((x, y) => valueAt(x, y).gradient, start, eta, shownSteps);
  function drawPath(p) {
    if (!steps) return;
    const points = path();
    p.curve("path under", points);
    p.curve("path", points);
    p.dots("path beads", points);
  }
  function drawLosses(p) {
    if (!steps) return;
    const points = path().map(([x, y], i) => [i, valueAt(x, y).value]);
    p.curve(
      "sum",
      points
        .filter(([, loss]) => Number.isFinite(loss))
        .map(([i, loss]) => [i, clamp(loss, 1e-8, 100)]),
    );
  }
  function renew(redraw = false) {
    remember("descent.f", kind);
    remember("descent.formula", kind === "own" ? formula : PLANES.valley[1]);
    remember("descent.step", Number(eta.toFixed(3)));
    remember("descent.x", start[0]);
    remember("descent.y", start[1]);
    if (redraw) {
      const heights = [];
      for (let x = -REACH; x <= REACH; x += 0.25)
        for (let y = -REACH; y <= REACH; y += 0.25) heights.push(valueAt(x, y).value);
      const known = heights.filter(Number.isFinite);
      const [low, high] = [Math.min(...known), Math.max(...known)];
      // Bands of equal steps in the square root of the height: contours without lines.
      picture.draw(
        (x, y) => valueAt(x, y).value,
        (value) =>
          0.25 +
          0.75 * (Math.floor(12 * Math.sqrt(Math.max(value - low, 0) / (high - low || 1))) / 12),
      );
    }
    for (const plot of [map, losses]) {
      plot.draw(plot);
      plot.refresh();
    }
    const points = path();
    const [x, y] = points.at(-1);
    const loss = valueAt(x, y).value;
    const limit =
      kind === "valley"
        ? " The curvature across the valley is 10: with steps above 2/10 the path swings out, " +
          "unless it starts on y = 0."
        : "";
    const gone = Math.hypot(x, y) > 1e6 || points.length <= shownSteps;
    tell(
      `After ${plural(points.length - 1, "step")}` +
        (gone
          ? " the path has left every bound: the step size is too large here."
          : `: x = ${shown(x)}, y = ${shown(y)}, loss ${shown(loss)}.`) +
        limit,
    );
  }
  written.tell();
  if (!steps) {
    written.input.value = PLANES.valley[1];
    written.tell();
  }
}
