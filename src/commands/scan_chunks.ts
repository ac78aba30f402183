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
import { type DescribedFile, describeFiles } from "../core/sync/describe_files.ts";
import { openIndexTarget } from "../core/sync/index/index_target.ts";
import { bucketPlace, indexDirectory } from "../core/sync/index/origin_index.ts";
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
  readonly published: {
    readonly objects: number;
    readonly bytes: number;
    readonly removed: number;
  } | null;
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
  const origin = originAround(config, publish);
  if (origin === undefined) return;
  throw new OwnError(
    "usage",
    `--publish: ${publish} lies in origin ${origin}, which is never written to`,
  );
}

/** The origin that the place lies in. Throws `usage` for what is no place. */
function originAround({ origins }: Config, place: string): OriginId | undefined {
  const bucket = bucketPlace(place);
  if (bucket !== undefined) {
    const isIn = (prefix: string) =>
      `${bucket.prefix}/`.startsWith(prefix === "" ? "" : `${prefix}/`);
    return origins.find(
      (each) => each.originType === "s3" && each.bucket === bucket.bucket && isIn(each.path),
    )?.id;
  }
  const directory = indexDirectory(place);
  if (directory === undefined) {
    throw new OwnError(
      "usage",
      `--publish: "${place}" is neither an absolute path nor s3://BUCKET/PREFIX`,
    );
  }
  return origins.find(
    (each) =>
      each.originType !== "s3" && each.originType !== "sftp" && liesIn(directory, each.path),
  )?.id;
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
      const published =
        publish === undefined
          ? undefined
          : await publishTo(publish, settings, config, described.files);
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

async function publishTo(
  place: string,
  settings: LocalOriginSettings,
  config: Config,
  files: readonly DescribedFile[],
) {
  await using open = await openIndexTarget(place, settings, config.origins, systemClock);
  return await publishIndex(files, open.target);
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
    const { objects, bytes, removed } = published;
    const gone = removed === 0 ? "" : `, ${removed} old ones removed`;
    return `${read}; ${objects} objects published, ${shownBytes(bytes)}${gone}`;
  });
}

function publishedJson(published: Published | undefined): ChunkedAnswer["published"] {
  if (published === undefined) return null;
  const { written: objects, writtenBytes: bytes, removed } = published;
  return { objects, bytes, removed };
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
