/**
 * Finds running mounts by their sockets. One by which nobody can be reached was left behind by a
 * mount that crashed, and is removed.
 */

import { realpathSync } from "node:fs";
import { displayText } from "../bytes.ts";
import { sleep, systemClock } from "../clock.ts";
import { runtimeDirs, type Surroundings } from "../config/paths.ts";
import { OwnError } from "../errors.ts";
import type { StatusAnswer } from "./answers.ts";
import { ControlClient, HungUp, NobodyListens } from "./client.ts";
import { SocketDirectory } from "./socket_directory.ts";
import { keyOfSocket, mountKey } from "./socket_name.ts";

/** How long a mount may take to end after it hung up. */
const ENDING_PATIENCE_MS = 2000;
const RETRY_MS = 50;

export interface RunningMount extends Disposable {
  readonly client: ControlClient;
  readonly status: StatusAnswer;
}

/**
 * The mount that has this cache directory; undefined when there is none. Rejects with `config` for
 * sockets that are not to be trusted, and when the mount does not answer.
 */
export async function mountOfCache(
  cacheDir: string,
  around: Surroundings,
): Promise<RunningMount | undefined> {
  const key = mountKey(cacheDir);
  if (key === undefined) return undefined;
  const [mount, ...others] = await mountsIn(runtimeDirs(around), around.uid, key);
  for (const other of others) other[Symbol.dispose]();
  return mount;
}

/** The mounts whose origins come from this configuration file. */
export async function mountsOfFile(
  file: string,
  around: Surroundings,
): Promise<readonly RunningMount[]> {
  const wanted = realPath(file);
  const mounts = await mountsIn(runtimeDirs(around), around.uid);
  return mounts.filter((mount) => {
    const { config_file } = mount.status;
    const isOfFile = config_file !== null && realPath(config_file) === wanted;
    if (!isOfFile) mount[Symbol.dispose]();
    return isOfFile;
  });
}

/** Without symbolic links; as it is where it leads nowhere. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error) return path;
    throw error;
  }
}

/** The mount at this absolute path; rejects with `usage`, naming those there are, for none. */
export async function mountAtPath(path: string, around: Surroundings): Promise<RunningMount> {
  const mounts = await mountsIn(runtimeDirs(around), around.uid);
  const found = mounts.find(({ status }) => status.mount_point === path);
  for (const mount of mounts) if (mount !== found) mount[Symbol.dispose]();
  if (found !== undefined) return found;
  const what = `no mount of yours runs at ${displayText(path)}`;
  throw new OwnError("usage", `${what}${listed(mounts)}`);
}

/** The one that runs, undefined for none; rejects with `usage`, naming them, for several. */
export async function onlyMount(around: Surroundings): Promise<RunningMount | undefined> {
  const mounts = await mountsIn(runtimeDirs(around), around.uid);
  if (mounts.length <= 1) return mounts[0];
  for (const mount of mounts) mount[Symbol.dispose]();
  throw new OwnError("usage", `several mounts run: say which with --mount-point${listed(mounts)}`);
}

/**
 * All mounts with sockets in these directories, or only those with this key. One that does not
 * answer is left out, unless there is no other: then its error is thrown.
 */
export async function mountsIn(
  directories: readonly string[],
  uid: number,
  key?: string,
): Promise<readonly RunningMount[]> {
  const sockets = directories.flatMap((path) => socketsIn(path, uid, key));
  const reached = await Promise.allSettled(sockets.map(reach));
  const mounts = reached.flatMap((each) => (each.status === "fulfilled" && each.value) || []);
  const failed = reached.find((each) => each.status === "rejected");
  if (mounts.length === 0 && failed !== undefined) throw failed.reason;
  return mounts;
}

/** Each client has the directory open for itself. */
function socketsIn(path: string, uid: number, key: string | undefined): ControlClient[] {
  using directory = SocketDirectory.open(path, uid);
  const names = directory?.names() ?? [];
  return names
    .filter((name) => {
      const found = keyOfSocket(name);
      return found !== undefined && (key === undefined || found === key);
    })
    .flatMap((name) => {
      const own = SocketDirectory.open(path, uid);
      if (own?.isOwnSocket(name)) return [new ControlClient(own, name)];
      own?.[Symbol.dispose]();
      return [];
    });
}

async function reach(client: ControlClient): Promise<RunningMount | undefined> {
  try {
    const status = await patientStatus(client);
    return { client, status, [Symbol.dispose]: () => client[Symbol.dispose]() };
  } catch (error) {
    if (error instanceof NobodyListens) client.directory.remove(client.socket);
    client[Symbol.dispose]();
    if (error instanceof NobodyListens) return undefined;
    throw error;
  }
}

/** A mount that is ending may still take calls that it never answers; soon it takes none. */
async function patientStatus(client: ControlClient): Promise<StatusAnswer> {
  const endMs = systemClock.monotonicMs() + ENDING_PATIENCE_MS;
  for (;;) {
    try {
      return await client.status();
    } catch (error) {
      if (!(error instanceof HungUp) || systemClock.monotonicMs() > endMs) throw error;
      await sleep(systemClock, RETRY_MS);
    }
  }
}

function listed(mounts: readonly RunningMount[]): string {
  const places = mounts.map(({ status }) => displayText(status.mount_point));
  return places.length === 0 ? "" : `; there are ${places.join(", ")}`;
}
