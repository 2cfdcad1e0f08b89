// Taking a network away, as JSON or Python, and bringing one in.
import { button } from "./controls.js";
import { el, say } from "./dom.js";
import { asJson, asPython, fromJson } from "./exchange.js";

export function exchangeBox(parent, { name, network, take }) {
  const box = el("details", { class: "exchange" }, el("summary", {}, "Take the network to Python"));
  const id = `code-${document.querySelectorAll("textarea").length}`;
  const text = el("textarea", { id, readonly: "", rows: 8, spellcheck: "false", wrap: "off" });
  const note = el("p", { role: "status", class: "status" });
  const bar = el("div", { class: "controls" });
  let form = asPython;
  const show = (next) => {
    form = next;
    renew();
  };
  const renew = () => {
    if (box.open) text.value = form(network());
  };
  button(bar, "Show Python", () => show(asPython));
  button(bar, "Show JSON", () => show(asJson));
  button(bar, "Copy", copy);
  button(bar, "Save as JSON", save);
  box.append(
    bar,
    el(
      "label",
      { for: id },
      'The network, every number exact; load the JSON by al.MLP.load("network.json")',
    ),
    text,
  );
  if (take) box.append(opener());
  box.append(note);
  box.addEventListener("toggle", renew);
  parent.append(box);

  async function copy() {
    try {
      await navigator.clipboard.writeText(text.value);
      say(note, "Copied.");
    } catch {
      text.select();
      say(note, "The text is selected: copy it by Ctrl+C.");
    }
  }
  function save() {
    const address = URL.createObjectURL(
      new Blob([asJson(network())], { type: "application/json" }),
    );
    el("a", { href: address, download: `${name}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
    say(note, `Saved as ${name}.json.`);
  }
  function opener() {
    const input = el("input", { type: "file", accept: ".json,application/json", id: `${id}-file` });
    input.addEventListener("change", async () => {
      if (!input.files.length) return;
      try {
        take(fromJson(await input.files[0].text()));
        say(note, `${input.files[0].name} is shown.`);
      } catch (error) {
        say(note, error.message);
      }
      input.value = "";
    });
    return el(
      "div",
      { class: "field" },
      el("label", { for: `${id}-file` }, 'Open a network that net.save("net.json") wrote'),
      input,
    );
  }
  return { renew };
}
