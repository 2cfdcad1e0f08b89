// Controls: sliders, numbers that are dragged in a diagram, handles that are dragged in a plot.
// All are sliders for screen readers, and all work by mouse, finger and keyboard.
import { el, set, svg } from "./dom.js";
import { clamp } from "./numbers.js";

const KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

// A labelled range input; `scale` maps its even steps to the value, for logarithmic sliders.
export function slider(parent, { label, min, max, step = 1, value, format = String, set: change }) {
  const id = `control-${document.querySelectorAll("input").length}`;
  const output = el("output", { for: id });
  const input = el("input", { type: "range", id, min, max, step, value });
  const show = () => {
    output.textContent = format(input.valueAsNumber);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => {
    show();
    change(input.valueAsNumber);
  });
  parent.append(el("div", { class: "slider" }, el("label", { for: id }, label), input, output));
  show();
  return {
    input,
    show(next) {
      input.value = next;
      show();
    },
  };
}

export function choice(parent, { label, options, value, set: change }) {
  const id = `choice-${document.querySelectorAll("select").length}`;
  const select = el("select", { id });
  for (const [key, text] of options) select.append(el("option", { value: key }, text));
  select.value = value;
  select.addEventListener("change", () => change(select.value));
  parent.append(el("div", { class: "choice" }, el("label", { for: id }, label), select));
  return select;
}

export function field(parent, { label, value, size = 24, mode = "text", set: change }) {
  const id = `field-${document.querySelectorAll("input").length}`;
  const note = el("span", { class: "wrong", id: `${id}-wrong`, role: "alert" });
  const input = el("input", {
    type: "text",
    id,
    value,
    size,
    inputmode: mode,
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    "aria-describedby": `${id}-wrong`,
  });
  const tell = () => {
    let wrong = "";
    try {
      change(input.value);
    } catch (error) {
      wrong = error.message;
    }
    note.textContent = wrong;
    set(input, { "aria-invalid": wrong ? "true" : "false" });
  };
  input.addEventListener("input", tell);
  parent.append(el("div", { class: "field" }, el("label", { for: id }, label), input, note));
  return { input, tell };
}

export const button = (parent, label, click, attributes = {}) =>
  parent.appendChild(el("button", { type: "button", onclick: click, ...attributes }, label));

export function radios(parent, { label, options, value, set: change }) {
  const name = `radio-${document.querySelectorAll("fieldset").length}`;
  const group = parent.appendChild(el("fieldset", { class: "radios" }, el("legend", {}, label)));
  const inputs = options.map(([key, text]) => {
    const input = el("input", { type: "radio", name, value: key, onchange: () => change(key) });
    group.append(el("label", {}, input, el("span", {}, text)));
    return input;
  });
  const show = (key) => inputs.forEach((input) => (input.checked = input.value === key));
  show(value);
  return { show };
}

function byKeys(node, { get, set: change, min, max, step }) {
  node.addEventListener("keydown", (event) => {
    let next;
    if (event.key in KEYS) next = get() + KEYS[event.key] * step;
    else if (event.key === "Home") next = min;
    else if (event.key === "End") next = max;
    else return;
    event.preventDefault();
    change(clamp(Math.round(next / step) * step, min, max));
  });
}

// Dragging by mouse, finger or pen; `start` may decline by false, so that another control has it.
export function byPointer(node, { start, move, end = () => {} }) {
  let from = null;
  node.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const found = start(event);
    if (found === false) return;
    from = found ?? true;
    node.setPointerCapture(event.pointerId);
    node.focus?.({ preventScroll: true });
    event.preventDefault();
  });
  node.addEventListener("pointermove", (event) => from !== null && move(event, from));
  for (const name of ["pointerup", "pointercancel"]) {
    node.addEventListener(name, (event) => {
      if (from !== null) end(event);
      from = null;
    });
  }
}

// A number in a diagram that is itself the control: drag sideways, or use the arrow keys.
export function scrub(
  parent,
  { x, y, label, min, max, step, get, set: change, format, width = 62 },
) {
  const text = svg("text", { x, y: y + 5.5, "text-anchor": "middle" });
  const box = svg("rect", { x: x - width / 2, y: y - 14, width, height: 28, rx: 6 });
  const arrows = svg(
    "text",
    { x, y: y + 24, "text-anchor": "middle", class: "arrows", "aria-hidden": "true" },
    "◂ ▸",
  );
  const node = svg("g", {
    class: "scrub",
    tabindex: 0,
    role: "slider",
    "aria-label": label,
    "aria-valuemin": min,
    "aria-valuemax": max,
  });
  node.append(box, text, arrows);
  parent.append(node);
  const options = { get, set: change, min, max, step };
  byKeys(node, options);
  byPointer(node, {
    start: (event) => ({ at: event.clientX, value: get() }),
    move: (event, { at, value }) => {
      const moved = Math.round((event.clientX - at) / 3) * step;
      change(clamp(Math.round((value + moved) / step) * step, min, max));
    },
  });
  return () => {
    text.textContent = format(get());
    set(node, {
      "aria-valuenow": Number(get().toPrecision(6)),
      "aria-valuetext": `${label} ${format(get())}`,
    });
  };
}

// A handle in a plot. `axis` is "x" or "y": the one along which it moves; `place` gives both.
export function handle(
  plot,
  { axis, label, min, max, step, get, set: change, place, format, shape = "circle" },
) {
  const node = svg("g", {
    class: `handle along-${axis}`,
    tabindex: 0,
    role: "slider",
    "aria-label": label,
    "aria-orientation": axis === "x" ? "horizontal" : "vertical",
    "aria-valuemin": min,
    "aria-valuemax": max,
  });
  node.append(
    svg("circle", { class: "reach", r: 22 }),
    svg(
      shape === "circle" ? "circle" : "rect",
      shape === "circle" ? { r: 9 } : { x: -8, y: -8, width: 16, height: 16, rx: 3 },
    ),
  );
  plot.handles.append(node);
  byKeys(node, { get, set: change, min, max, step });
  byPointer(node, {
    start: (event) => get() - plot.pointAt(event)[axis === "x" ? 0 : 1],
    move: (event, offset) => {
      const value = plot.pointAt(event)[axis === "x" ? 0 : 1] + (offset === true ? 0 : offset);
      change(clamp(Math.round(value / step) * step, min, max));
    },
  });
  const show = () => {
    const [x, y] = place();
    set(node, {
      transform: `translate(${plot.toX(x)} ${plot.toY(y)}) scale(${plot.scale})`,
      "aria-valuenow": Number(get().toPrecision(6)),
      "aria-valuetext": format(get()),
    });
  };
  plot.shown.push(show);
  return { node, show };
}
