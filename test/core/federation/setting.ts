/** A federation of scripted origins on virtual time, put together the way the mount does it. */

import { type BytePath, pathFromText } from "../../../src/core/bytes.ts";
import type { Replica, ReplicaMatch } from "../../../src/core/catalog/catalog.ts";
import type { HealthSettings } from "../../../src/core/config/config.ts";
import { EventBus, type EventType, type MusicFsEvent } from "../../../src/core/events.ts";
import { Federation, type FederationPorts } from "../../../src/core/federation/federation.ts";
import type { FederatedFile, Seam } from "../../../src/core/federation/file.ts";
import type { ReplicaFindings } from "../../../src/core/federation/fingerprint_queue.ts";
import type { OriginId, OriginType } from "../../../src/core/origins/origin.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";
import { ScriptedOrigin } from "./scripted_origin.ts";

export const HEALTH: HealthSettings = {
  checkIntervalSecs: 30,
  timeoutMs: 5000,
  unhealthyThreshold: 3,
  perOriginThresholds: {},
};

export const id = (text: string) => text as OriginId;

/** A bus whose events are kept. */
export class EventLog extends EventBus {
  readonly all: MusicFsEvent[] = [];

  constructor() {
    super();
    this.subscribe((event) => this.all.push(event));
  }

  of<T extends EventType>(type: T): Extract<MusicFsEvent, { readonly type: T }>[] {
    return this.all.filter((event): event is Extract<MusicFsEvent, { readonly type: T }> => {
      return event.type === type;
    });
  }
}

/** `length` bytes that differ by `seed` and by place. */
export function someBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = (seed * 2654435761) >>> 0;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** A seeded source of numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A file of which each named origin holds a replica; the first one's is the file's own version. */
export class TestFile implements FederatedFile {
  readonly path: BytePath = pathFromText("album/track.flac");
  readonly version = 1;
  readonly sizeBytes: number;
  held: Replica[] = [];
  kept: Seam[] = [];
  /** How often the seams were copied. */
  seamsAsked = 0;

  constructor(
    readonly content: Uint8Array<ArrayBuffer>,
    origins: readonly (readonly [ScriptedOrigin, ReplicaMatch])[],
  ) {
    this.sizeBytes = content.byteLength;
    for (const [index, [origin, match]] of origins.entries()) {
      if (origin.content.byteLength === 0) origin.content = content;
      this.held.push({
        origin: origin.id,
        path: pathFromText(`on-${origin.id}/track.flac`),
        entry: 10,
        version: match === "proved" ? 1 : index + 1,
        originVersion: { sizeBytes: content.byteLength, token: `t-${origin.id}` },
        match,
      });
    }
  }

  replicas(): readonly Replica[] {
    return this.held;
  }

  seams(): readonly Seam[] {
    this.seamsAsked++;
    return this.kept;
  }
}

type Scripted<Ids extends readonly string[]> = { [K in keyof Ids]: ScriptedOrigin };

export interface FederateOptions extends Partial<FederationPorts> {
  /** Origin type of all; default memory. */
  readonly type?: OriginType;
  /** By place; default 1, 2, … */
  readonly priorities?: readonly number[];
}

/** What a federation found out about replicas, instead of a catalog. */
export class Findings implements ReplicaFindings {
  readonly fingerprints = new Map<number, string>();
  readonly hashes = new Map<number, string>();
  readonly different: [number, number][] = [];

  async setFingerprint(version: number, fingerprint: string): Promise<void> {
    this.fingerprints.set(version, fingerprint);
  }

  async setSha256(version: number, sha256: string): Promise<void> {
    this.hashes.set(version, sha256);
  }

  async setDifferent(version: number, other: number): Promise<void> {
    this.different.push([version, other]);
  }
}

/** Origins of these ids, checked once and healthy. */
export async function federate<const Ids extends readonly string[]>(
  ids: Ids,
  options: FederateOptions = {},
) {
  const clock = new VirtualClock();
  const events = new EventLog();
  const findings = new Findings();
  const errors: unknown[] = [];
  const { type, priorities, ...ports } = options;
  const federation = new Federation({
    clock,
    events,
    health: HEALTH,
    read: { readDeadlineMs: 30_000, hedge: true, failover: "probable" },
    findings,
    network: () => "",
    onError: (error) => errors.push(error),
    ...ports,
  });
  const origins = ids.map((each) => new ScriptedOrigin(each, clock, type)) as Scripted<Ids>;
  for (const [place, origin] of origins.entries()) {
    federation.add(origin, { priority: priorities?.[place] ?? place + 1 });
  }
  await settle();
  return { clock, events, findings, errors, federation, origins };
}

/** A file of 1000 bytes that all of them are proved to hold. */
export const provedOn = (...origins: ScriptedOrigin[]) =>
  new TestFile(
    someBytes(1000),
    origins.map((origin) => [origin, "proved"] as const),
  );

/** How long the read took, and what became of it. */
export async function timed<T>(clock: VirtualClock, reading: Promise<T>) {
  const startMs = clock.monotonicMs();
  const settled = await clock.run(Promise.allSettled([reading]));
  return { ...settled[0], tookMs: clock.monotonicMs() - startMs };
}
