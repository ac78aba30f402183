/** Writes down what happens, for people and to see that a history repeats. */

import type { MusicFsEvent } from "../../src/core/events.ts";
import { errnoName } from "../../src/core/sys/errno.ts";
import type { Node } from "./fuse_replies.ts";
import type { Read } from "./read_log.ts";
import type { OriginRequest } from "./storage.ts";
import type { Watch } from "./watch.ts";

export type Trace = (line: string) => void;

export class TraceWatch implements Watch {
  constructor(readonly trace: Trace) {}

  request({ origin, kind, path, offsetBytes, lengthBytes, startMs }: OriginRequest): void {
    const range = kind === "read" ? ` ${lengthBytes} bytes at ${offsetBytes}` : "";
    this.trace(`  ${startMs} ms: ${origin} is asked: ${kind} "${path}"${range}`);
  }

  event({ type, ...rest }: MusicFsEvent): void {
    this.trace(`  ${type} ${JSON.stringify(rest)}`);
  }

  directoryShown(path: string, { mtimeSec, mtimeNsec }: Node, names: readonly string[]): void {
    this.trace(`  "${path}" of ${mtimeSec}.${mtimeNsec}: ${names.join(" ")}`);
  }

  readAnswered({ handle, offsetBytes, result, class: found, sentMs }: Read): void {
    const what = `READ of ${handle.path} at ${offsetBytes} from ${sentMs} ms on`;
    if (result === undefined) return;
    if ("errno" in result) this.trace(`  ${what}: ${errnoName(result.errno)}`);
    else this.trace(`  ${what}: ${result.ok.byteLength} bytes, ${found}`);
  }
}
