/** OPEN, READ, LSEEK, FLUSH, RELEASE. */

import { OwnError } from "../../errors.ts";
import { O_ACCMODE, O_RDONLY, O_TRUNC } from "../../sys/arch.ts";
import { EINVAL, ENXIO, EROFS } from "../../sys/errno.ts";
import { SEEK_DATA, SEEK_HOLE } from "../abi.ts";
import type { Exchange } from "../exchange.ts";
import type { Result } from "../filesystem.ts";
import { FLUSH_IN, LSEEK_IN, OPEN_IN, READ_IN, RELEASE_IN } from "../layout.ts";
import { putOffset, putOpened, REPLY_BODY } from "../reply.ts";

export function open(x: Exchange): Result {
  const flags = x.u32(OPEN_IN.at.flags);
  if ((flags & O_ACCMODE) !== O_RDONLY || (flags & O_TRUNC) !== 0) return -EROFS;
  const result = x.fileSystem.open(x, x.nodeid, flags, x.opened);
  return result === 0 ? putOpened(x.reply.view, REPLY_BODY, x.opened) : result;
}

export function read(x: Exchange): Result {
  const fh = x.u64(READ_IN.at.fh);
  const lengthBytes = x.u32(READ_IN.at.size);
  if (fh < 0 || lengthBytes > x.replyCapacityBytes) return -EINVAL;
  const offset = x.u64(READ_IN.at.offset);
  // No file reaches this far, and a read behind the end is empty.
  if (offset < 0) return 0;
  const count = x.fileSystem.read(x, x.nodeid, fh, offset, lengthBytes, x.reply, REPLY_BODY);
  if (count > lengthBytes) {
    return x.fault(new OwnError("internal", `READ of ${lengthBytes} bytes was given ${count}`));
  }
  return count;
}

export function lseek(x: Exchange): Result {
  const fh = x.u64(LSEEK_IN.at.fh);
  const whence = x.u32(LSEEK_IN.at.whence);
  if (fh < 0 || (whence !== SEEK_DATA && whence !== SEEK_HOLE)) return -EINVAL;
  const offset = x.u64(LSEEK_IN.at.offset);
  if (offset < 0) return -ENXIO;
  const result = x.fileSystem.lseek(x, x.nodeid, fh, offset, whence);
  return result >= 0 ? putOffset(x.reply.view, REPLY_BODY, result) : result;
}

export function flush(x: Exchange): Result {
  const fh = x.u64(FLUSH_IN.at.fh);
  if (fh < 0) return -EINVAL;
  return x.fileSystem.flush(x, x.nodeid, fh, x.bigU64(FLUSH_IN.at.lock_owner));
}

export function release(x: Exchange): Result {
  const fh = x.u64(RELEASE_IN.at.fh);
  if (fh < 0) return -EINVAL;
  x.fileSystem.release(x.nodeid, fh);
  return 0;
}
