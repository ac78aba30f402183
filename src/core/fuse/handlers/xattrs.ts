/** GETXATTR and LISTXATTR. Size 0 asks how large the answer would be. */

import { ERANGE } from "../../sys/errno.ts";
import { XATTR_SIZE_MAX_BYTES } from "../abi.ts";
import type { Exchange } from "../exchange.ts";
import type { Result } from "../filesystem.ts";
import { GETXATTR_IN } from "../layout.ts";
import { putXattrSize, REPLY_BODY } from "../reply.ts";

const NO_ROOM = new Uint8Array(0);

export function getxattr(x: Exchange): Result {
  const name = x.xattrName(GETXATTR_IN.sizeBytes);
  if (typeof name === "number") return name;
  const into = room(x);
  return answer(x, into, x.fileSystem.getxattr(x, x.nodeid, name, into));
}

export function listxattr(x: Exchange): Result {
  const into = room(x);
  return answer(x, into, x.fileSystem.listxattr(x, x.nodeid, into));
}

function room(x: Exchange): Uint8Array {
  const size = Math.min(x.u32(GETXATTR_IN.at.size), XATTR_SIZE_MAX_BYTES, x.replyCapacityBytes);
  return size === 0 ? NO_ROOM : x.reply.bytes.subarray(REPLY_BODY, REPLY_BODY + size);
}

function answer(x: Exchange, into: Uint8Array, result: Result): Result {
  if (result < 0) return result;
  if (into.length === 0) return putXattrSize(x.reply.view, REPLY_BODY, result);
  return result > into.length ? -ERANGE : result;
}
