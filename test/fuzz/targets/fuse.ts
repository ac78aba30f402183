import { DEFERRED, type FileSystem } from "../../../src/core/fuse/filesystem.ts";
import { NO_REPLY, REPLY_BYTES, Session } from "../../../src/core/fuse/session.ts";
import { formatReply, formatRequest } from "../../../src/core/fuse/trace.ts";
import { Memory } from "../../../src/core/sys/memory.ts";
import { readExchanges } from "../../core/fuse/exchanges.ts";
import { MemoryFileSystem } from "../../core/fuse/memory_file_system.ts";
import { PAGE, startedNegotiation } from "../../core/fuse/requests.ts";
import { type FuzzTarget, fuzzed } from "../target.ts";

const HEADER_BYTES = 40;
/** What the file system remembers is forgotten after so many requests. */
const SESSION_REQUESTS = 1000;

/** Requests as the kernel writes them, on a session of which INIT is still to come, and on one behind it. */
export const fuse: FuzzTarget = {
  name: "fuse",
  seeds: readExchanges().map(({ request }) => request),
  tokens: ["user.musicfs.origin\0", "album\0", "\0"],
  smokeInputs: 100_000,
  start() {
    const reply = new Memory(REPLY_BYTES);
    let requests = 0;
    let fileSystem: FileSystem = new MemoryFileSystem();
    return fuzzed((input) => {
      if (requests++ % SESSION_REQUESTS === 0) fileSystem = new MemoryFileSystem();
      // Mostly with a true length, or nothing else would be reached.
      if (input.byteLength >= 4 && requests % 10 !== 0) {
        new DataView(input.buffer, input.byteOffset).setUint32(0, input.byteLength, true);
      }
      for (const negotiated of [{}, { negotiated: startedNegotiation() }]) {
        const session = new Session(fileSystem, {
          ...{ pageSizeBytes: PAGE, passthrough: true, reply, ...negotiated },
          // The file system keeps its contract, so whatever is reported is the session's fault.
          onError: (error) => {
            if (!String(error).includes("kernel")) throw error;
          },
        });
        checkReply(session, input, session.handle(input));
        formatRequest(input);
      }
    });
  },
};

/** Throws unless the reply is one that a kernel takes. */
export function checkReply(session: Session, request: Uint8Array, replyLength: number): void {
  if (replyLength === NO_REPLY || replyLength === DEFERRED) return;
  const { view } = session.reply;
  const sent = new DataView(request.buffer, request.byteOffset, request.byteLength);
  const error = view.getInt32(4, true);
  const isWhole =
    request.byteLength >= HEADER_BYTES &&
    view.getUint32(0, true) === replyLength &&
    view.getBigUint64(8, true) === sent.getBigUint64(8, true) &&
    (error === 0 || (error < 0 && error > -4096 && replyLength === 16));
  if (isWhole) return;
  const bytes = session.reply.bytes.subarray(0, replyLength);
  throw new Error(`${formatRequest(request)} ${formatReply(bytes)}`);
}
