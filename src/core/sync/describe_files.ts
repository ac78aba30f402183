/** `scan --chunks`: what the files of an origin consist of, read once per version. */

import type { BytePath } from "../bytes.ts";
import { treeFiles } from "../cache/tree_files.ts";
import type {
  CatalogChanges,
  CatalogReader,
  CatalogWriter,
  Replica,
  VersionContent,
} from "../catalog/catalog.ts";
import { MusicFsError, messageOf, OwnError } from "../errors.ts";
import { BACKGROUND_SLICE_BYTES } from "../limits.ts";
import type { Origin } from "../origins/origin.ts";
import { Description } from "./chunks/describe.ts";

export interface DescribeFilesPorts {
  readonly origin: Origin;
  readonly catalog: CatalogReader;
  readonly writer: Pick<CatalogWriter, "setContent">;
  readonly onChanges: (changes: CatalogChanges) => void;
  /** Bytes read so far. */
  readonly onProgress: (bytes: number) => void;
}

/** A file of the origin whose bytes are known. */
export interface DescribedFile {
  /** On the origin. */
  readonly path: BytePath;
  readonly sizeBytes: number;
  /** Whole seconds since the epoch. */
  readonly mtimeSec: number;
  readonly content: VersionContent;
}

export interface DescribedFiles {
  readonly files: readonly DescribedFile[];
  /** Bytes that were read now; the others were known. */
  readonly readBytes: number;
  readonly failed: readonly { readonly path: BytePath; readonly reason: string }[];
}

/** What fails concerns one file: it is left out. */
export async function describeFiles(ports: DescribeFilesPorts): Promise<DescribedFiles> {
  const { origin, catalog, writer, onChanges } = ports;
  const files: DescribedFile[] = [];
  const failed: { path: BytePath; reason: string }[] = [];
  let readBytes = 0;
  for (const file of treeFiles(catalog, ["" as BytePath])) {
    for (const replica of file.replicas()) {
      if (replica.origin !== origin.id) continue;
      const { path, version, originVersion } = replica;
      const { sizeBytes } = originVersion;
      try {
        let content = catalog.content(version);
        if (content === undefined) {
          content = await describe(origin, replica);
          onChanges(await writer.setContent(version, content));
          readBytes += sizeBytes;
          ports.onProgress(readBytes);
        }
        files.push({ path, sizeBytes, mtimeSec: (await origin.stat(path)).mtimeSec, content });
      } catch (error) {
        if (!(error instanceof MusicFsError)) throw error;
        failed.push({ path, reason: messageOf(error) });
      }
    }
  }
  return { files, readBytes, failed };
}

async function describe(origin: Origin, { path, originVersion }: Replica): Promise<VersionContent> {
  const description = new Description();
  const buffer = new Uint8Array(BACKGROUND_SLICE_BYTES);
  for (let done = 0; done < originVersion.sizeBytes; ) {
    const into = buffer.subarray(0, Math.min(buffer.byteLength, originVersion.sizeBytes - done));
    const read = await origin.read(path, done, into, { version: originVersion, background: true });
    if (read === 0) throw new OwnError("manifest", "it ends too early");
    description.push(into.subarray(0, read));
    done += read;
  }
  return description.finish();
}
