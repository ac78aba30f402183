/**
 * The head of a file that is being opened, read for the kernel's first READ to come. Whoever was
 * served nothing has nothing to compare another replica with; with its head read the handle can go
 * on from one, and an origin that went away unnoticed shows while another version can be opened
 * instead.
 */

import type { Clock } from "../clock.ts";
import type { ReadFile } from "../federation/file.ts";
import { SEAM_BYTES, SWITCH_MAX_MS } from "../limits.ts";
import { HANDLE_KNOWN_TO_MAIN, type HandleTable } from "../vfs/handles.ts";
import type { SeamPool } from "../vfs/seams.ts";
import type { BoundFiles } from "./bound_files.ts";

export interface OpenedHeadsPorts {
  readonly clock: Clock;
  readonly read: ReadFile;
  readonly files: BoundFiles;
  readonly handles: HandleTable;
  readonly seams: SeamPool;
}

export class OpenedHeads {
  constructor(readonly ports: OpenedHeadsPorts) {}

  /**
   * Reads up to SEAM_BYTES of the file behind `fh`, whose OPEN is not answered yet. False when that
   * fails or takes longer than SWITCH_MAX_MS. Rejects where the catalog cannot be read.
   */
  async read(fh: number): Promise<boolean> {
    const { clock, files, handles, seams } = this.ports;
    const file = files.get(fh);
    if (file === undefined) return false;
    handles.setFlag(fh, HANDLE_KNOWN_TO_MAIN);
    const head = new Uint8Array(Math.min(file.sizeBytes, SEAM_BYTES));
    const late = new AbortController();
    using _timer = clock.schedule(SWITCH_MAX_MS, () => late.abort("took too long"));
    try {
      const { bytesRead, proved } = await this.ports.read(file, 0, head, late);
      if (proved) seams.record(handles, fh, 0, head.subarray(0, bytesRead));
      return true;
    } catch {
      // Why is told to the federation, by the read itself.
      return false;
    }
  }
}
