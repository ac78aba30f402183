/** `musicfs scan --chunks` and `--publish`: what the files of local origins consist of. */

import { realpathSync } from "node:fs";
import { join, relative } from "node:path";
import { displayPath } from "../core/bytes.ts";
import { SqliteCatalogReader } from "../core/catalog/reader.ts";
import { systemClock } from "../core/clock.ts";
import type { Config, LocalOriginSettings } from "../core/config/config.ts";
import { findOrigin } from "../core/config/find.ts";
import { OwnError } from "../core/errors.ts";
import type { OriginId } from "../core/origins/origin.ts";
import { openStandalone } from "../core/origins/standalone.ts";
import { shownBytes } from "../core/quantities.ts";
import { describeFiles } from "../core/sync/describe_files.ts";
import { IndexDirectory } from "../core/sync/index/index_store.ts";
import { indexDirectory } from "../core/sync/index/origin_index.ts";
import { type Published, publishIndex } from "../core/sync/index/publish.ts";
import { openLibraryCatalog } from "../core/sync/library_catalog.ts";
import { remark, showProgress } from "./output.ts";

export interface ChunksFlags {
  readonly chunks?: boolean;
  readonly publish?: string;
}

/** What the files of one origin consist of, in `scan --json`. */
export interface ChunkedAnswer {
  readonly id: OriginId;
  readonly files: number;
  /** Bytes that were read for it; what was known was not read again. */
  readonly read_bytes: number;
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
  readonly published: { readonly objects: number; readonly bytes: number } | null;
}

/** Throws `usage` for what makes no sense, before anything is scanned. */
export function checkChunks(
  config: Config,
  ids: readonly OriginId[],
  { chunks, publish }: ChunksFlags,
): void {
  if (publish !== undefined && chunks !== true) {
    throw new OwnError("usage", "--publish needs --chunks: an index tells of chunks");
  }
  if (chunks !== true) return;
  const local = localOrigins(config, ids);
  if (local.length === 0) {
    throw new OwnError("usage", "--chunks reads whole files: only origins of type local have it");
  }
  if (publish === undefined) return;
  const [first, second] = local;
  if (second !== undefined) {
    const names = `${first?.id} and ${second.id}`;
    throw new OwnError("usage", `an index tells of one origin: say which of ${names} to --publish`);
  }
  const directory = indexDirectory(publish);
  if (directory === undefined) {
    throw new OwnError("usage", `--publish: "${publish}" is not an absolute path`);
  }
  for (const settings of config.origins) {
    if (!("path" in settings) || settings.originType === "s3") continue;
    if (settings.originType === "sftp" || !liesIn(directory, settings.path)) continue;
    const message = `--publish: ${directory} lies in origin ${settings.id}, which is never written to`;
    throw new OwnError("usage", message);
  }
}

/** Reads what is not known yet, and publishes it all if that is wanted. Rejects with `manifest`. */
export async function chunkOrigins(
  config: Config,
  ids: readonly OriginId[],
  { publish }: ChunksFlags,
  live: boolean,
): Promise<readonly ChunkedAnswer[]> {
  await using catalog = await openLibraryCatalog(config, systemClock);
  using cleanUp = new DisposableStack();
  const file = join(config.cacheDir, "catalog.db");
  const reader = cleanUp.adopt(new SqliteCatalogReader(file), (each) => each.close());
  const answers: ChunkedAnswer[] = [];
  for (const settings of localOrigins(config, ids)) {
    const origin = await openStandalone(settings);
    try {
      const described = await describeFiles({
        origin,
        catalog: reader,
        writer: catalog.store,
        onChanges: () => undefined,
        onProgress: (bytes) => {
          if (live) showProgress(`${settings.id}: ${shownBytes(bytes)} read for chunks`);
        },
      });
      const directory = publish === undefined ? undefined : indexDirectory(publish);
      const published =
        directory === undefined
          ? undefined
          : await publishIndex(described.files, new IndexDirectory(directory));
      answers.push({
        id: settings.id,
        files: described.files.length,
        read_bytes: described.readBytes,
        failed: described.failed.map(({ path, reason }) => ({ path: displayPath(path), reason })),
        published: publishedJson(published),
      });
    } finally {
      await origin.close();
      if (live) showProgress("");
    }
  }
  return answers;
}

/** For people: only what went wrong. */
export function reportChunks(answers: readonly ChunkedAnswer[]): void {
  for (const { id, failed } of answers) {
    for (const { path, reason } of failed) remark(`musicfs: origin ${id}: ${path}: ${reason}`);
  }
}

/** For people: what was read and published. */
export function chunksLines(answers: readonly ChunkedAnswer[]): readonly string[] {
  return answers.map(({ id, files, read_bytes, published }) => {
    const read = `${id}: chunks of ${files} files are known, ${shownBytes(read_bytes)} read for that`;
    if (published === null) return read;
    return `${read}; ${published.objects} objects published, ${shownBytes(published.bytes)}`;
  });
}

function publishedJson(published: Published | undefined): ChunkedAnswer["published"] {
  if (published === undefined) return null;
  return { objects: published.written, bytes: published.writtenBytes };
}

function localOrigins(config: Config, ids: readonly OriginId[]): readonly LocalOriginSettings[] {
  return ids
    .map((id) => findOrigin(config, id))
    .filter((settings) => settings.originType === "local");
}

/** Whether a path, which need not be there yet, lies in a directory; links are followed. */
function liesIn(path: string, directory: string): boolean {
  const real = (at: string): string => {
    try {
      return realpathSync(at);
    } catch (error) {
      if (!(error instanceof Error && "code" in error) || at === "/") throw error;
      return join(real(join(at, "..")), relative(join(at, ".."), at));
    }
  };
  const found = relative(real(directory), real(path));
  return found === "" || !(found === ".." || found.startsWith("../"));
}
