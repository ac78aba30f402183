/** Takes the bytes of one range out of an answer, and no others. */

import type { Readable } from "node:stream";

/**
 * Fills `into` from the beginning and answers how many bytes came. Fewer: the body ends early. More:
 * it holds more than fits, and is cut off with its connection. One that just fits is read to its
 * end, so that the connection can be used again. Rejects with what the body fails with. The pieces of
 * the body are used up. `onProgress` is told of each.
 */
export function fill(
  body: Readable,
  into: Uint8Array,
  signal?: AbortSignal,
  onProgress: () => void = () => undefined,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let came = 0;
  body.on("data", (chunk: Uint8Array) => {
    if (signal?.aborted || came > into.byteLength) return;
    into.set(chunk.subarray(0, into.byteLength - came), came);
    came += chunk.byteLength;
    letGo(chunk);
    onProgress();
    if (came > into.byteLength) {
      resolve(came);
      body.destroy();
    }
  });
  body.once("end", () => resolve(came));
  body.once("error", reject);
  body.once("close", () => reject(new Error("the connection closed in the middle of a file")));
  return promise;
}

/**
 * Frees the memory of a piece that is all of what came at once. A collector would look for it late, and until then
 * each piece takes memory that the kernel has to clear first, which costs more than all that is done with the bytes.
 */
function letGo({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
