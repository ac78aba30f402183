/** LOOKUP, FORGET, BATCH_FORGET, GETATTR, STATFS. */

import { EINVAL } from "../../sys/errno.ts";
import { GETATTR_FH } from "../abi.ts";
import type { Exchange } from "../exchange.ts";
import type { Result } from "../filesystem.ts";
import { BATCH_FORGET_IN, FORGET_IN, FORGET_ONE, GETATTR_IN } from "../layout.ts";
import { putAttributes, putEntry, putStatFs, REPLY_BODY } from "../reply.ts";

export function lookup(x: Exchange): Result {
  const name = x.name(0);
  if (typeof name === "number") return name;
  const result = x.fileSystem.lookup(x, x.nodeid, name, x.entry);
  return result === 0 ? putEntry(x.reply.view, REPLY_BODY, x.entry) : result;
}

export function forget(x: Exchange): Result {
  const count = x.u64(FORGET_IN.at.nlookup);
  if (count > 0) x.fileSystem.forget(x.nodeid, count);
  return 0;
}

export function batchForget(x: Exchange): Result {
  const start = BATCH_FORGET_IN.sizeBytes;
  const room = Math.floor((x.bodyBytes - start) / FORGET_ONE.sizeBytes);
  const count = x.u32(BATCH_FORGET_IN.at.count);
  if (count > room) return -EINVAL;
  for (let i = 0; i < count; i++) {
    const at = start + i * FORGET_ONE.sizeBytes;
    const nodeid = x.u64(at + FORGET_ONE.at.nodeid);
    const lookups = x.u64(at + FORGET_ONE.at.nlookup);
    if (nodeid > 0 && lookups > 0) x.fileSystem.forget(nodeid, lookups);
  }
  return 0;
}

export function getattr(x: Exchange): Result {
  const hasHandle = (x.u32(GETATTR_IN.at.getattr_flags) & GETATTR_FH) !== 0;
  const fh = hasHandle ? x.u64(GETATTR_IN.at.fh) : -1;
  if (hasHandle && fh < 0) return -EINVAL;
  const result = x.fileSystem.getattr(x, x.nodeid, fh, x.attributes);
  return result === 0 ? putAttributes(x.reply.view, REPLY_BODY, x.attributes) : result;
}

export function statfs(x: Exchange): Result {
  const result = x.fileSystem.statfs(x, x.nodeid, x.statfs);
  return result === 0 ? putStatFs(x.reply.view, REPLY_BODY, x.statfs) : result;
}
