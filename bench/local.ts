/** The same local tree mounted by MusicFS and by its peers. */

import { join } from "node:path";
import { localPeers } from "./local_peers.ts";
import { PeerMount } from "./mounted.ts";
import { type Peer, present } from "./peers.ts";
import type { Figure } from "./report.ts";
import type { Scale } from "./scale.ts";
import { makeLargeFile, makeSmallFiles } from "./tree.ts";
import { type Measured, runRounds, time, type Workload } from "./workload.ts";

/** The directory itself, without a file system above it. */
export const BARE = "bare directory";

/** Workloads of which something is expected. */
export const FIND_COLD = "find, cold";
export const SEQUENTIAL_COLD = "sequential, cold";
export const SMALL_FILES = "small files, cold";

const FIND = `find "$1" -printf '%s\\n' >/dev/null`;

export interface LocalFigures extends Measured {
  readonly footprint: readonly Figure[];
}

export async function benchLocal(scale: Scale, root: string): Promise<LocalFigures> {
  const source = join(root, "source");
  for (let i = 0; i < scale.directories; i++) {
    makeSmallFiles(join(source, "d", `album ${i}`), scale.filesPerDirectory);
  }
  await makeLargeFile(join(source, "large"), scale.largeFileBytes);
  const peers = present(localPeers(source));
  const workloads: readonly Workload[] = [
    { name: FIND_COLD, cold: true, script: FIND },
    { name: "find, warm", cold: false, script: FIND },
    {
      name: SEQUENTIAL_COLD,
      cold: true,
      script: `dd if="$1/large" of=/dev/null bs=1M status=none`,
      bytes: scale.largeFileBytes,
    },
    {
      name: "64 KiB random, warm",
      cold: false,
      script: `exec "$BUN" "$RANDOM_READER" "$1/large" ${scale.randomReads}`,
      bytes: scale.randomReads * 65_536,
    },
    {
      name: SMALL_FILES,
      cold: true,
      script: `find "$1/d" -type f -print0 | xargs -0 cat >/dev/null`,
    },
  ];
  const bare = { name: BARE, directory: source };
  const measured = await runRounds({ workloads, peers, bare, rounds: scale.rounds, root });
  return { ...measured, footprint: await footprint(peers, scale.idleSeconds, root) };
}

/** Memory after the whole tree was listed and the large file read, and CPU time with no request. */
async function footprint(
  peers: readonly Peer[],
  idleSeconds: number,
  root: string,
): Promise<readonly Figure[]> {
  await using mounts = new AsyncDisposableStack();
  const mounted: PeerMount[] = [];
  for (const peer of peers) mounted.push(mounts.use(await PeerMount.start(peer, root)));
  for (const { mountPoint } of mounted) {
    await time(`${FIND}; cat "$1/large" >/dev/null`, mountPoint);
  }
  // What was put off until there is time for it is not idling.
  await Bun.sleep((idleSeconds * 1000) / 3);
  const before = mounted.map(({ usage }) => usage.cpuSeconds);
  await Bun.sleep(idleSeconds * 1000);
  return mounted.flatMap(({ peer, usage }, i) => {
    const idle = ((usage.cpuSeconds - (before[i] ?? 0)) / idleSeconds) * 100;
    return [
      { workload: "RSS", unit: "MB", peer: peer.name, value: usage.rssKib / 1024 },
      { workload: "idle CPU", unit: "%", peer: peer.name, value: idle },
    ] as const;
  });
}
