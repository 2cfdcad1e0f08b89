// Section 3: bumps make any function. Draw a target, choose n, see three errors.
import { byPointer, choice, field, handle, radios, slider, button } from "./controls.js";
import { el, figureOf, reading, remember, set, state } from "./dom.js";
import { errorTable } from "./error_table.js";
import { HEIGHTS } from "./heights.js";
import { clamp, plural, range, shown, spaced } from "./numbers.js";
import { Plot, legend } from "./plot.js";
import { exchangeBox } from "./exchange_box.js";
import { networkAt } from "./mathematics.js";
import {
  bestSteps,
  claimedError,
  errorGrid,
  polygonAt,
  sampledError,
  staircaseNetwork,
  steepestSlope,
  sumAt,
  sumOfSigmoids,
} from "./staircase.js";
import {
  LIMITS,
  PLACES,
  PRESETS,
  drawn,
  fromFormula,
  lifted,
  packed,
  unpacked,
} from "./targets.js";

const FINE = spaced(0, 1, 1025);
const SIZES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
const MOST_HANDLES = 16;

function firstTarget() {
  const kind = state("fit.target", "nielsen");
  const formula = state("fit.formula", PRESETS.nielsen[1]);
  const drawing = unpacked(state("fit.drawn", ""));
  try {
    if (kind === "drawn" && drawing) return { kind, formula, values: drawing };
    if (kind === "formula") return { kind, formula, values: fromFormula(formula) };
    if (Object.hasOwn(PRESETS, kind))
      return { kind, formula: PRESETS[kind][1], values: fromFormula(PRESETS[kind][1]) };
  } catch {
    // An address that was written by hand: the first preset instead.
  }
  return { kind: "nielsen", formula: PRESETS.nielsen[1], values: fromFormula(PRESETS.nielsen[1]) };
}

