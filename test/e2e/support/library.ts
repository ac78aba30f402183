/** Two origins, `nas` and `backup`, with a common album and something of its own on each. */

import { chmodSync, utimesSync } from "node:fs";
import type { Workspace } from "./musicfs.ts";

/** Bytes that are the same each time and compress badly. */
export function bytes(seed: number, length: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 24;
  });
}

/** Fills the directories `nas` and `backup` of the workspace. */
export function plantLibrary(workspace: Workspace): void {
  const file = (path: string, content: string | Uint8Array, seconds: number, mode = 0o644) => {
    const target = workspace.file(path, content);
    chmodSync(target, mode);
    utimesSync(target, seconds, seconds);
  };
  file("nas/Artist/Album/01 one.flac", bytes(1, 3_000_001), 1_000_000_000.5);
  file("nas/Artist/Album/cover.png", bytes(2, 70_000), 1_000_000_001, 0o600);
  file("nas/Artist/Album/notes.txt", "those of the nas", 1_000_000_002, 0o664);
  file("backup/Artist/Album/02 two.flac", bytes(3, 2_000_003), 1_100_000_000);
  file("backup/Artist/Album/cover.png", bytes(2, 70_000), 1_100_000_001);
  file("backup/Artist/Album/notes.txt", "those of the backup, longer", 1_100_000_002);
  file("backup/Singles/only here.mp3", bytes(4, 500_000), 1_100_000_003);
  file("backup/Singles/empty.txt", "", 1_100_000_004);
}

/** Its files as the mount shows them, with the origin of each, sorted. */
export const FILES = [
  ["Artist/Album/01 one.flac", "nas"],
  ["Artist/Album/02 two.flac", "backup"],
  ["Artist/Album/cover.png", "nas"],
  ["Artist/Album/notes.txt", "nas"],
  ["Singles/empty.txt", "backup"],
  ["Singles/only here.mp3", "backup"],
] as const;
