/** The fast loop: format, lint, types, structure and unit tests. Needs no root, no FUSE and no server. */
import { SOURCE_CHECKS } from "./gate/checks.ts";
import { runGate } from "./gate/gate.ts";
import { suiteStage, unitSuite } from "./gate/suite.ts";

process.chdir(`${import.meta.dir}/..`);
process.exit(await runGate([...SOURCE_CHECKS, suiteStage(unitSuite())]));