export function buildAnyFunction() {
  const figure = figureOf("fit");
  let { kind, formula, values } = firstTarget();
  let n = clamp(Math.round(state("fit.n", 10)), 1, 64);
  let gain = clamp(state("fit.gain", 32), 0.25, 64);
  let mode = state("fit.mode", "theorem");
  if (!Object.hasOwn(HEIGHTS, mode)) mode = "theorem"; // an address that was written by hand
  let network;
  let imported = null;
  let plateaus = [];
  let pen = 0.5;
  let last = null;

  const top = figure.appendChild(el("div", { class: "controls" }));
  const options = [
    ...Object.entries(PRESETS).map(([key, [text]]) => [key, text]),
    ["formula", "Your formula"],
    ["drawn", "Your drawing"],
  ];
  const chosen = choice(top, { label: "Target", options, value: kind, set: choose });
  const written = field(top, {
    label: "f(x) =",
    value: formula,
    size: 30,
    set: (text) => {
      retarget("formula", fromFormula(text), text);
    },
  });
  const drawing = button(
    top,
    "✎ Draw your own",
    () => drawMode(drawing.getAttribute("aria-pressed") !== "true"),
    { "aria-pressed": "false" },
  );
  const plot = new Plot(figure, {
    x: [0, 1],
    y: [-1.05, 1.05],
    ratio: 0.5,
    label: "The target and the network, for x from 0 to 1",
    yLabel: "y",
    draw: drawCurves,
  });
  const keys = [
    ["target", "target"],
    ["sum", "network"],
    ["steps", "best step function"],
    ["worst", "largest error"],
  ];
  legend(figure, keys);
  const tell = reading(figure);
  const table = figure.appendChild(errorTable());
  const below = figure.appendChild(el("div", { class: "controls" }));
  const size = slider(below, {
    label: "Units n",
    min: 1,
    max: 64,
    value: n,
    set: (v) => {
      n = v;
      plateaus = [];
      renew();
    },
  });
  slider(below, {
    label: "Steepness",
    min: -2,
    max: 6,
    step: 0.25,
    value: Math.log2(gain),
    format: (v) => shown(2 ** v),
    set: (v) => {
      gain = 2 ** v;
      renew();
    },
  });
  const ways = radios(below, {
    label: "Heights",
    options: Object.entries(HEIGHTS).map(([key, { label }]) => [key, label]),
    value: mode,
    set: (key) => {
      setMode(key);
      renew();
    },
  });
  const errors = new Plot(figure, {
    x: [1, 64],
    y: [1e-3, 10],
    log: [true, true],
    ratio: 0.36,
    xLabel: "units n",
    yLabel: "error",
    label: "The three errors against the number of units",
    interactive: false,
    draw: drawErrors,
  });
  legend(figure, [
    ["claim", "the theorem's claim (a bound)"],
    ["sum", "this construction (estimates)"],
    ["steps", "best step functions (the optimum)"],
    ["dot", "your network"],
  ]);
  const box = exchangeBox(figure, {
    name: "network",
    network: () => imported ?? network,
    take: takeNetwork,
  });

  // Drawing: by mouse at any time, by finger after the button, by keyboard with the pen.
  byPointer(plot.root, {
    start(event) {
      const draws =
        event.pointerType === "mouse" || drawing.getAttribute("aria-pressed") === "true";
      if (!draws || event.target.closest(".handle")) return false;
      last = inPicture(event);
      retarget("drawn", drawn(values, last, last));
    },
    move(event) {
      if (!last) return;
      const next = inPicture(event);
      retarget("drawn", drawn(values, last, next));
      last = next;
    },
    end() {
      last = null;
    },
  });
  const inPicture = (event) => {
    const [x, y] = plot.pointAt(event);
    return [clamp(x, 0, 1), clamp(y, ...LIMITS)];
  };
  const penHandle = handle(plot, {
    axis: "x",
    label: "pen: left and right move it, up and down draw",
    shape: "square",
    min: 0,
    max: 1,
    step: 1 / 64,
    get: () => pen,
    set: (x) => {
      pen = x;
      plot.refresh();
    },
    place: () => [pen, polygonAt(values, pen)],
    format: (x) => `x = ${shown(x)}, target ${shown(polygonAt(values, x))}`,
  });
  penHandle.node.classList.add("pen");
  penHandle.node.addEventListener(
    "keydown",
    (event) => {
      const by = { ArrowUp: 0.05, ArrowDown: -0.05 }[event.key];
      if (!by) return;
      event.stopImmediatePropagation();
      event.preventDefault();
      retarget("drawn", lifted(values, pen, by));
    },
    true,
  );
  const grips = range(MOST_HANDLES + 1).map((j) => {
    const grip = handle(plot, {
      axis: "y",
      label: `height of plateau ${j + 1}`,
      min: -1,
      max: 1,
      step: 0.01,
      get: () => plateaus[j] ?? 0,
      set: (value) => {
        plateaus[j] = value;
        setMode("hand");
        renew();
      },
      place: () => [clamp(j / n, 0, 1), plateaus[j] ?? 0],
      format: (v) => `height ${shown(v)}`,
    });
    return grip.node;
  });

  function drawMode(on) {
    set(drawing, { "aria-pressed": on });
    plot.root.classList.toggle("drawing", on);
  }
  function choose(key) {
    if (Object.hasOwn(PRESETS, key)) {
      written.input.value = PRESETS[key][1];
      written.tell();
      retarget(key, fromFormula(PRESETS[key][1]), PRESETS[key][1]);
    } else if (key === "formula") written.tell();
    else {
      retarget("drawn", values);
      drawMode(true);
    }
  }
  function retarget(nextKind, nextValues, text = formula) {
    [kind, values, formula] = [nextKind, nextValues, text];
    chosen.value = kind;
    remember("fit.target", kind);
    remember("fit.formula", kind === "formula" ? formula : PRESETS.nielsen[1]);
    remember("fit.drawn", kind === "drawn" ? packed(values) : "");
    renew();
  }
  function setMode(key) {
    mode = key;
    imported = null;
    ways.show(mode);
    if (key === "hand" && !plateaus.length)
      plateaus = range(n + 1).map((j) => Math.round(100 * polygonAt(values, j / n)) / 100);
  }
  function takeNetwork(found) {
    if (found.weights[0][0].length !== 1 || found.out_size !== null) {
      throw new Error(
        `This network has ${plural(found.weights[0][0].length, "input")}; ` +
          "expected one input and values of shape ().",
      );
    }
    imported = found;
    ways.show("none");
    renew();
  }
  const valueAt = (x) => (imported ? networkAt(imported, [x]) : sumAt(network, x));

  function renew() {
    if (mode === "hand") {
      if (plateaus.length !== n + 1) setModePlateaus();
      network = sumOfSigmoids(
        n,
        gain,
        plateaus[0],
        range(n).map((j) => plateaus[j + 1] - plateaus[j]),
      );
    } else {
      network = HEIGHTS[mode].build(values, n, gain);
      plateaus = range(n + 1).map((j) =>
        clamp(Math.round(100 * polygonAt(values, j / n)) / 100, -1, 1),
      );
    }
    remember("fit.n", n);
    remember("fit.gain", gain);
    remember("fit.mode", mode);
    size.show(n);
    const byHand = mode === "hand" && !imported && n <= MOST_HANDLES;
    grips.forEach((grip, j) => set(grip, { display: byHand && j <= n ? "inline" : "none" }));
    set(penHandle.node, { display: byHand ? "none" : "inline" });
    plot.draw(plot);
    plot.refresh();
    box.renew();
    show();
    clearTimeout(renew.waiting);
    renew.waiting = setTimeout(
      () => {
        errors.rows = null;
        errors.draw(errors);
      },
      last ? 250 : 30,
    );
  }
  function setModePlateaus() {
    plateaus = [];
    setMode("hand");
  }
  function measured() {
    if (!imported) return sampledError(values, network);
    const all = errorGrid(values).map((x) => Math.abs(valueAt(x) - polygonAt(values, x)));
    const error = Math.max(...all);
    return { error, at: all.indexOf(error) / (all.length - 1) };
  }
  function show() {
    const found = measured();
    const byTheorem = staircaseNetwork(values, n, gain);
    const claim = claimedError(values, n, gain, byTheorem);
    const best = bestSteps(values, n + 1);
    table.show([found.error, claim.error, best.error], {
      n,
      claimed: mode === "theorem" && !imported,
      byRange: claim.byRange,
      slope: steepestSlope(values),
    });
    plot.curve("worst", [
      [found.at, valueAt(found.at)],
      [found.at, polygonAt(values, found.at)],
    ]);
    const who = imported
      ? "The network that you loaded"
      : `${plural(n, "unit")}, heights ${HEIGHTS[mode].said}`;
    const below =
      found.error < best.error
        ? " No step function with as many jumps comes so near: soft steps are more than steps."
        : "";
    tell(
      `${who}: the largest error found is ${shown(found.error)}, ` +
        `at x = ${shown(found.at)}.${below}`,
    );
  }
  function drawCurves(p) {
    p.curve("steps", stepPoints(bestSteps(values, n + 1).ends));
    p.curve(
      "target",
      PLACES.map((x, i) => [x, values[i]]),
    );
    if (network)
      p.curve(
        "sum",
        FINE.map((x) => [x, valueAt(x)]),
      );
  }
  // On each piece the middle of the target's range.
  function stepPoints(ends) {
    return ends.flatMap((end, i) => {
      const start = i ? ends[i - 1] : 0;
      const inner = PLACES.map((x, j) => (x > start && x < end ? values[j] : null)).filter(
        (y) => y !== null,
      );
      const all = [polygonAt(values, start), polygonAt(values, end), ...inner];
      const middle = (Math.max(...all) + Math.min(...all)) / 2;
      return [
        [start, middle],
        [end, middle],
      ];
    });
  }
  function drawErrors(p) {
    if (!network) return;
    p.rows ??= [...new Set([...SIZES, n])]
      .sort((a, b) => a - b)
      .map((size) => {
        const built = staircaseNetwork(values, size, gain);
        return [
          size,
          claimedError(values, size, gain, built).error,
          sampledError(values, built).error,
          bestSteps(values, size + 1).error,
        ];
      });
    const kinds = ["claim", "sum", "steps"];
    kinds.forEach((key, i) =>
      p.curve(
        key,
        p.rows.map((row) => [row[0], clamp(row[i + 1], 1e-3, 10)]),
      ),
    );
    p.dots("dot", [[n, clamp(measured().error, 1e-3, 10)]]);
  }
  renew();
}
