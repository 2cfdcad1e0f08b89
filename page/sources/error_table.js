// The three errors of section 3 as a table: an estimate, a bound, an optimum.
import { el, say, set, svg } from "./dom.js";
import { shown } from "./numbers.js";

export function errorTable() {
  const body = el("tbody");
  const rows = [
    ["your network", "estimate: the largest of 2\u202f049 samples"],
    ["the theorem's claim", ""],
    ["best possible with n jumps", "optimum: no step function is nearer"],
  ].map(([name, kind]) => {
    const value = el("td", { class: "number" });
    const bar = svg("rect", { height: 10, y: 2, rx: 2 });
    const note = el("span", { class: "kind" }, kind);
    const picture = svg("svg", { class: "bar", "aria-hidden": "true", height: 14 }, bar);
    body.append(
      el(
        "tr",
        {},
        el("th", { scope: "row" }, name, note),
        value,
        el("td", { class: "bars" }, picture),
      ),
    );
    return { value, bar, note };
  });
  const table = el(
    "table",
    { class: "errors" },
    el("caption", {}, "Largest distance between target and network"),
    body,
  );
  table.show = (values, { n, claimed, byRange, slope }) => {
    const most = Math.max(...values, 1e-300);
    rows.forEach(({ value, bar }, i) => {
      say(value, shown(values[i]));
      set(bar, { width: `${(100 * values[i]) / most}%` });
    });
    const formula = byRange ? "max f − min f" : `L h (½ + tails), L = ${shown(slope)}, h = 1/${n}`;
    say(
      rows[1].note,
      `bound: ${formula}${claimed ? "" : " — for the heights from the theorem only"}`,
    );
  };
  return table;
}
