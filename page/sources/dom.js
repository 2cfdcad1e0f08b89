// Elements of the page and of pictures, and the state that the address holds.

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export const el = (name, attributes = {}, ...children) =>
  filled(document.createElement(name), attributes, children);

export const svg = (name, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

export const figureOf = (name) => document.querySelector(`[data-figure="${name}"]`);

export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
  }
}

export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// A sentence under a picture that says what it shows now, read aloud when it has come to rest.
export function reading(parent) {
  const seen = parent.appendChild(el("p", { class: "reading" }));
  const heard = parent.appendChild(el("p", { class: "heard", "aria-live": "polite" }));
  let waiting;
  return (text) => {
    say(seen, text);
    clearTimeout(waiting);
    if (heard.textContent) waiting = setTimeout(() => say(heard, text), 700);
    else heard.textContent = " ";
  };
}

// The state: `#section&name=value&...`; only what differs from its first value is written.
const first = {};
const now = {};
let writing;

const parts = () => decodeURI(location.hash.slice(1)).split("&").filter(Boolean);
const section = () => parts().find((part) => !part.includes("=")) ?? "";

export function state(name, value) {
  first[name] = value;
  const found = parts().find((part) => part.startsWith(`${name}=`));
  const text = found?.slice(name.length + 1);
  const number = typeof value === "number";
  now[name] =
    text === undefined || (number && !Number.isFinite(Number(text)))
      ? value
      : number
        ? Number(text)
        : text;
  return now[name];
}

export function remember(name, value) {
  now[name] = value;
  clearTimeout(writing);
  writing = setTimeout(write, 150);
}

export function write() {
  const changed = Object.keys(now).filter((name) => now[name] !== first[name]);
  const texts = changed.map(
    (name) => `${name}=${String(now[name]).replace(/[%&#]/g, encodeURIComponent)}`,
  );
  const hash = [section(), ...texts].filter(Boolean).join("&");
  history.replaceState(
    null,
    "",
    hash ? `#${encodeURI(hash).replace(/%25/g, "%")}` : location.pathname,
  );
}

export function followAddress() {
  const goTo = () => section() && document.getElementById(section())?.scrollIntoView();
  addEventListener("hashchange", () => {
    if (parts().some((part) => part.includes("="))) location.reload();
    else write();
  });
  if (section()) goTo();
}
