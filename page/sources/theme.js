// Light, dark, or as the system says.
import { choice } from "./controls.js";
import { figureOf, remember, state } from "./dom.js";

export function buildTheme() {
  const show = (theme) => {
    document.documentElement.dataset.theme = theme;
    remember("theme", theme);
    dispatchEvent(new Event("themechange"));
  };
  const options = [
    ["auto", "as the system"],
    ["light", "light"],
    ["dark", "dark"],
  ];
  const found = state("theme", "auto");
  const value = options.some(([key]) => key === found) ? found : "auto";
  choice(figureOf("theme"), { label: "Colours", options, value, set: show });
  show(value);
}
