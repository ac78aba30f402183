/**
 * Everything that decides whether MusicFS works: what `npm run check` does, then the compiled binary against real
 * servers and real mounts. Tests that the machine cannot run are skipped and named, with what is missing.
 */
import { commandStage, SOURCE_CHECKS } from "./gate/checks.ts";
import { runGate } from "./gate/gate.ts";
import { machineSuite, suiteStage, unitSuite } from "./gate/suite.ts";

process.chdir(`${import.meta.dir}/..`);
process.exit(
  await runGate([
    ...SOURCE_CHECKS,
    suiteStage(unitSuite()),
    commandStage("build", [process.execPath, "scripts/build.ts"]),
    suiteStage(machineSuite("integration", 600_000)),
    suiteStage(machineSuite("e2e", 840_000)),
  ]),
);
