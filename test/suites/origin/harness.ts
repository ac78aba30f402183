/** What the conformance suite needs to know of an origin and its storage. */

import type { ByteName, BytePath } from "../../../src/core/bytes.ts";
import type { Origin, OriginCapabilities } from "../../../src/core/origins/origin.ts";

/** One empty origin and the means to fill its storage behind its back. */
export interface OriginFixture extends AsyncDisposable {
  readonly origin: Origin;
  /** Makes or replaces a file, with the directories above it. */
  put(path: BytePath, bytes: Uint8Array): Promise<void>;
  /** Removes a file. */
  remove(path: BytePath): Promise<void>;
  makeDirectory?(path: BytePath): Promise<void>;
  /** Overwrites bytes of a file, its size unchanged. */
  edit?(path: BytePath, offsetBytes: number, bytes: Uint8Array): Promise<void>;
  /** A file of `sizeBytes` that is all zeros but for `tail` at its end. */
  putSparse?(path: BytePath, sizeBytes: number, tail: Uint8Array<ArrayBuffer>): Promise<void>;
  /** A symbolic link with this text; `outside` is a path that exists and lies out of the root. */
  link?(path: BytePath, target: string): Promise<void>;
  /** Something that is neither file nor directory. */
  makeSpecial?(path: BytePath, kind: SpecialKind): Promise<void>;
}

export const SPECIAL_KINDS = ["fifo", "socket", "character device", "block device"] as const;
export type SpecialKind = (typeof SPECIAL_KINDS)[number];

export interface OriginHarness {
  readonly capabilities: OriginCapabilities;
  /** Directories may be empty: `makeDirectory` is there. */
  readonly emptyDirectories: boolean;
  readonly editInPlace: boolean;
  readonly sparseFiles: boolean;
  /** `link` is there; the text of one link that exists and leads out of the root. */
  readonly links?: { readonly outside: string };
  /** What `makeSpecial` makes. */
  readonly specialFiles?: readonly SpecialKind[];
  /** Names that the storage cannot hold although the contract allows them. */
  readonly refusesName?: (name: ByteName) => boolean;
  /** Entries of the large directory. Default 10 000. */
  readonly manyEntries?: number;
  /** The origin's descriptors are this process's and can be counted. */
  readonly countDescriptors?: boolean;
  /** A version read before may be read on after its file was replaced or removed. */
  readonly holdsVersions?: boolean;
  open(): Promise<OriginFixture>;
}
