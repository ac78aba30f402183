/**
 * Servers a long way off: SFTP and S3 through a proxy that adds 50 ms to each round trip, everybody
 * with the cache on disk that he has. What a player notices, and what a media server's looks at headers and tails cost.
 */

import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TcpProxy } from "../test/support/proxy.ts";
import { PeerMount } from "./mounted.ts";
import { OURS, type Peer, present } from "./peers.ts";
import { runProgram } from "./program.ts";
import { type Keeping, s3Peers, sftpPeers, sftpThrough } from "./remote_peers.ts";
import type { Figure } from "./report.ts";
import { LOOKED_AT_BYTES, type Scale } from "./scale.ts";
import type { Servers } from "./servers.ts";
import { dropCaches, quantile, time } from "./workload.ts";

export const FIRST_BYTE = "first byte";
export const SEEK = "seek";
export const FAR_SEQUENTIAL = "sequential";
export const KEPT = "again, from its cache";
/** Only the mount's own pages are gone: what the file system costs, whatever its cache's disk does. */
export const KEPT_IN_MEMORY = "again, its cache in memory";
export const LOOKS = "bytes fetched by looks";
/** MusicFS without its cache, read past the kernel's readahead, too: 128 KiB at a time. */
export const WITHOUT_READAHEAD = `${OURS} without readahead`;

/** One way: 50 ms there and back. */
const DELAY_MS = 25;
const FIRST_BYTES = 20;
const DIRECT_READS = 8;
const HEAD_BYTES = 64 * 1024;
const TAIL_BYTES = 128 * 1024;

export interface FarFigures {
  readonly sftp: readonly Figure[];
  readonly s3: readonly Figure[];
}

export async function benchFar(scale: Scale, servers: Servers, root: string): Promise<FarFigures> {
  const { sshd, s3 } = servers;
  const lookedAt = join(sshd.dataDir, "looked-at");
  makeLookedAtFiles(lookedAt, scale.lookedAtFiles);
  await using sftpProxy = new TcpProxy({ port: sshd.port });
  await using s3Proxy = new TcpProxy({ port: Number(new URL(s3.endpoint).port) });
  for (const proxy of [sftpProxy, s3Proxy]) proxy.delayMs = DELAY_MS;
  const places = { sftp: directory(root, "far-sftp"), s3: directory(root, "far-s3") };
  const sshdThere = sftpThrough(sshd, sftpProxy.port, places.sftp);
  const endpoint = s3.endpoint.replace(/:\d+/, `:${s3Proxy.port}`);
  const s3There = { endpoint, region: s3.region, owner: s3.owner };
  const overSftp = await measure(places.sftp, scale, (place, keeping) =>
    sftpPeers(sshdThere, place, keeping),
  );
  const looks = await benchLooks(places.sftp, scale, sftpProxy, (place) =>
    sftpPeers(sshdThere, place, "kept"),
  );
  const overS3 = await measure(places.s3, scale, (place, keeping) =>
    s3Peers(s3There, place, keeping),
  );
  rmSync(lookedAt, { recursive: true });
  return { sftp: [...overSftp, ...looks], s3: overS3 };
}

type PeersAt = (place: string, keeping: Keeping) => readonly Peer[];

async function measure(root: string, scale: Scale, peersAt: PeersAt): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const kept = present(peersAt(directory(root, "kept"), "kept"));
  const ours = present(peersAt(directory(root, "plain"), "not kept")).filter(isOurs);
  const plain = ours.map((peer) => ({ ...peer, name: WITHOUT_READAHEAD }));
  for (const peer of [...kept, ...plain]) {
    const add = (workload: string, unit: Figure["unit"], value: number) =>
      figures.push({ workload, unit, peer: peer.name, value });
    await withMount(peer, root, async (mountPoint) => {
      const small = join(mountPoint, "small");
      add(FIRST_BYTE, "ms", await median("first_byte_reader.ts", small, String(FIRST_BYTES)));
      const large = join(mountPoint, "large");
      add(SEEK, "ms", await median("latency_reader.ts", large, String(scale.seekSeconds), "5"));
    });
    await withMount(peer, root, async (mountPoint) => {
      const speed = async (bytes: number, options: string) => {
        const script = `dd if="$1/large" of=/dev/null ${options} status=none`;
        return bytes / 1e6 / (await time(script, mountPoint));
      };
      if (peer.name === WITHOUT_READAHEAD) {
        const direct = `bs=128K count=${DIRECT_READS} iflag=direct`;
        add(FAR_SEQUENTIAL, "MB/s", await speed(DIRECT_READS * 128 * 1024, direct));
        return;
      }
      const buffered = `bs=1M count=${scale.farFileBytes / 2 ** 20}`;
      add(FAR_SEQUENTIAL, "MB/s", await speed(scale.farFileBytes, buffered));
      await Bun.sleep(scale.settleSeconds * 1000);
      await dropCaches();
      add(KEPT, "MB/s", await speed(scale.farFileBytes, buffered));
      await forgetPages(join(mountPoint, "large"));
      add(KEPT_IN_MEMORY, "MB/s", await speed(scale.farFileBytes, buffered));
    });
  }
  return figures;
}

/** Drops a file's pages from the kernel's memory, and no others: those of the cache's own file stay. */
async function forgetPages(file: string): Promise<void> {
  await runProgram(["dd", `if=${file}`, "iflag=nocache", "count=0", "status=none"]);
}

/** Bytes that came from the server for looks at headers and tails, as a multiple of those that were read. */
async function benchLooks(
  root: string,
  scale: Scale,
  proxy: TcpProxy,
  peersAt: (place: string) => readonly Peer[],
): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const script = `find "$1/looked-at" -type f | while read -r file; do
    head -c ${HEAD_BYTES} "$file"; tail -c ${TAIL_BYTES} "$file"; done >/dev/null`;
  for (const peer of present(peersAt(directory(root, "looks")))) {
    await withMount(peer, root, async (mountPoint) => {
      const before = proxy.bytes.toClient;
      await time(script, mountPoint);
      const fetched = proxy.bytes.toClient - before;
      const value = fetched / (scale.lookedAtFiles * (HEAD_BYTES + TAIL_BYTES));
      figures.push({ workload: LOOKS, unit: "×", peer: peer.name, value });
    });
  }
  return figures;
}

/** Mounts the peer for one measurement, with nothing kept from earlier ones. */
async function withMount(
  peer: Peer,
  root: string,
  use: (mountPoint: string) => Promise<void>,
): Promise<void> {
  const place = directory(root, "mounted");
  try {
    await using mount = await PeerMount.start(peer, place);
    await dropCaches();
    await use(mount.mountPoint);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** Milliseconds. */
async function median(script: string, ...args: readonly string[]): Promise<number> {
  const file = join(import.meta.dir, script);
  const output = await runProgram([process.execPath, file, ...args]);
  return quantile(JSON.parse(output) as number[], 0.5);
}

/** Sparse: only their size and what is read of them matters. */
function makeLookedAtFiles(place: string, count: number): void {
  mkdirSync(place);
  for (let i = 0; i < count; i++) {
    const file = join(place, `${i}.flac`);
    writeFileSync(file, "");
    truncateSync(file, LOOKED_AT_BYTES);
  }
}

const isOurs = ({ name }: Peer): boolean => name === OURS;

function directory(root: string, name: string): string {
  const path = join(root, name);
  mkdirSync(path);
  return path;
}
