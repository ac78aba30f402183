/** Listing and comparing trees, and reading a file at the pace of a player. */
import { createHash } from "node:crypto";
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Regular files below `root`, relative to it, sorted. */
export async function filesBelow(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

/** The files that are not the same bytes below both roots, and how many bytes were compared. */
export async function compareFiles(
  files: readonly string[],
  one: string,
  other: string,
): Promise<{ readonly different: readonly string[]; readonly bytes: number }> {
  const different: string[] = [];
  let bytes = 0;
  for (const file of files) {
    const [left, right] = await Promise.all([
      readFile(join(one, file)),
      readFile(join(other, file)),
    ]);
    if (!left.equals(right)) different.push(file);
    bytes += left.length;
  }
  return { different, bytes };
}

export interface PacedRead {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Reads a file from start to end through one open handle, `chunkBytes` at a time with a pause after each, and calls
 * `onProgress` with the bytes read so far.
 */
export async function readAtPace(
  path: string,
  { chunkBytes, pauseMs }: { readonly chunkBytes: number; readonly pauseMs: number },
  onProgress: (bytes: number) => Promise<void>,
): Promise<PacedRead> {
  const hash = createHash("sha256");
  const file = await open(path);
  try {
    const chunk = new Uint8Array(chunkBytes);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, chunkBytes, bytes);
      if (bytesRead === 0) return { bytes, sha256: hash.digest("hex") };
      hash.update(chunk.subarray(0, bytesRead));
      bytes += bytesRead;
      await onProgress(bytes);
      await Bun.sleep(pauseMs);
    }
  } finally {
    await file.close();
  }
}

export async function sha256Of(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}
