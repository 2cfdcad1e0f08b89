// The ways to choose the units of section 3: what they are called, and what builds the network.
import { greedyNetwork } from "./greedy.js";
import { solvedNetwork } from "./solving.js";
import { staircaseNetwork } from "./staircase.js";

export const HEIGHTS = {
  theorem: { label: "from the theorem", said: "from the theorem", build: staircaseNetwork },
  solved: { label: "hint: solved by least squares", said: "solved for", build: solvedNetwork },
  greedy: {
    label: "hint: placed greedily",
    said: "solved for, places chosen one by one",
    build: greedyNetwork,
  },
  hand: { label: "by hand", said: "by hand" },
};
