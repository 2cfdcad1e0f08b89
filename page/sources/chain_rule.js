// Section 6: a formula as a graph, its values forwards and its derivatives backwards, one by one.
import { button, field } from "./controls.js";
import { backwards, forwards, localSlopes, nameOf, stepsOf } from "./chain.js";
import { el, figureOf, reading, remember, say, set, state, svg } from "./dom.js";
import { range, shown } from "./numbers.js";
import { letterScale } from "./plot.js";

const NAMES = ["x", "y", "z"];
const COLUMN = 152;
const ROW = 74;

const wordOf = (steps, i) => {
  const { operation, from, exponent, text } = steps[i];
  const [a, b] = from.map((j) => nameOf(steps, j));
  if (operation === "variable" || operation === "number") return nameOf(steps, i);
  if (operation === "power") return `${a}^${b}`;
  if (operation === "^") return `${a}^${shown(exponent)}`;
  if (operation === "negative") return `−${a}`;
  if (operation === "+0") return a;
  return b === undefined ? `${operation}(${a})` : `${a} ${text.sign} ${b}`;
};

export function buildChainRule() {
  const figure = figureOf("chain");
  const at = { x: state("chain.x", 2), y: state("chain.y", 3), z: state("chain.z", -4) };
  let formula = state("chain.f", "(x + y) z");
  let steps;
  let values;
  let states;
  let order;
  let shownSteps = 0;
  let timer = null;
  const top = figure.appendChild(el("div", { class: "controls" }));
  const writtenIn = field(top, {
    label: "f(x, y, z) =",
    value: formula,
    size: 26,
    set: (text) => {
      read(text);
    },
  });
  const numbers = NAMES.map((name) =>
    field(top, {
      label: name,
      value: String(at[name]),
      size: 6,
      mode: "text",
      set: (text) => {
        const value = Number(text.replace("−", "-").replace(",", "."));
        if (!text.trim() || !Number.isFinite(value))
          throw new Error("Write a number, such as −2.5.");
        at[name] = value;
        remember(`chain.${name}`, value);
        compute();
      },
    }),
  );
  numbers.forEach(({ input }) => input.parentElement.classList.add("short"));
  const player = figure.appendChild(
    el("div", { class: "player", role: "group", "aria-label": "Player: steps of the two sweeps" }),
  );
  const go = (count) => () => {
    stop();
    jump(count());
  };
  button(
    player,
    "|◀",
    go(() => 0),
    { "aria-label": "To the start" },
  );
  button(
    player,
    "◀",
    go(() => shownSteps - 1),
    { "aria-label": "One step back" },
  );
  const play = button(player, "▶ Play", () => (timer ? stop() : start()), { class: "play" });
  button(
    player,
    "▶",
    go(() => shownSteps + 1),
    { "aria-label": "One step on" },
  );
  button(
    player,
    "▶|",
    go(() => total()),
    { "aria-label": "To the end" },
  );
  player.append(el("span", { class: "kind" }, "keys: ← → Home End, space"));
  const scroller = figure.appendChild(
    el("div", {
      class: "scroller",
      tabindex: 0,
      role: "region",
      "aria-label": "The graph of the formula; scroll it sideways, or step with the arrow keys",
    }),
  );
  const graph = scroller.appendChild(
    svg("svg", { class: "graph", role: "img", "aria-label": "graph of the formula" }),
  );
  const tell = reading(figure);
  const body = el("tbody");
  figure.append(
    el(
      "table",
      { class: "steps" },
      el("caption", {}, "The steps of the formula"),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ...["step", "is", "value", "df/dstep"].map((t) => el("th", { scope: "col" }, t)),
        ),
      ),
      body,
    ),
  );

  for (const region of [player, scroller]) {
    region.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: shownSteps - 1, ArrowRight: shownSteps + 1, Home: 0, End: total() }[
        event.key
      ];
      if (to !== undefined) go(() => to)();
      else if (event.key === " " && region === scroller) timer ? stop() : start();
      else return;
      event.preventDefault();
    });
  }
  // Forwards every step that is not a leaf; then 1 at the result; then backwards.
  const total = () => 2 * order.length + 1;
  function read(text) {
    steps = stepsOf(text, NAMES);
    if (steps.length > 60) throw new Error("The formula has more than 60 steps: shorten it.");
    formula = text;
    remember("chain.f", formula);
    stop();
    shownSteps = 0;
    compute();
  }
  function compute() {
    values = forwards(steps, at);
    states = backwards(steps, values).states;
    order = range(steps.length).filter((i) => steps[i].from.length);
    layOut();
    jump(shownSteps);
  }
  function start() {
    if (shownSteps >= total()) jump(0);
    play.textContent = "❚❚ Pause";
    timer = setInterval(() => (shownSteps < total() ? jump(shownSteps + 1) : stop()), 1100);
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶ Play";
  }

  let boxes = [];
  let edges = [];
  function layOut() {
    const used = range(steps.length).filter(
      (i) => steps.some((s) => s.from.includes(i)) || i === steps.length - 1,
    );
    const levels = new Map();
    for (const i of used) levels.set(steps[i].level, [...(levels.get(steps[i].level) ?? []), i]);
    const tallest = Math.max(...[...levels.values()].map((l) => l.length));
    const depth = Math.max(...levels.keys());
    const placeOf = (i) => {
      const mates = levels.get(steps[i].level);
      return [
        64 + COLUMN * steps[i].level,
        40 + ROW * (mates.indexOf(i) + (tallest - mates.length) / 2),
      ];
    };
    const size = [128 + COLUMN * depth, 10 + ROW * tallest];
    const equations = order.map((i) => `${nameOf(steps, i)} is ${wordOf(steps, i)}`);
    set(graph, {
      width: size[0] * letterScale(),
      height: size[1] * letterScale(),
      viewBox: `0 0 ${size[0]} ${size[1]}`,
      "aria-label": `Graph of ${formula}: ${equations.join(", ")}`,
    });
    edges = order.flatMap((i) =>
      steps[i].from.map((j, k) => {
        const [[x1, y1], [x2, y2]] = [placeOf(j), placeOf(i)];
        const bend = steps[i].level - steps[j].level > 1 || (k && steps[i].from[0] === j) ? 26 : 0;
        return {
          i,
          j,
          node: svg("path", {
            class: "wire",
            d: `M${x1 + 60},${y1}Q${(x1 + x2) / 2},${(y1 + y2) / 2 + bend} ${x2 - 60},${y2}`,
          }),
        };
      }),
    );
    boxes = used.map((i) => {
      const [x, y] = placeOf(i);
      const value = svg("text", { x, y: y + 13, class: "value", "text-anchor": "middle" });
      const slope = svg("text", { x, y: y + 34, class: "slope", "text-anchor": "middle" });
      const node = svg(
        "g",
        { class: "step" },
        svg("rect", { x: x - 60, y: y - 20, width: 120, height: 40, rx: 8 }),
        svg(
          "text",
          { x, y: y - 4, "text-anchor": "middle" },
          steps[i].from.length ? `${nameOf(steps, i)} = ${wordOf(steps, i)}` : nameOf(steps, i),
        ),
        value,
        slope,
      );
      return { i, node, value, slope };
    });
    graph.replaceChildren(...edges.map((e) => e.node), ...boxes.map((b) => b.node));
  }

  function jump(count) {
    shownSteps = Math.min(Math.max(count, 0), total());
    const m = order.length;
    const back = shownSteps - m - 1;
    const current =
      shownSteps === 0
        ? null
        : shownSteps <= m
          ? order[shownSteps - 1]
          : back === 0
            ? order[m - 1]
            : order[m - back];
    const known = (i) => !steps[i].from.length || order.indexOf(i) < shownSteps;
    const adjoint = (i) => (back < 0 ? null : states[back][i]);
    // A derivative is told when something has been handed to it.
    const handed = (i) =>
      back >= 0 &&
      (i === steps.length - 1 || order.slice(m - back).some((j) => steps[j].from.includes(i)));
    for (const { i, node, value, slope } of boxes) {
      say(value, known(i) ? shown(values[i], 4) : "");
      say(slope, handed(i) ? `▸ ${shown(adjoint(i), 4)}` : "");
      node.classList.toggle("current", i === current);
    }
    // The current step is brought into sight where the graph is wider than the screen.
    const here =
      current === null
        ? 0
        : COLUMN * steps[current].level * letterScale() + 64 - scroller.clientWidth / 2;
    scroller.scrollTo?.({ left: Math.max(0, here) });
    for (const { i, node } of edges)
      node.classList.toggle("lit", i === current && shownSteps !== m + 1);
    body.replaceChildren(
      ...boxes
        .filter(({ i }) => steps[i].operation !== "number")
        .map(({ i }) =>
          el(
            "tr",
            { class: i === current ? "current" : "" },
            el("th", { scope: "row" }, nameOf(steps, i)),
            el("td", {}, steps[i].from.length ? wordOf(steps, i) : "input"),
            el("td", {}, known(i) ? shown(values[i], 6) : "·"),
            el("td", {}, handed(i) ? shown(adjoint(i), 6) : "·"),
          ),
        ),
    );
    tell(sentence(current, back));
  }
  function sentence(current, back) {
    if (current === null) return `Start. ${order.length} steps forwards, as many backwards.`;
    const me = nameOf(steps, current);
    if (back < 0)
      return `Forwards: ${me} = ${wordOf(steps, current)} = ${shown(values[current], 6)}.`;
    if (back === 0) return `The way back starts at the result: df/d${me} = 1.`;
    const slopes = localSlopes(steps[current], current, values);
    const parts = steps[current].from
      .map((j, k) =>
        steps[j].operation === "number"
          ? null
          : `${nameOf(steps, j)} gets ${shown(states[back][current], 4)} · ${shown(slopes[k], 4)}`,
      )
      .filter(Boolean);
    const end = shownSteps === total() ? ` Done: ${gradientText()}` : "";
    return `Backwards through ${me} = ${wordOf(steps, current)}: ${parts.join(", ")}.${end}`;
  }
  const gradientText = () =>
    `${NAMES.map((name, i) => `df/d${name} = ${shown(states.at(-1)[i], 6)}`).join(", ")}.`;
  writtenIn.tell();
  if (!steps) read("(x + y) z");
}
