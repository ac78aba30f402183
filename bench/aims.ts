/** What is aimed at, and how far the figures of one run are from it. Mostly ratios: they hold on any machine. */

import { BOUNDARIES, CHUNKING } from "./chunks.ts";
import { FAILURES, type Failure, type Standstill } from "./failover.ts";
import {
  FAR_SEQUENTIAL,
  type FarFigures,
  KEPT,
  KEPT_IN_MEMORY,
  LOOKS,
  WITHOUT_READAHEAD,
} from "./far.ts";
import { BARE, FIND_COLD, type LocalFigures, SEQUENTIAL_COLD, SMALL_FILES } from "./local.ts";
import { PASSTHROUGH } from "./local_peers.ts";
import { OURS } from "./peers.ts";
import { REMOTE_SEQUENTIAL, REMOTE_SMALL_FILES, type RemoteFigures } from "./remote.ts";
import { type Figure, figureOf, rounded, table } from "./report.ts";
import { FIND, RESCAN } from "./scan.ts";
import type { Latency } from "./sick.ts";
import { SMALL_LIBRARY, START } from "./start.ts";
import { quantile } from "./workload.ts";

export interface Aim {
  readonly name: string;
  readonly measured: number;
  readonly bound: number;
  readonly kind: "at most" | "at least" | "below";
}

export function localAims({ wall, footprint }: LocalFigures): readonly Aim[] {
  const ratio = (workload: string, peer: string, ours = OURS) =>
    (figureOf(wall, ours, workload) ?? Number.NaN) / (figureOf(wall, peer, workload) ?? Number.NaN);
  return [
    {
      name: "cold find: share of mergerfs's time",
      measured: ratio(FIND_COLD, "mergerfs"),
      bound: 0.5,
      kind: "at most",
    },
    {
      name: "small files: share of bindfs's time",
      measured: ratio(SMALL_FILES, "bindfs"),
      bound: 1.25,
      kind: "at most",
    },
    {
      name: "cold sequential: share of the best peer's speed",
      measured: share(wall, SEQUENTIAL_COLD, "fastest", [BARE, PASSTHROUGH]),
      bound: 1,
      kind: "at least",
    },
    {
      name: "cold sequential, passed through: share of the bare file's speed",
      measured: ratio(SEQUENTIAL_COLD, BARE, PASSTHROUGH),
      bound: 0.9,
      kind: "at least",
    },
    {
      name: "resident memory, MB",
      measured: figureOf(footprint, OURS, "RSS") ?? Number.NaN,
      bound: 100,
      kind: "below",
    },
    {
      name: "CPU when idle, %",
      measured: figureOf(footprint, OURS, "idle CPU") ?? Number.NaN,
      bound: 0.1,
      kind: "below",
    },
  ];
}

export function scanAims(figures: readonly Figure[]): readonly Aim[] {
  const of = (peer: string, workload: string) => figureOf(figures, peer, workload) ?? Number.NaN;
  return [
    {
      name: "scan without a change: times find's",
      measured: of(OURS, RESCAN) / of(FIND, RESCAN),
      bound: 3,
      kind: "at most",
    },
    { name: "resident memory of a scan, MB", measured: of(OURS, "RSS"), bound: 200, kind: "below" },
  ];
}

export function startAims(figures: readonly Figure[]): readonly Aim[] {
  const startMs = (peer: string) => figureOf(figures, peer, START) ?? Number.NaN;
  return [
    { name: "mount --daemon, ms", measured: startMs(OURS), bound: 100, kind: "below" },
    {
      name: "mount --daemon: multiple of the time with 1000 files",
      measured: startMs(OURS) / startMs(SMALL_LIBRARY),
      bound: 1.2,
      kind: "at most",
    },
  ];
}

export function remoteAims({ sftp, s3 }: RemoteFigures): readonly Aim[] {
  return [
    ...["SFTP", "S3"].flatMap((protocol) => {
      const { wall } = protocol === "SFTP" ? sftp : s3;
      return [
        {
          name: `${protocol}, sequential: share of the best peer's speed`,
          measured: share(wall, REMOTE_SEQUENTIAL, "fastest"),
          bound: 1,
          kind: "at least",
        },
        {
          name: `${protocol}, small files: share of the best peer's time`,
          measured: share(wall, REMOTE_SMALL_FILES, "shortest"),
          bound: 1,
          kind: "at most",
        },
      ] as const;
    }),
  ];
}

