/** The same files over SFTP and S3, through MusicFS and through what others mount them with. */

import { join } from "node:path";
import { type Peer, present } from "./peers.ts";
import { s3Peers, sftpPeers } from "./remote_peers.ts";
import type { Scale } from "./scale.ts";
import type { Servers } from "./servers.ts";
import { type Measured, runRounds, type Workload } from "./workload.ts";

export const REMOTE_SEQUENTIAL = "sequential";
export const REMOTE_SMALL_FILES = "small files";

export interface RemoteFigures {
  readonly sftp: Measured;
  readonly s3: Measured;
}

export async function benchRemote(
  scale: Scale,
  servers: Servers,
  root: string,
): Promise<RemoteFigures> {
  const workloads: readonly Workload[] = [
    {
      name: REMOTE_SEQUENTIAL,
      cold: true,
      script: `dd if="$1/large" of=/dev/null bs=1M status=none`,
      bytes: scale.remoteLargeFileBytes,
    },
    {
      name: REMOTE_SMALL_FILES,
      cold: true,
      script: `find "$1/small" -type f -print0 | xargs -0 cat >/dev/null`,
    },
  ];
  const measure = (name: string, peers: readonly Peer[]) =>
    runRounds({
      workloads,
      peers: present(peers),
      rounds: scale.remoteRounds,
      root: join(root, name),
    });
  return {
    sftp: await measure("over-sftp", sftpPeers(servers.sshd, root, "not kept")),
    s3: await measure("over-s3", s3Peers(servers.s3, root, "not kept")),
  };
}
