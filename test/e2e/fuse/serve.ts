/**
 * A program that mounts the MemoryFileSystem and serves it in one thread until it is unmounted:
 *
 *     bun test/e2e/fuse/serve.ts MOUNT_POINT [--record FILE] [--passthrough]
 *
 * It prints one line of JSON once the mount is there (`Mounted` without `fd`), and one with the
 * counts of requests by name when it ends. `--record` writes every exchange as hexadecimal text:
 * `# description`, `> request`, `< reply`.
 */

import { writeFileSync } from "node:fs";
import { mount, raiseReadahead } from "../../../src/core/fuse/device.ts";
import { REQUEST_BYTES, Session } from "../../../src/core/fuse/session.ts";
import { formatRequest } from "../../../src/core/fuse/trace.ts";
import { EAGAIN, EINTR, ENODEV, ENOENT, errnoName } from "../../../src/core/sys/errno.ts";
import { libc } from "../../../src/core/sys/libc.ts";
import { Memory } from "../../../src/core/sys/memory.ts";
import { pageSizeBytes } from "../../../src/core/sys/page_size.ts";
import { MemoryFileSystem } from "../../core/fuse/memory_file_system.ts";

const [mountPoint = "", ...flags] = process.argv.slice(2);
const recordAt = flags.indexOf("--record");
const recordFile = recordAt < 0 ? undefined : flags[recordAt + 1];
const lines: string[] = [];
const counts: Record<string, number> = {};

const mounted = await mount({ mountPoint, allowOther: flags.includes("--allow-other") });
const session = new Session(new MemoryFileSystem(), {
  pageSizeBytes: pageSizeBytes(),
  passthrough: flags.includes("--passthrough"),
  onError: (error) => console.error(error),
});
process.stdout.write(
  `${JSON.stringify({ mountPoint: mounted.mountPoint, connection: mounted.connection })}\n`,
);

const request = new Memory(REQUEST_BYTES);
const calls = libc();
for (;;) {
  const length = calls.read(mounted.fd, request.address, request.sizeBytes);
  if (length === -ENODEV) break;
  if (length === -EINTR || length === -EAGAIN || length === -ENOENT) continue;
  if (length < 0) throw new Error(`read of the device: ${errnoName(length)}`);
  const bytes = request.bytes.subarray(0, length);
  const name = formatRequest(bytes).split(" ", 1)[0] ?? "";
  counts[name] = (counts[name] ?? 0) + 1;
  const replyLength = session.handle(request.bytes, length);
  if (recordFile !== undefined) {
    lines.push(`# ${formatRequest(bytes)}`, `> ${bytes.toHex()}`);
    lines.push(`< ${session.reply.bytes.subarray(0, replyLength).toHex()}`.trimEnd());
  }
  if (replyLength <= 0) continue;
  const written = calls.write(mounted.fd, session.reply.address, replyLength);
  if (written < 0 && written !== -ENOENT && written !== -ENODEV) {
    throw new Error(`write of a reply to ${name}: ${errnoName(written)}`);
  }
  if (name === "INIT") raiseReadahead(mounted.connection);
}
if (recordFile !== undefined) writeFileSync(recordFile, `${lines.join("\n")}\n`);
process.stdout.write(`${JSON.stringify(counts)}\n`);
