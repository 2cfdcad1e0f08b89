// The page: all of its sections, and what tests ask it for.
import { buildAnyFunction } from "./any_function.js";
import { buildBump, buildOneUnit, bumpAt } from "./one_unit.js";
import { followAddress } from "./dom.js";
import {
  claimedError,
  bestSteps,
  sampledError,
  staircaseNetwork,
  sumAt,
  polygonAt,
} from "./staircase.js";
import { solvedNetwork } from "./solving.js";
import { greedyNetwork } from "./greedy.js";
import { stepsOf, valueAndGradient } from "./chain.js";
import { asJson, asPython, fromJson } from "./exchange.js";
import {
  descent,
  folds,
  jacobianCosts,
  networkAt,
  tentNetwork,
  towersNetwork,
  vertexValue,
} from "./mathematics.js";
import { rise, sigmoid } from "./numbers.js";
import { buildChainRule } from "./chain_rule.js";
import { buildDepth } from "./depth.js";
import { buildDownhill } from "./downhill.js";
import { buildModes } from "./modes.js";
import { buildTowers, fastTowers } from "./towers.js";
import { buildTheme } from "./theme.js";

buildTheme();
buildOneUnit();
buildBump();
buildAnyFunction();
buildTowers();
buildDepth();
buildChainRule();
buildModes();
buildDownhill();
followAddress();

// The numbers of the page, for comparison with the library.
window.page = {
  fastTowers,
  rise,
  sigmoid,
  bumpAt,
  staircaseNetwork,
  sumAt,
  polygonAt,
  claimedError,
  bestSteps,
  sampledError,
  solvedNetwork,
  greedyNetwork,
  stepsOf,
  valueAndGradient,
  asJson,
  asPython,
  fromJson,
  networkAt,
  descent,
  folds,
  jacobianCosts,
  tentNetwork,
  towersNetwork,
  vertexValue,
};
