/** A bucket of keys without bytes that is listed as S3 lists: in byte order, page by page. */

import { type Answer, type RawRequest, reply } from "./raw_http.ts";
import { errorXml, type ListedKey, listXml } from "./s3_answers.ts";

export class ListedBucket {
  /** Keys to a counter that makes their ETag. */
  readonly keys = new Map<string, number>();
  /** Keys in one page at most, whatever is asked for. */
  pageKeys = 1000;
  /** Answers in place of the `at`-th listing from now on, 0 being the next one. */
  failure: { at: number; readonly status: number; readonly code: string } | undefined;
  /** The other way round, as no S3 does. */
  backwards = false;
  #sorted: readonly string[] | undefined;

  put(key: string): void {
    if (!this.keys.has(key)) this.#sorted = undefined;
    this.keys.set(key, (this.keys.get(key) ?? 0) + 1);
  }

  remove(key: string): void {
    this.keys.delete(key);
    this.#sorted = undefined;
  }

  readonly answer: Answer = (socket, request) => {
    if (request.method === "HEAD") return reply(socket, 200);
    const { failure } = this;
    if (failure !== undefined && --failure.at < 0) {
      return reply(socket, failure.status, {}, errorXml(failure.code));
    }
    reply(socket, 200, {}, this.#page(request));
  };

  #page({ target }: RawRequest): string {
    const query = new URL(target, "http://bucket").searchParams;
    const prefix = query.get("prefix") ?? "";
    const delimiter = query.get("delimiter");
    const after = query.get("continuation-token") ?? "";
    const limit = Math.min(Number(query.get("max-keys") ?? 1000), this.pageKeys);
    const keys: ListedKey[] = [];
    const prefixes: string[] = [];
    let last = "";
    const order = this.#inOrder();
    for (const key of order.slice(Math.max(0, order.indexOf(after)))) {
      if (!key.startsWith(prefix) || (after !== "" && !this.#isAfter(key, after))) continue;
      const slash = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
      const common = slash < 0 ? undefined : key.slice(0, slash + 1);
      if (common !== undefined && (common === prefixes.at(-1) || common === after)) continue;
      if (common !== undefined && after.startsWith(common)) continue;
      if (keys.length + prefixes.length === limit)
        return listXml({ prefix, keys, prefixes, token: last });
      last = common ?? key;
      if (common === undefined) keys.push({ key, etag: `"${this.keys.get(key)}"` });
      else prefixes.push(common);
    }
    return listXml({ prefix, keys, prefixes });
  }

  #isAfter(key: string, after: string): boolean {
    const order = Buffer.compare(Buffer.from(key), Buffer.from(after));
    return this.backwards ? order < 0 : order > 0;
  }

  #inOrder(): readonly string[] {
    this.#sorted ??= [...this.keys.keys()].sort((a, b) =>
      Buffer.compare(Buffer.from(a), Buffer.from(b)),
    );
    return this.backwards ? this.#sorted.toReversed() : this.#sorted;
  }
}