export function farAims(figures: FarFigures): readonly Aim[] {
  const protocols = [
    ["SFTP", figures.sftp],
    ["S3", figures.s3],
  ] as const;
  return [
    ...protocols.flatMap(([protocol, far]) => {
      const ratio = (workload: string, peer: string) =>
        (figureOf(far, OURS, workload) ?? Number.NaN) /
        (figureOf(far, peer, workload) ?? Number.NaN);
      return [
        {
          name: `${protocol}, far: sequential, multiple of the best peer's speed`,
          measured: share(far, FAR_SEQUENTIAL, "fastest", [WITHOUT_READAHEAD]),
          bound: 1.5,
          kind: "at least",
        },
        {
          name: `${protocol}, far: sequential, multiple of the speed without readahead`,
          measured: ratio(FAR_SEQUENTIAL, WITHOUT_READAHEAD),
          bound: 5,
          kind: "at least",
        },
        {
          name: `${protocol}, far: from the cache, multiple of rclone's speed`,
          measured: ratio(KEPT, "rclone"),
          bound: 5,
          kind: "at least",
        },
        {
          name: `${protocol}, far: from the cache in memory, multiple of rclone's speed`,
          measured: ratio(KEPT_IN_MEMORY, "rclone"),
          bound: 5,
          kind: "at least",
        },
      ] as const;
    }),
    {
      name: "SFTP, far: bytes fetched by looks, multiple of what is read",
      measured: figureOf(figures.sftp, OURS, LOOKS) ?? Number.NaN,
      bound: 1.3,
      kind: "at most",
    },
  ];
}

export function chunkAims(figures: readonly Figure[]): readonly Aim[] {
  const speed = (peer: string) => figureOf(figures, peer, CHUNKING) ?? Number.NaN;
  return [
    {
      name: "boundaries of chunks, MB for each second of CPU time",
      measured: speed(BOUNDARIES),
      bound: 1000,
      kind: "at least",
    },
    {
      name: "chunks and their hashes, MB for each second of CPU time",
      measured: speed(OURS),
      bound: 500,
      kind: "at least",
    },
  ];
}

export function failoverAims(found: readonly Standstill[]): readonly Aim[] {
  const bounds: Readonly<Record<Failure, number>> = { breaks: 100, hangs: 1200 };
  return FAILURES.map((failure) => {
    const medians = found.filter((f) => f.failure === failure).map(({ ms }) => quantile(ms, 0.5));
    return {
      name: `longest standstill when an origin ${failure}, ms`,
      measured: Math.max(...medians),
      bound: bounds[failure],
      kind: "below",
    } as const;
  });
}

export function sickAims(latencies: readonly Latency[]): readonly Aim[] {
  return latencies
    .filter(({ while: state }) => state !== "healthy")
    .map(({ readsOf, while: state, p99 }) => {
      const healthy = latencies.find((l) => l.readsOf === readsOf && l.while === "healthy");
      return {
        name: `p99 of ${readsOf} reads with an SFTP origin ${state}: multiple of before`,
        measured: p99 / (healthy?.p99 ?? Number.NaN),
        bound: 2,
        kind: "at most",
      } as const;
    });
}

export function isMet({ measured, bound, kind }: Aim): boolean {
  if (kind === "at most") return measured <= bound;
  return kind === "below" ? measured < bound : measured >= bound;
}

export function aimTable(aims: readonly Aim[]): string {
  return table(
    ["aim", "measured", "wanted", ""],
    aims.map((aim) => [
      aim.name,
      rounded(aim.measured),
      `${aim.kind} ${aim.bound}`,
      isMet(aim) ? "met" : "missed",
    ]),
  );
}

/** Our value as a multiple of the best other one; NaN without any. */
function share(
  figures: readonly Figure[],
  workload: string,
  best: "fastest" | "shortest",
  without: readonly string[] = [],
): number {
  const others = figures
    .filter((f) => f.workload === workload && f.peer !== OURS && !without.includes(f.peer))
    .map(({ value }) => value);
  const ours = figureOf(figures, OURS, workload) ?? Number.NaN;
  if (others.length === 0) return Number.NaN;
  return ours / (best === "fastest" ? Math.max(...others) : Math.min(...others));
}
