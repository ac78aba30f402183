/** The replicas that one read may be served from, and how far each has been tried. */

import type { Replica } from "../catalog/catalog.ts";
import type { Origin } from "../origins/origin.ts";
import type { FederatedFile, Seam } from "./file.ts";
import type { HealthMonitor } from "./health.ts";
import type { ReadTry } from "./read_try.ts";
import type { OriginRegistry } from "./registry.ts";
import type { ReplicaJudge, Standing } from "./replicas.ts";
import type { Router } from "./router.ts";

export interface Candidate {
  readonly origin: Origin;
  readonly replica: Replica;
  readonly standing: Exclude<Standing, "unusable">;
  /** It was unhealthy when the read began: it gets one trial, after all others (F-4). */
  readonly wasUnhealthy: boolean;
  /** The round in which it was last tried; -1 before. */
  lastRound: number;
  /** The try that is under way. */
  pending: ReadTry | undefined;
  /** Nothing more is to be had from it in this read. */
  dropped: boolean;
}

const STANDING_RANK = { proved: 0, probable: 1, unverified: 2 } as const;

export class Candidates {
  readonly #all: Candidate[] = [];
  /** Replicas that a seam check would have to admit; looked at when they are needed. */
  #unverified: Replica[] = [];
  #seams: readonly Seam[] = [];

  constructor(
    private readonly file: FederatedFile,
    private readonly registry: OriginRegistry,
    private readonly router: Router,
    private readonly health: HealthMonitor,
    judge: ReplicaJudge,
  ) {
    for (const replica of file.replicas()) {
      const standing = judge.standing(file, replica);
      if (standing === "unverified") this.#unverified.push(replica);
      else if (standing !== "unusable") this.#add(replica, standing);
    }
  }

  /** What candidates for a seam check are compared with. */
  get seams(): readonly Seam[] {
    return this.#seams;
  }

  /** True when a replica other than `candidate` might be of use, seam checks not yet counted. */
  mayHaveOthers(): boolean {
    return this.#all.length + this.#unverified.length > 1;
  }

  /** Lets unverified replicas in if the file has seams to check them by; true if any came. */
  admitUnverified(): boolean {
    if (this.#unverified.length === 0) return false;
    const before = this.#all.length;
    this.#seams = this.file.seams();
    if (this.#seams.length > 0) {
      for (const replica of this.#unverified) this.#add(replica, "unverified");
    }
    this.#unverified = [];
    return this.#all.length > before;
  }

  /** The candidate that would serve if all origins were well; undefined without candidates. */
  preferred(): Candidate | undefined {
    return this.#all
      .filter(({ standing }) => standing !== "unverified")
      .sort((a, b) => this.#compareTuple(a, b))[0];
  }

  /** The next to be tried in this round: routing order, nobody twice, no unhealthy ones. */
  nextInRound(round: number): Candidate | undefined {
    return this.#live()
      .filter((candidate) => candidate.lastRound < round && !this.isOnTrial(candidate))
      .sort((a, b) => this.#compare(a, b))[0];
  }

  /** True when another round would have somebody to try. */
  hasMoreToTry(): boolean {
    return this.#live().some((candidate) => !this.isOnTrial(candidate));
  }

  /** Unhealthy candidates that had no trial yet, least bad first. */
  untriedUnhealthy(): Candidate[] {
    return this.#live()
      .filter((candidate) => this.isOnTrial(candidate) && candidate.lastRound < 0)
      .sort((a, b) => this.#compare(a, b));
  }

  /** Others that could be tried while `candidate` does not answer; `roundsLeft`: after this one. */
  others(candidate: Candidate, round: number, roundsLeft: boolean): Candidate[] {
    return this.#live().filter((other) => {
      if (other === candidate) return false;
      if (this.isOnTrial(other)) return other.lastRound < 0;
      return roundsLeft || other.lastRound < round;
    });
  }

  isOnTrial(candidate: Candidate): boolean {
    return candidate.wasUnhealthy && this.health.status(candidate.origin.id) === "unhealthy";
  }

  /** True when an origin could not be asked in earnest for its bad health. */
  someUnhealthy(): boolean {
    return this.#all.some((candidate) => this.isOnTrial(candidate));
  }

  pending(): Candidate[] {
    return this.#all.filter(({ pending }) => pending !== undefined);
  }

  #live(): Candidate[] {
    return this.#all.filter(
      ({ dropped, pending, origin }) => !dropped && !pending && this.registry.isActive(origin),
    );
  }

  #add(replica: Replica, standing: Candidate["standing"]): void {
    const origin = this.registry.get(replica.origin);
    if (!origin || !this.registry.isActive(origin)) return;
    const wasUnhealthy = this.health.status(origin.id) === "unhealthy";
    const state = { lastRound: -1, pending: undefined, dropped: false };
    this.#all.push({ origin, replica, standing, wasUnhealthy, ...state });
  }

  /** By class of health; replicas still to be checked last in it; then as `#compareTuple`. */
  #compare(a: Candidate, b: Candidate): number {
    return (
      this.router.compareClass(a.origin.id, b.origin.id, this.health) ||
      Number(a.standing === "unverified") - Number(b.standing === "unverified") ||
      this.#compareTuple(a, b)
    );
  }

  /** (priority, latency p50), but no latency makes a probable replica go before a proved one. */
  #compareTuple(a: Candidate, b: Candidate): number {
    const [left, right] = [a.origin.id, b.origin.id];
    return (
      this.router.getPriority(left) - this.router.getPriority(right) ||
      STANDING_RANK[a.standing] - STANDING_RANK[b.standing] ||
      this.router.compareTuple(left, right)
    );
  }
}
