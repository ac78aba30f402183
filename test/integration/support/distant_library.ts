/** A mount over an SSH server and a bucket that are a network apart: what it asks them for, and how long that takes. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { startS3, startSshd } from "../../../scripts/servers/index.ts";
import { Mount, must, Workspace } from "../../e2e/support/musicfs.ts";
import { TcpProxy } from "../../support/proxy.ts";

export const DISTANT = ["sftp", "s3"] as const;
export type DistantId = (typeof DISTANT)[number];

/** Where to read: from an offset, or from the end if that is negative. */
export type Place = readonly [offsetBytes: number, lengthBytes: number];

/** How long it took to open a file and to read each of the places, milliseconds. */
export interface Timed {
  readonly openMs: number;
  readonly readsMs: readonly number[];
}

/** What connections that nobody uses say, in a few seconds. */
const KEEPALIVE_BYTES = 4096;

const BUCKET = "music";
const CHILD = join(import.meta.dir, "read_places.child.ts");

export class DistantLibrary implements AsyncDisposable {
  readonly #cleanUp = new AsyncDisposableStack();

  private constructor(
    readonly workspace: Workspace,
    readonly proxies: Readonly<Record<DistantId, TcpProxy>>,
    cleanUp: AsyncDisposableStack,
  ) {
    this.#cleanUp.use(cleanUp);
  }

  /** Mounted and scanned, `files` on both origins, each below a directory of the origin's name. */
  static async start(files: Readonly<Record<string, Uint8Array>>): Promise<DistantLibrary> {
    await using starting = new AsyncDisposableStack();
    const workspace = starting.use(new Workspace("distant"));
    const sshd = starting.use(await startSshd());
    const s3 = starting.use(await startS3());
    const client = starting.adopt(s3.client(), (each) => each.destroy());
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(sshd.dataDir, name), content, { mode: 0o644 });
      await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: name, Body: content }));
    }
    const sftp = starting.use(new TcpProxy({ port: sshd.port }));
    const cloud = starting.use(new TcpProxy({ port: s3.port }));
    const knownHosts = workspace.file(
      "known_hosts",
      `[${sshd.host}]:${sftp.port} ${sshd.hostKey}\n`,
    );
    const config = workspace.config(`
[[origins]]
id = "sftp"
origin_type = "sftp"
prefix = "sftp"
host = "${sshd.host}"
port = ${sftp.port}
user = "${sshd.user}"
path = "${sshd.dataDir}"
identity_file = "${sshd.keyFile}"
known_hosts = "${knownHosts}"
revalidate_secs = 3600

[[origins]]
id = "s3"
origin_type = "s3"
prefix = "s3"
bucket = "${BUCKET}"
region = "${s3.region}"
endpoint = "http://127.0.0.1:${cloud.port}"
force_path_style = true
revalidate_secs = 3600

[health]
check_interval_secs = 3600
`);
    const { accessKeyId, secretAccessKey } = s3.owner;
    const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    starting.use(await Mount.scanned(workspace, config, { env }));
    return new DistantLibrary(workspace, { sftp, s3: cloud }, starting.move());
  }

  /** So long a request and its answer are on their way from now on. */
  set roundTripMs(roundTripMs: number) {
    for (const id of DISTANT) this.proxies[id].delayMs = roundTripMs / 2;
  }

  /** Opens files one after the other in a process of their own, and reads places of each. */
  async read(
    id: DistantId,
    names: readonly string[],
    places: readonly Place[],
  ): Promise<readonly Timed[]> {
    const files = names.map((name) => join(this.workspace.mountPoint, id, name));
    const where = places.map((place) => place.join(":")).join(",");
    return JSON.parse(
      await must([process.execPath, CHILD, where, ...files], { timeoutMs: 60_000 }),
    );
  }

  /** Bytes on the wire from the origin while something is done, and after it until none came for `quietMs`. */
  async received(id: DistantId, work: () => Promise<unknown>, quietMs = 300): Promise<number> {
    const { bytes } = this.proxies[id];
    const before = bytes.toClient;
    await work();
    let last: number;
    do {
      last = bytes.toClient;
      await Bun.sleep(quietMs);
    } while (bytes.toClient - last > KEEPALIVE_BYTES);
    return bytes.toClient - before;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanUp.disposeAsync();
  }
}
