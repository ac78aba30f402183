/** The one place that knows how a Worker's code is found, from the sources and in the binary. */

export type WorkerName = "fuse" | "reader" | "store" | "cache" | "notifier" | "watcher";

/** Where `bun build --compile` puts what it embeds; scripts/build.ts embeds with `--root .`. */
const EMBEDDED = "/$bunfs/";

export function spawnWorker(name: WorkerName): Worker {
  const file = `${name}.worker`;
  const url = import.meta.path.startsWith(EMBEDDED)
    ? `${EMBEDDED}root/src/core/threads/${file}.js`
    : new URL(`./${file}.ts`, import.meta.url).href;
  return new Worker(url, { name, smol: name !== "fuse" });
}
