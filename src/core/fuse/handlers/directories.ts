/** OPENDIR, READDIR, READDIRPLUS, RELEASEDIR. */

import { EINVAL } from "../../sys/errno.ts";
import type { Exchange } from "../exchange.ts";
import type { Result } from "../filesystem.ts";
import { READ_IN, RELEASE_IN } from "../layout.ts";
import { putOpened, REPLY_BODY } from "../reply.ts";

export function opendir(x: Exchange): Result {
  const result = x.fileSystem.opendir(x, x.nodeid, x.opened);
  return result === 0 ? putOpened(x.reply.view, REPLY_BODY, x.opened) : result;
}

export function readdir(x: Exchange): Result {
  return list(x, false);
}

export function readdirplus(x: Exchange): Result {
  return list(x, true);
}

function list(x: Exchange, plus: boolean): Result {
  const fh = x.u64(READ_IN.at.fh);
  const offset = x.u64(READ_IN.at.offset);
  if (fh < 0 || offset < 0) return -EINVAL;
  const sizeBytes = Math.min(x.u32(READ_IN.at.size), x.replyCapacityBytes);
  const cookie = x.sink.begin(plus, offset, sizeBytes);
  const result = x.fileSystem.readdir(x, x.nodeid, fh, cookie, x.sink);
  if (result !== 0) return result;
  // No bytes would say "end of the directory".
  return x.sink.tooSmall ? -EINVAL : x.sink.bytes;
}

export function releasedir(x: Exchange): Result {
  const fh = x.u64(RELEASE_IN.at.fh);
  if (fh < 0) return -EINVAL;
  x.fileSystem.releasedir(x.nodeid, fh);
  return 0;
}
