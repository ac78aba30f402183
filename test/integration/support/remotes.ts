/** Real servers behind proxies, each as an origin that a test can make fail. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  type S3Server,
  type Smb,
  type Sshd,
  startS3,
  startSmb,
  startSshd,
} from "../../../scripts/servers/index.ts";
import { TcpProxy } from "../../support/proxy.ts";

export const REMOTES = ["attic", "cloud", "nas"] as const;
/** An SSH server, a bucket, and a mounted SMB share. */
export type RemoteId = (typeof REMOTES)[number];

export interface Remote {
  /** Between the server and whoever reads from it. */
  readonly proxy: TcpProxy;
  put(path: string, content: Uint8Array): Promise<void>;
  /** SIGSTOP and SIGCONT to the server. */
  pause(): void;
  resume(): void;
  /** SIGKILL to the server. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Resolves once it answers without the pauses that its client makes after errors. */
  calm(): Promise<void>;
}

export class Remotes implements AsyncDisposable {
  static readonly bucket = "music";
  readonly #cleanUp = new AsyncDisposableStack();

  private constructor(
    readonly sshd: Sshd,
    readonly s3: S3Server,
    readonly smb: Smb,
    readonly all: Readonly<Record<RemoteId, Remote>>,
  ) {}

  static async start(): Promise<Remotes> {
    await using starting = new AsyncDisposableStack();
    const behindProxy = (port: number) => starting.use(new TcpProxy({ port }));
    const sshd = starting.use(await startSshd());
    const s3 = starting.use(await startS3());
    const [attic, cloud] = [behindProxy(sshd.port), behindProxy(s3.port)];
    // The server's port is known only once it is about to start.
    const nas: TcpProxy[] = [];
    const via = (port: number) => {
      const proxy = behindProxy(port);
      nas.unshift(proxy);
      return proxy.port;
    };
    const smb = starting.use(await startSmb({ via }));
    const client = starting.adopt(s3.client(), (each) => each.destroy());
    await client.send(new CreateBucketCommand({ Bucket: Remotes.bucket }));
    const [nasProxy] = nas;
    if (nasProxy === undefined) throw new Error("the share's client takes no proxy");
    const remotes = new Remotes(sshd, s3, smb, {
      attic: { ...controls(sshd), proxy: attic, put: writeBelow(sshd.dataDir) },
      cloud: {
        ...controls(s3),
        proxy: cloud,
        async put(path, content) {
          const object = { Bucket: Remotes.bucket, Key: path, Body: content };
          await client.send(new PutObjectCommand(object));
        },
      },
      nas: {
        proxy: nasProxy,
        put: writeBelow(smb.shareDir),
        pause: () => smb.pause("smbd"),
        resume: () => smb.resume("smbd"),
        kill: () => smb.kill("smbd"),
        restart: () => smb.restart("smbd"),
        calm: () => smb.calm(),
      },
    });
    remotes.#cleanUp.use(starting.move());
    return remotes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanUp.disposeAsync();
  }
}

type Server = Pick<Remote, "pause" | "resume" | "kill" | "restart">;

function controls(server: Server): Server & Pick<Remote, "calm"> {
  return {
    pause: () => server.pause(),
    resume: () => server.resume(),
    kill: () => server.kill(),
    restart: () => server.restart(),
    // Mounts talk to it without a client of its own.
    calm: async () => undefined,
  };
}

function writeBelow(directory: string): Remote["put"] {
  return async (path, content) => {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode: 0o644 });
  };
}
