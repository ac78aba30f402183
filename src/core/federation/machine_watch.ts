/**
 * Notices that the machine slept, or that its network is another one, whenever somebody looks
 * (F-5). Looking is cheap; nothing runs by itself.
 */

import { networkInterfaces } from "node:os";
import type { Clock } from "../clock.ts";
import { CLOCK_JUMP_MS } from "../limits.ts";

export class MachineWatch {
  #clockOffsetMs: number;
  #network: string;

  /** `network`: a text that differs when the network does; see `networkAddresses`. */
  constructor(
    private readonly clock: Clock,
    private readonly network: () => string,
  ) {
    this.#clockOffsetMs = this.#offsetMs();
    this.#network = network();
  }

  /** True once after the wall clock moved against the monotonic one by more than CLOCK_JUMP_MS. */
  clockJumped(): boolean {
    const before = this.#clockOffsetMs;
    this.#clockOffsetMs = this.#offsetMs();
    return Math.abs(this.#clockOffsetMs - before) > CLOCK_JUMP_MS;
  }

  /** True when a timer due at `dueMs` (monotonic) that runs now was kept from running for long. */
  isLate(dueMs: number): boolean {
    return this.clock.monotonicMs() - dueMs > CLOCK_JUMP_MS;
  }

  /** True once after the network changed. */
  networkChanged(): boolean {
    const before = this.#network;
    this.#network = this.network();
    return this.#network !== before;
  }

  #offsetMs(): number {
    return this.clock.wallMs() - this.clock.monotonicMs();
  }
}

/** The machine's addresses on its networks, without loopback and what every link gives itself. */
export function networkAddresses(): string {
  const addresses: string[] = [];
  for (const [name, each] of Object.entries(networkInterfaces())) {
    for (const { address, internal } of each ?? []) {
      if (internal || /^(fe[89ab].:|169\.254\.)/i.test(address)) continue;
      addresses.push(`${name} ${address}`);
    }
  }
  return addresses.sort().join("\n");
}
