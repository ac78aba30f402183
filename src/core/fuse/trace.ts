/** Requests and replies as lines for people, from the same tables that serve them. */

import { errnoName } from "../sys/errno.ts";
import { IN_HEADER, type Layout, OUT_HEADER } from "./layout.ts";
import { opcodeOf } from "./opcodes.ts";

const IN = IN_HEADER.at;
const OUT = OUT_HEADER.at;

/** `READ unique=8 nodeid=2 uid=0 gid=0 pid=812 fh=1 offset=0 size=4096 …`; any bytes will do. */
export function formatRequest(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < IN_HEADER.sizeBytes) return `cut request of ${bytes.byteLength} bytes`;
  const code = view.getUint32(IN.opcode, true);
  const opcode = opcodeOf(code);
  const parts = [
    opcode?.name ?? `opcode ${code}`,
    `unique=${view.getBigUint64(IN.unique, true)}`,
    `nodeid=${view.getBigUint64(IN.nodeid, true)}`,
    `uid=${view.getUint32(IN.uid, true)}`,
    `gid=${view.getUint32(IN.gid, true)}`,
    `pid=${view.getUint32(IN.pid, true)}`,
  ];
  if (opcode === undefined) return parts.join(" ");
  const bodyAt = IN_HEADER.sizeBytes;
  parts.push(...formatMembers(view, bodyAt, opcode.body));
  parts.push(...formatStrings(bytes, bodyAt + opcode.body.sizeBytes, opcode.strings));
  return parts.join(" ");
}

/** `-> unique=8 144 bytes` or `-> unique=8 ENOENT`. */
export function formatReply(bytes: Uint8Array): string {
  if (bytes.byteLength < OUT_HEADER.sizeBytes) return `cut reply of ${bytes.byteLength} bytes`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const error = view.getInt32(OUT.error, true);
  const outcome = error < 0 ? errnoName(error) : `${view.getUint32(OUT.len, true)} bytes`;
  return `-> unique=${view.getBigUint64(OUT.unique, true)} ${outcome}`;
}

function formatMembers(view: DataView, bodyAt: number, body: Layout): string[] {
  const parts: string[] = [];
  for (const [name, size] of Object.entries(body.members)) {
    if (/^(padding|dummy|unused)/.test(name)) continue;
    const at = bodyAt + (body.at[name] ?? 0);
    if (typeof size !== "number" || at + size > view.byteLength) break;
    parts.push(`${name}=${size === 8 ? view.getBigUint64(at, true) : view.getUint32(at, true)}`);
  }
  return parts;
}

function formatStrings(bytes: Uint8Array, at: number, count: number): string[] {
  const parts: string[] = [];
  let start = at;
  for (let i = 0; i < count && start < bytes.byteLength; i++) {
    const nul = bytes.indexOf(0, start);
    const end = nul < 0 ? bytes.byteLength : nul;
    parts.push(JSON.stringify(Buffer.from(bytes.subarray(start, end)).toString("latin1")));
    start = end + 1;
  }
  return parts;
}
