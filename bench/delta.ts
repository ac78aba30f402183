/** What it takes on the wire to follow files that taggers changed, by real encoders, taggers and servers. */

import { copyFileSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { makeRetagged, type RetaggedFile, sizeOf } from "../scripts/library/retagged.ts";
import { startS3, startSshd } from "../scripts/servers/index.ts";
import type { SyncDeltaAnswer } from "../src/core/control/delta_answers.ts";
import { TcpProxy } from "../test/support/proxy.ts";
import { runProgram } from "./program.ts";
import { table } from "./report.ts";
import type { Scale } from "./scale.ts";

const MUSICFS = resolve(import.meta.dir, "../dist/musicfs");
const BUCKET = "delta";

/** Files of one format and edit, over one kind of origin. */
export interface DeltaFigure {
  readonly origin: "S3" | "SFTP";
  readonly format: string;
  readonly edit: string;
  readonly files: number;
  /** Those that were not fetched as a whole. */
  readonly spliced: number;
  readonly bytes: number;
  /** All that the server sent for them. */
  readonly wireBytes: number;
  readonly seconds: number;
}

interface Target {
  readonly origin: DeltaFigure["origin"];
  readonly proxy: TcpProxy;
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
  put(name: string, file: string): Promise<unknown>;
}

/** Six files for each of `scale.deltaLibraries`, made, changed and followed one after the other. */
export async function benchDelta(scale: Scale, root: string): Promise<readonly DeltaFigure[]> {
  await using cleanUp = new AsyncDisposableStack();
  const sums = new Map<string, DeltaFigure>();
  const targets = [await bucket(root, cleanUp), await sshServer(root, cleanUp)];
  for (let seed = 1; seed <= scale.deltaLibraries; seed++) {
    const directory = join(root, String(seed));
    mkdirSync(directory);
    const files = await makeRetagged(directory, seed);
    for (const target of targets) {
      const figures = await follow(target, files, join(root, `${target.origin}-${seed}`));
      for (const figure of figures) addTo(sums, figure);
    }
    await runProgram(["rm", "-rf", directory]);
  }
  return [...sums.values()];
}

export function deltaTable(figures: readonly DeltaFigure[]): string {
  return table(
    ["what was changed", "origin", "files", "spliced", "MB", "on the wire", "seconds a file"],
    figures.map((of) => [
      `${of.format}: ${of.edit}`,
      of.origin,
      String(of.files),
      String(of.spliced),
      (of.bytes / 1e6).toFixed(0),
      `${((100 * of.wireBytes) / of.bytes).toFixed(2)} %`,
      (of.seconds / of.files).toFixed(2),
    ]),
  );
}

function addTo(sums: Map<string, DeltaFigure>, figure: DeltaFigure): void {
  const key = `${figure.origin} ${figure.edit}`;
  const sum = sums.get(key);
  sums.set(key, {
    ...figure,
    files: figure.files + (sum?.files ?? 0),
    spliced: figure.spliced + (sum?.spliced ?? 0),
    bytes: figure.bytes + (sum?.bytes ?? 0),
    wireBytes: figure.wireBytes + (sum?.wireBytes ?? 0),
    seconds: figure.seconds + (sum?.seconds ?? 0),
  });
}

/** Fills a cache, changes the files on the server, and syncs them one by one. */
async function follow(
  target: Target,
  files: readonly RetaggedFile[],
  root: string,
): Promise<readonly DeltaFigure[]> {
  mkdirSync(root);
  const config = join(root, "config.toml");
  writeFileSync(config, target.config, { mode: 0o600 });
  const flags = ["--config", config, "--cache-dir", join(root, "cache"), "--json"];
  const env = { ...target.env, XDG_RUNTIME_DIR: root };
  const musicfs = (...args: readonly string[]) => runProgram([MUSICFS, ...args, ...flags], env);
  for (const { name, before } of files) await target.put(name, before);
  await musicfs("scan");
  await musicfs("cache", "prefetch", ".");
  for (const { name, after } of files) await target.put(name, after);
  const figures: DeltaFigure[] = [];
  for (const { name, after, format, edit } of files) {
    const before = target.proxy.bytes.toClient;
    const answer = JSON.parse(await musicfs("sync-delta", name)) as SyncDeltaAnswer;
    const [synced] = answer.files;
    figures.push({
      origin: target.origin,
      format,
      edit,
      files: 1,
      spliced: synced?.method === "splice" ? 1 : 0,
      bytes: sizeOf(after),
      wireBytes: target.proxy.bytes.toClient - before,
      seconds: (synced?.elapsed_ms ?? 0) / 1000,
    });
  }
  await runProgram(["rm", "-rf", root]);
  return figures;
}

async function bucket(root: string, cleanUp: AsyncDisposableStack): Promise<Target> {
  const server = cleanUp.use(await startS3({ root: join(root, "s3") }));
  const proxy = cleanUp.use(new TcpProxy({ port: server.port }));
  const client = cleanUp.adopt(server.client(), (each) => each.destroy());
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const { accessKeyId, secretAccessKey } = server.owner;
  return {
    origin: "S3",
    proxy,
    config:
      `[[origins]]\nid = "cloud"\norigin_type = "s3"\nbucket = "${BUCKET}"\n` +
      `region = "${server.region}"\nendpoint = "http://127.0.0.1:${proxy.port}"\n` +
      `[origins.credentials]\nenv = "CLOUD"\n`,
    env: { CLOUD_ACCESS_KEY_ID: accessKeyId, CLOUD_SECRET_ACCESS_KEY: secretAccessKey },
    put: (Key, file) =>
      client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: readFileSync(file) })),
  };
}

async function sshServer(root: string, cleanUp: AsyncDisposableStack): Promise<Target> {
  const server = cleanUp.use(await startSshd({ root: join(root, "sshd") }));
  const proxy = cleanUp.use(new TcpProxy({ port: server.port }));
  const port = String(proxy.port);
  const knownHosts = join(root, "known_hosts");
  const known = readFileSync(server.knownHosts, "utf8").replaceAll(String(server.port), port);
  writeFileSync(knownHosts, known);
  return {
    origin: "SFTP",
    proxy,
    config:
      `[[origins]]\nid = "attic"\norigin_type = "sftp"\nhost = "127.0.0.1"\nport = ${port}\n` +
      `user = "${server.user}"\npath = "${server.dataDir}"\n` +
      `identity_file = "${server.keyFile}"\nknown_hosts = "${knownHosts}"\n`,
    env: {},
    put: async (name, file) => {
      const to = join(server.dataDir, name);
      copyFileSync(file, to);
      // Versions are told apart by size and whole seconds.
      const mtimeSec = file.includes("after") ? 2_000_000 : 1_000_000;
      utimesSync(to, mtimeSec, mtimeSec);
    },
  };
}
