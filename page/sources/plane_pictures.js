// Pictures of functions of two variables: shades on a canvas behind the axes of a plot.
import { el } from "./dom.js";
import { clamp } from "./numbers.js";

// From dark to light, so that it reads the same in greyscale.
const LOW = [12, 44, 84];
const HIGH = [247, 250, 245];

export class PlanePicture {
  constructor(plot, columns = 128) {
    this.plot = plot;
    this.columns = columns;
    this.canvas = el("canvas", {
      class: "plane",
      "aria-hidden": "true",
      width: columns,
      height: columns,
    });
    plot.box.prepend(this.canvas);
    plot.box.classList.add("with-plane");
    plot.shown.push(() => this.place());
  }

  place() {
    const { left, top, width, height } = this.plot.inside();
    Object.assign(this.canvas.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${width}px`,
      height: `${height}px`,
    });
  }

  // `shade` maps a value to 0 (dark) … 1 (light).
  draw(valueAt, shade) {
    const { columns } = this;
    const [x, y] = [this.plot.x, this.plot.y];
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(columns, columns);
    for (let j = 0; j < columns; j++) {
      const down = y[1] - ((j + 0.5) / columns) * (y[1] - y[0]);
      for (let i = 0; i < columns; i++) {
        const across = x[0] + ((i + 0.5) / columns) * (x[1] - x[0]);
        const part = clamp(shade(valueAt(across, down)), 0, 1);
        const at = 4 * (j * columns + i);
        for (let c = 0; c < 3; c++) image.data[at + c] = LOW[c] + part * (HIGH[c] - LOW[c]);
        image.data[at + 3] = Number.isFinite(part) ? 255 : 0;
      }
    }
    context.putImageData(image, 0, 0);
  }
}
