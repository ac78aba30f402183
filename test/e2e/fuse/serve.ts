/**
 * A program that mounts the MemoryFileSystem and serves it in one thread until it is unmounted:
 *
 *     bun test/e2e/fuse/serve.ts MOUNT_POINT [OPTION]…
 *
 * It prints `Mounted` as one line of JSON once the mount is there, and the counts of requests by
 * name as another when it ends. A mount that fails is told on stderr, with exit status 1.
 *
 *     --allow-other
 *     --record FILE       write every exchange as hexadecimal text: `# description`, `> request`,
 *                         `< reply`
 *     --passthrough FILE  let the kernel read `01 song.flac` from FILE
 *     --slow              READs of `naïve.mp3` are deferred until they are interrupted
 *     --notify            when `empty` is closed, make the kernel forget names and pages
 */

import { openSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { messageOf, OwnError } from "../../../src/core/errors.ts";
import { FOPEN_PASSTHROUGH } from "../../../src/core/fuse/abi.ts";
import { backingClose, backingOpen, mount, raiseReadahead } from "../../../src/core/fuse/device.ts";
import {
  DEFERRED,
  type OpenedFile,
  type RequestContext,
  type Result,
} from "../../../src/core/fuse/filesystem.ts";
import {
  deleteEntry,
  invalidateEntry,
  invalidateInode,
  NOTIFY_BYTES,
} from "../../../src/core/fuse/notify.ts";
import { errorReply } from "../../../src/core/fuse/reply.ts";
import { REQUEST_BYTES, Session } from "../../../src/core/fuse/session.ts";
import { formatRequest } from "../../../src/core/fuse/trace.ts";
import { EAGAIN, EINTR, ENODEV, ENOENT, errnoName } from "../../../src/core/sys/errno.ts";
import { libc } from "../../../src/core/sys/libc.ts";
import { Memory } from "../../../src/core/sys/memory.ts";
import { pageSizeBytes } from "../../../src/core/sys/page_size.ts";
import { MemoryFileSystem } from "../../core/fuse/memory_file_system.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "allow-other": { type: "boolean", default: false },
    record: { type: "string" },
    passthrough: { type: "string" },
    slow: { type: "boolean", default: false },
    notify: { type: "boolean", default: false },
  },
});

const ROOT = 1;
const ALBUM = 2;
const SONG = 3;
const SLOW = 4;
const EMPTY = 6;

const counts: Record<string, number> = {};
const count = (name: string) => {
  counts[name] = (counts[name] ?? 0) + 1;
};

const mounted = await mount({
  mountPoint: positionals[0] ?? "",
  allowOther: options["allow-other"],
}).then(
  (result) => {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return result;
  },
  (error: unknown) => {
    process.stderr.write(
      `${error instanceof OwnError ? error.code : "bug"}: ${messageOf(error)}\n`,
    );
    process.exit(1);
  },
);

class ServedFileSystem extends MemoryFileSystem {
  #backingId = 0;
  #backingUsers = 0;

  override open(context: RequestContext, nodeid: number, flags: number, out: OpenedFile): Result {
    const result = super.open(context, nodeid, flags, out);
    if (result !== 0 || nodeid !== SONG || options.passthrough === undefined) return result;
    if (this.#backingUsers++ === 0) {
      this.#backingId = backingOpen(mounted.fd, openSync(options.passthrough, "r"));
      if (this.#backingId <= 0) return this.#backingId;
      count("backingOpen");
    }
    out.flags = FOPEN_PASSTHROUGH;
    out.backingId = this.#backingId;
    return 0;
  }

  override read(...args: Parameters<MemoryFileSystem["read"]>): Result {
    return options.slow && args[1] === SLOW ? DEFERRED : super.read(...args);
  }

  override interrupt(unique: number): void {
    write("EINTR", answer, errorReply(answer, unique, -EINTR));
  }

  override release(nodeid: number, handle: number): void {
    super.release(nodeid, handle);
    if (nodeid === EMPTY && options.notify) notify();
    if (nodeid !== SONG || this.#backingId === 0 || --this.#backingUsers > 0) return;
    if (backingClose(mounted.fd, this.#backingId) === 0) count("backingClose");
  }
}

const answer = new Memory(NOTIFY_BYTES);

function write(name: string, from: Memory, lengthBytes: number): void {
  const written = libc().write(mounted.fd, from.address, lengthBytes);
  // Unmounted, or nobody waits for it any more.
  if (written === -ENODEV || written === -ENOENT) return;
  if (written < 0) throw new Error(`write of ${name}: ${errnoName(written)}`);
  count(`wrote ${name}`);
}

/** Only because nothing else is under way may this thread do it. */
function notify(): void {
  const name = Buffer.from("naïve.mp3");
  write("INVAL_INODE", answer, invalidateInode(answer, ALBUM, 0, 0));
  write("INVAL_ENTRY", answer, invalidateEntry(answer, ALBUM, name, false));
  write("EXPIRE_ENTRY", answer, invalidateEntry(answer, ROOT, Buffer.from("many"), true));
  write("DELETE", answer, deleteEntry(answer, ALBUM, SONG, Buffer.from("01 song.flac")));
}

const session = new Session(new ServedFileSystem(), {
  pageSizeBytes: pageSizeBytes(),
  passthrough: options.passthrough !== undefined,
  onError: (error) => console.error(error),
});
const record: string[] = [];
const request = new Memory(REQUEST_BYTES);
for (;;) {
  const length = libc().read(mounted.fd, request.address, request.sizeBytes);
  if (length === -ENODEV) break;
  if (length === -EINTR || length === -EAGAIN || length === -ENOENT) continue;
  if (length < 0) throw new Error(`read of the device: ${errnoName(length)}`);
  const bytes = request.bytes.subarray(0, length);
  const title = formatRequest(bytes);
  const name = title.split(" ", 1)[0] ?? "";
  count(name);
  const replyLength = session.handle(request.bytes, length);
  const reply = session.reply.bytes.subarray(0, Math.max(replyLength, 0));
  record.push(`# ${title}`, `> ${bytes.toHex()}`, `< ${reply.toHex()}`.trimEnd());
  if (options.record === undefined) record.length = 0;
  if (replyLength > 0) write("replies", session.reply, replyLength);
  if (name === "INIT") raiseReadahead(mounted.connection);
}
if (options.record !== undefined) writeFileSync(options.record, `${record.join("\n")}\n`);
process.stdout.write(`${JSON.stringify(counts)}\n`);
