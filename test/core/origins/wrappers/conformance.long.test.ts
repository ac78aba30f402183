import { inlineLocal, memory, WRAPPERS, wrapped } from "../../../suites/harnesses.ts";
import { originConformance } from "../../../suites/origin.ts";

for (const [wrapper, wrap] of Object.entries(WRAPPERS)) {
  originConformance(`memory behind ${wrapper}`, wrapped(memory, wrap));
  originConformance(`a local directory behind ${wrapper}`, wrapped(inlineLocal, wrap));
}
