/** How much is measured: the whole, a look in under a minute, or just that everything still works. */

const MIB = 1024 * 1024;

export interface Scale {
  /** The local tree: so many directories with so many small files each, and one large file. */
  readonly directories: number;
  readonly filesPerDirectory: number;
  readonly largeFileBytes: number;
  readonly randomReads: number;
  /** Every figure is the median of so many runs, the peers taking turns. */
  readonly rounds: number;
  readonly idleSeconds: number;
  /** Files, a hundred in a directory, that are scanned though nothing has changed. */
  readonly scannedFiles: number;
  /** Files, a hundred in a directory, that a mount knows when it is started. */
  readonly knownFiles: number;
  readonly startRounds: number;
  /** Behind SFTP and S3. */
  readonly remoteFiles: number;
  readonly remoteLargeFileBytes: number;
  readonly remoteRounds: number;
  /** Behind SFTP, each of LOOKED_AT_BYTES, of which a media server reads the head and the tail. */
  readonly lookedAtFiles: number;
  /** Behind a line with a delay: read sequentially. */
  readonly farFileBytes: number;
  /** How long places in it are sought. */
  readonly seekSeconds: number;
  /** Between reading it and reading it again, so that what everybody does in the background has ended. */
  readonly settleSeconds: number;
  /** How long other origins' reads are measured in each state of a sick one. */
  readonly sickSeconds: number;
  /** Of a file that is read while its origins fail, in so many orders of the three. */
  readonly failoverFileBytes: number;
  readonly failoverOrders: number;
  readonly failoverRounds: number;
  /** A file that is cut into chunks. */
  readonly chunkedBytes: number;
  readonly chunkRounds: number;
  /** Six files each, that taggers change and delta sync follows. */
  readonly deltaLibraries: number;
}

/** Size of every small file. */
export const SMALL_FILE_BYTES = 4096;

export const LOOKED_AT_BYTES = 20 * MIB;

export const SCALES = {
  full: {
    directories: 100,
    filesPerDirectory: 100,
    largeFileBytes: 1024 * MIB,
    randomReads: 1000,
    rounds: 5,
    idleSeconds: 30,
    scannedFiles: 200_000,
    knownFiles: 1_000_000,
    startRounds: 11,
    remoteFiles: 1000,
    remoteLargeFileBytes: 1024 * MIB,
    remoteRounds: 1,
    lookedAtFiles: 1000,
    farFileBytes: 512 * MIB,
    seekSeconds: 3,
    settleSeconds: 8,
    sickSeconds: 10,
    failoverFileBytes: 96 * MIB,
    failoverOrders: 6,
    failoverRounds: 5,
    chunkedBytes: 512 * MIB,
    chunkRounds: 5,
    deltaLibraries: 17,
  },
  quick: {
    directories: 100,
    filesPerDirectory: 20,
    largeFileBytes: 128 * MIB,
    randomReads: 500,
    rounds: 1,
    idleSeconds: 2,
    scannedFiles: 20_000,
    knownFiles: 20_000,
    startRounds: 3,
    remoteFiles: 100,
    remoteLargeFileBytes: 64 * MIB,
    remoteRounds: 1,
    lookedAtFiles: 50,
    farFileBytes: 64 * MIB,
    seekSeconds: 3,
    settleSeconds: 4,
    sickSeconds: 2,
    failoverFileBytes: 48 * MIB,
    failoverOrders: 6,
    failoverRounds: 1,
    chunkedBytes: 128 * MIB,
    chunkRounds: 1,
    deltaLibraries: 1,
  },
  smoke: {
    directories: 2,
    filesPerDirectory: 5,
    largeFileBytes: 2 * MIB,
    randomReads: 20,
    rounds: 1,
    idleSeconds: 0.1,
    scannedFiles: 200,
    knownFiles: 200,
    startRounds: 1,
    remoteFiles: 5,
    remoteLargeFileBytes: MIB,
    remoteRounds: 1,
    lookedAtFiles: 3,
    farFileBytes: MIB,
    seekSeconds: 0.3,
    settleSeconds: 0,
    sickSeconds: 0.3,
    failoverFileBytes: 8 * MIB,
    failoverOrders: 1,
    failoverRounds: 1,
    chunkedBytes: MIB,
    chunkRounds: 1,
    deltaLibraries: 0,
  },
} as const satisfies Readonly<Record<string, Scale>>;

export type ScaleName = keyof typeof SCALES;
