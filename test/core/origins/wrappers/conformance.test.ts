import { systemClock } from "../../../../src/core/clock.ts";
import type { Origin } from "../../../../src/core/origins/origin.ts";
import { withBandwidth } from "../../../../src/core/origins/wrappers/bandwidth.ts";
import { withClosing } from "../../../../src/core/origins/wrappers/closing.ts";
import { FaultPlan, withFaults } from "../../../../src/core/origins/wrappers/faults.ts";
import { withLimit } from "../../../../src/core/origins/wrappers/limit.ts";
import { OriginMetrics, withMetrics } from "../../../../src/core/origins/wrappers/metrics.ts";
import { withTimeout } from "../../../../src/core/origins/wrappers/timeout.ts";
import { guardedLocal, inlineLocal, memory, wrapped } from "../../../suites/harnesses.ts";
import { originConformance } from "../../../suites/origin.ts";

const WRAPPERS: Record<string, (inner: Origin) => Origin> = {
  timeout: (inner) => withTimeout(inner, 30_000, systemClock),
  limit: (inner) => withLimit(inner, 2),
  metrics: (inner) => withMetrics(inner, new OriginMetrics(), systemClock),
  closing: (inner) => withClosing(inner),
  bandwidth: (inner) => withBandwidth(inner, 2 ** 36, systemClock),
  "faults (none of them striking)": (inner) => withFaults(inner, new FaultPlan(systemClock)),
};

for (const [wrapper, wrap] of Object.entries(WRAPPERS)) {
  originConformance(`memory behind ${wrapper}`, wrapped(memory, wrap));
  originConformance(`a local directory behind ${wrapper}`, wrapped(inlineLocal, wrap));
}

const all = (inner: Origin) =>
  Object.values(WRAPPERS).reduce((origin, wrap) => wrap(origin), inner);
originConformance("a guarded directory behind all wrappers", wrapped(guardedLocal, all));
