/**
 * Everything that decides whether MusicFS works: what `npm run check` does, the unit tests that take longer, then the
 * compiled binary against real servers and real mounts. Tests that the machine cannot run are skipped and named, with what is missing.
 */
import { commandStage, SOURCE_CHECKS } from "./gate/checks.ts";
import { runGate } from "./gate/gate.ts";
import {
  longSuite,
  machineSuite,
  programSuite,
  suiteStage,
  unitSuite,
  waitingSuite,
} from "./gate/suite.ts";

process.chdir(`${import.meta.dir}/..`);
process.exit(
  await runGate([
    ...SOURCE_CHECKS,
    suiteStage(unitSuite()),
    suiteStage(longSuite()),
    commandStage("build", [process.execPath, "scripts/build.ts"]),
    suiteStage(programSuite()),
    suiteStage(machineSuite("integration", 900_000)),
    suiteStage(machineSuite("e2e", 1_200_000)),
    suiteStage(waitingSuite(900_000)),
  ]),
);
