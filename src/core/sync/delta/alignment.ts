/**
 * Finds what a new version has in common with an old one, from as few of its bytes as can be.
 *
 * The new version is taken for the old one with stretches moved: `shift` is where a byte is in the
 * new version less where it was in the old one. Head and tail are looked at first; where both have
 * one shift, what lies between is taken for the same. Where the shift changes, the place is searched
 * for with small probes: at landmarks of the format first, then by halving. What is found is likely,
 * not certain: only a checksum of the whole proves it.
 */

import { DELTA_GAP_BYTES, DELTA_HEAD_BYTES, DELTA_PROBE_BYTES } from "../../limits.ts";
import type { Stretch } from "../chunks/manifest_diff.ts";
import type { Extent, NewBytes } from "./new_bytes.ts";
import type { OldBytes } from "./old_bytes.ts";
import { ShiftFinder } from "./shift_finder.ts";

/** Fetched bytes, with the shifts that hold at their first and last byte where these are known. */
interface Piece extends Extent {
  readonly startShift: number | undefined;
  readonly endShift: number | undefined;
}

/** Probes that found nothing of the old version before another file is suspected. */
const MAX_LOST_PROBES = 12;

/**
 * The new version as stretches of the old one and bytes that are here. Undefined: they have next to
 * nothing in common. Rejects as `OldBytes.read` and `NewBytes.get`.
 */
export async function align(
  old: OldBytes,
  next: NewBytes,
  landmarks: readonly Extent[],
): Promise<readonly Stretch[] | undefined> {
  return await new Alignment(old, next, landmarks).run();
}

class Alignment {
  readonly #finder: ShiftFinder;
  /** Landmarks tried already, by place in the new version. */
  readonly #tried = new Set<number>();
  #pieces: Piece[] = [];
  #lost = 0;

  constructor(
    private readonly old: OldBytes,
    private readonly next: NewBytes,
    private readonly landmarks: readonly Extent[],
  ) {
    this.#finder = new ShiftFinder(old, [0, next.sizeBytes - old.sizeBytes]);
  }

  async run(): Promise<readonly Stretch[] | undefined> {
    const { sizeBytes } = this.next;
    const head = Math.min(sizeBytes, DELTA_HEAD_BYTES);
    await this.#look({ from: 0, end: head }, 0, undefined);
    const tail = { from: Math.max(head, sizeBytes - DELTA_PROBE_BYTES), end: sizeBytes };
    const tailShift = sizeBytes - this.old.sizeBytes;
    if (tail.from < tail.end) await this.#look(tail, undefined, tailShift);
    for (let i = 0; i + 1 < this.#pieces.length; ) {
      const [left, right] = [this.#pieces[i], this.#pieces[i + 1]];
      if (left === undefined || right === undefined) break;
      const extent = this.#nextLook(left, right);
      if (extent === undefined) {
        i++;
        continue;
      }
      await this.#look(extent, left.endShift, right.startShift);
      if (this.#lost > MAX_LOST_PROBES && !this.#hasCommon()) return undefined;
    }
    return this.#stretches();
  }

  /** What to look at between two neighbours; undefined: it is clear what is there. */
  #nextLook(left: Piece, right: Piece): Extent | undefined {
    const gap = { from: left.end, end: right.from };
    const lengthBytes = gap.end - gap.from;
    const isSame = left.endShift !== undefined && left.endShift === right.startShift;
    if (!isSame && lengthBytes <= DELTA_GAP_BYTES) return gap;
    const at = this.#landmark(gap, left.endShift, right.startShift);
    if (at !== undefined) return probeAt(at, gap);
    if (isSame) return undefined;
    if (left.endShift === undefined && right.startShift === undefined) {
      // Nothing of the old version on either side: what is between is probably new, too.
      if (lengthBytes <= 4 * DELTA_GAP_BYTES) return gap;
    }
    return probeAt(gap.from + Math.floor((lengthBytes - DELTA_PROBE_BYTES) / 2), gap);
  }

  /**
   * Where the format suggests to look: before metadata as the left neighbour is shifted, behind it
   * as the right one is, the most distant first; and at the beginning of metadata that seems not to
   * have moved at all, since it may have been written over.
   */
  #landmark(gap: Extent, left: number | undefined, right: number | undefined): number | undefined {
    const places: number[] = [];
    if (left !== undefined && left === right) {
      for (const { from, end } of this.landmarks) {
        // What a container puts between (an Ogg page's header) need not move with what is in it.
        for (const at of new Set([from + left, from])) {
          const isInside = at >= gap.from && at < gap.end;
          if (isInside) places.push(Math.max(gap.from, at - DELTA_PROBE_BYTES / 2));
        }
        if (end - from > 2 * DELTA_PROBE_BYTES) places.push(end + left - DELTA_PROBE_BYTES);
      }
    } else {
      const last = this.landmarks.length - 1;
      for (let i = last; i >= 0; i--) {
        const { end } = this.landmarks[i] as Extent;
        if (right !== undefined) places.push(end + right);
      }
      for (let i = last; i >= 0; i--) {
        const { from } = this.landmarks[i] as Extent;
        if (left !== undefined) places.push(from + left - DELTA_PROBE_BYTES);
      }
    }
    const place = places.find(
      (at) => at >= gap.from && at + DELTA_PROBE_BYTES <= gap.end && !this.#tried.has(at),
    );
    if (place !== undefined) this.#tried.add(place);
    return place;
  }

  /** Fetches an extent between two pieces and finds out how it is shifted. */
  async #look(extent: Extent, left: number | undefined, right: number | undefined): Promise<void> {
    const bytes = await this.next.get(extent);
    const { startShift, endShift } = await this.#finder.find(extent.from, bytes, left, right);
    if (startShift === undefined && endShift === undefined) this.#lost++;
    this.#add({ ...extent, startShift, endShift });
  }

  /** Pieces that touch become one. */
  #add(piece: Piece): void {
    const sorted = [...this.#pieces, piece].sort((a, b) => a.from - b.from);
    this.#pieces = [];
    for (const each of sorted) {
      const last = this.#pieces.at(-1);
      if (last?.end === each.from) {
        this.#pieces[this.#pieces.length - 1] = { ...last, end: each.end, endShift: each.endShift };
      } else this.#pieces.push(each);
    }
  }

  #hasCommon(): boolean {
    return this.#pieces.some(({ startShift, endShift }) => (startShift ?? endShift) !== undefined);
  }

  /** What was fetched, and between it what is taken from the old version. */
  #stretches(): readonly Stretch[] {
    const stretches: Stretch[] = [];
    let last: Piece | undefined;
    for (const piece of this.#pieces) {
      if (last !== undefined) {
        const shift = last.endShift ?? 0;
        stretches.push({
          offsetBytes: last.end,
          lengthBytes: piece.from - last.end,
          oldOffsetBytes: last.end - shift,
        });
      }
      const { from, end } = piece;
      stretches.push({
        offsetBytes: from,
        lengthBytes: end - from,
        oldOffsetBytes: undefined,
      });
      last = piece;
    }
    return stretches;
  }
}

/** A probe at this place, which may touch the gap's ends but leaves nothing tiny beside them. */
function probeAt(at: number, gap: Extent): Extent {
  const from = at - gap.from < DELTA_PROBE_BYTES ? gap.from : at;
  const wanted = at + DELTA_PROBE_BYTES;
  return { from, end: gap.end - wanted < DELTA_PROBE_BYTES ? gap.end : wanted };
}
