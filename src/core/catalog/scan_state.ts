/**
 * A scan that is under way, as the writer knows it: in memory only, so that a scan which was never
 * finished leaves nothing behind.
 */

export interface DirectoryCount {
  readonly files: number;
  readonly bytes: number;
}

export class ScanState {
  /** What completed listings no longer showed: entry to its parent. */
  readonly missing = new Map<number, number>();
  /** Directories whose listing was completed, with what it showed. */
  readonly listed = new Map<number, DirectoryCount>();
  added = 0;
  modified = 0;
  /** The root's last completed listing showed nothing, and something is recorded there. */
  rootEmptied = false;

  /** `filesBefore`: replicas the origin had when the scan began. */
  constructor(readonly filesBefore: number) {}

  /** Sums of the completed listings. */
  totals(): DirectoryCount {
    let files = 0;
    let bytes = 0;
    for (const count of this.listed.values()) {
      files += count.files;
      bytes += count.bytes;
    }
    return { files, bytes };
  }
}
