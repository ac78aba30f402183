import { type Pointer, toArrayBuffer } from "bun:ffi";

/** Answers of getdents64, as of file systems that tell no types: sets d_type of every record to DT_UNKNOWN, in memory that only an address is known of. */
export function eraseTypes(address: number, lengthBytes: number): void {
  if (lengthBytes <= 0) return;
  const view = new DataView(toArrayBuffer(address as Pointer, 0, lengthBytes));
  for (let at = 0; at < lengthBytes; at += view.getUint16(at + 16, true)) view.setUint8(at + 18, 0);
}
