/** The kernel's monotonic clock as other processes read it; the runtime's own begins with the process. */

import { libc } from "./libc.ts";
import { Memory } from "./memory.ts";

const CLOCK_MONOTONIC = 1;
const TIMESPEC_BYTES = 16;
const MICROS_PER_SECOND = 1_000_000n;
const NANOS_PER_MICRO = 1000n;

/** Microseconds of CLOCK_MONOTONIC. */
export function monotonicMicros(): bigint {
  const time = new Memory(TIMESPEC_BYTES);
  libc().clockGettime(CLOCK_MONOTONIC, time.address);
  const [seconds, nanos] = [time.view.getBigInt64(0, true), time.view.getBigInt64(8, true)];
  return seconds * MICROS_PER_SECOND + nanos / NANOS_PER_MICRO;
}
