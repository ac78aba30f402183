/**
 * An origin on an SSH server, over SFTP.
 *
 * Names are bytes: they are neither decoded nor encoded. Versions are size and mtime in whole
 * seconds, so an edit in place that keeps both goes unseen. Opening connects to nothing; the first
 * operation does.
 */

import type { BytePath } from "../../bytes.ts";
import { type Clock, systemClock } from "../../clock.ts";
import type { SftpOriginSettings } from "../../config/config.ts";
import { throwIfAborted } from "../abort.ts";
import type { CredentialsProvider } from "../credentials.ts";
import type {
  ContentProof,
  DirEntry,
  FileStat,
  Origin,
  OriginCapabilities,
  OriginId,
  OriginVersion,
  ProbeResult,
  ReadOptions,
} from "../origin.ts";
import { serverProof } from "./checksum.ts";
import { SftpConnection } from "./connection.ts";
import { asOriginError, ObjectError, SftpFault } from "./errors.ts";
import { openFileKey, readFile } from "./file_read.ts";
import { KeyFiles } from "./key_files.ts";
import { listDirectory, type SkippedListener } from "./listing.ts";
import { ConnectionPool, type Lease, type LeaseOptions } from "./pool.ts";
import { servedStat, serverRoot } from "./served_root.ts";
import { resolveTarget, type SshSurroundings, systemSurroundings } from "./target.ts";

export interface SftpPorts {
  readonly clock?: Clock;
  /**
   * The command that records a host key, but for `--accept-host-key`. Default: `musicfs origins set` of the
   * origin, in the configuration that it is from.
   */
  readonly acceptCommand?: string | undefined;
  /** Default: none; keys and the agent remain. */
  readonly credentials?: CredentialsProvider | undefined;
  /** Default: this machine and user. */
  readonly surroundings?: SshSurroundings;
  /** Told of entries that are left out for names no file can have. Default: nobody. */
  readonly onSkipped?: SkippedListener;
}

/** Operations a connection serves side by side before another one does it better. */
const OPERATIONS_PER_CONNECTION = 4;

export class SftpOrigin implements Origin {
  readonly id: OriginId;
  readonly type = "sftp";
  readonly capabilities: OriginCapabilities;
  readonly #pool: ConnectionPool<SftpConnection>;
  readonly #onSkipped: SkippedListener;

  constructor(settings: SftpOriginSettings, ports: SftpPorts) {
    const clock = ports.clock ?? systemClock;
    const surroundings = ports.surroundings ?? systemSurroundings();
    const connecting = {
      settings,
      acceptCommand: ports.acceptCommand,
      credentials: ports.credentials,
      surroundings,
      clock,
      keyFiles: new KeyFiles(),
    };
    this.id = settings.id;
    this.capabilities = {
      byteNames: true,
      mtimePrecisionMs: 1000,
      maxConcurrency: settings.maxConnections * OPERATIONS_PER_CONNECTION,
      strongTokens: false,
      onThisMachine: false,
      tellsProgress: true,
    };
    this.#onSkipped = ports.onSkipped ?? (() => undefined);
    this.#pool = new ConnectionPool({
      maxConnections: settings.maxConnections,
      clock,
      connect: (signal) => connect(connecting, signal),
    });
  }

  async *list(
    directory: BytePath,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly DirEntry[], void, void> {
    try {
      using lease = await this.#pool.lease({ signal });
      yield* listDirectory(lease.connection, directory, signal, this.#onSkipped);
    } catch (error) {
      throw asOriginError(error, this.id, directory);
    }
  }

  stat(path: BytePath, signal?: AbortSignal): Promise<FileStat> {
    return this.#on(path, { signal }, async ({ root }) =>
      servedStat(await root.find(path, signal), path),
    );
  }

  read(
    path: BytePath,
    offsetBytes: number,
    into: Uint8Array,
    options: ReadOptions = {},
  ): Promise<number> {
    const { version, signal, onProgress } = options;
    const key = version && openFileKey(path, version);
    const prefer = ({ files }: SftpConnection) => key !== undefined && files.has(key);
    return this.#on(path, { signal, prefer }, (connection) =>
      readFile(connection, path, version, { offsetBytes, into, signal, onProgress }),
    );
  }

  probe(signal?: AbortSignal): Promise<ProbeResult> {
    const path = "" as BytePath;
    return this.#on(path, { signal, eager: true }, async ({ root }) => {
      const { kind } = servedStat(await root.find(path, signal), path);
      if (kind === "directory") return { status: "ok" };
      throw new ObjectError("misconfigured", "the origin's path is no directory on the server");
    });
  }

  proof(
    path: BytePath,
    version: OriginVersion,
    signal?: AbortSignal,
  ): Promise<ContentProof | undefined> {
    return this.#on(path, { signal }, (connection) =>
      serverProof(connection, path, version, signal),
    );
  }

  dropConnections(): void {
    this.#pool.reset("connections were dropped, they may lead nowhere any more");
  }

  close(): Promise<void> {
    this.#pool.close();
    return Promise.resolve();
  }

  async #on<T>(
    path: BytePath,
    options: LeaseOptions<SftpConnection>,
    task: (connection: SftpConnection) => Promise<T>,
  ): Promise<T> {
    try {
      throwIfAborted(options.signal);
      using lease: Lease<SftpConnection> = await this.#pool.lease(options);
      return await task(lease.connection);
    } catch (error) {
      throw asOriginError(error, this.id, path);
    }
  }
}

/** The origin; what is wrong with its settings or the server is told by its operations. */
export function openSftpOrigin(settings: SftpOriginSettings, ports: SftpPorts = {}): SftpOrigin {
  return new SftpOrigin(settings, ports);
}

interface Connecting {
  readonly settings: SftpOriginSettings;
  readonly acceptCommand: SftpPorts["acceptCommand"];
  readonly credentials: CredentialsProvider | undefined;
  readonly surroundings: SshSurroundings;
  readonly clock: Clock;
  readonly keyFiles: KeyFiles;
}

/** OpenSSH's configuration and the credentials are looked at anew for each connection. */
async function connect(from: Connecting, signal: AbortSignal): Promise<SftpConnection> {
  const { settings, acceptCommand, credentials, surroundings, clock, keyFiles } = from;
  const secrets = (await credentials?.get(signal)) ?? {};
  const resolved = resolveTarget(settings, surroundings, secrets.username);
  const target = acceptCommand === undefined ? resolved : { ...resolved, acceptCommand };
  const rootPath = serverRoot(settings.path);
  const stallMs = settings.operationTimeoutMs;
  try {
    return await SftpConnection.open(
      { clock, target, secrets, keyFiles, rootPath, stallMs },
      signal,
    );
  } catch (error) {
    if (error instanceof SftpFault && error.code === "credentials") credentials?.refused();
    throw error;
  }
}
