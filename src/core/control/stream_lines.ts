/** The lines of a response that goes on for as long as there is something to say. */

import { OwnError } from "../errors.ts";

/**
 * Yields each line without its end. Ends with the response; throws `cancelled` when that breaks off
 * or nothing comes for `silenceMs`. Leaving the loop ends the response.
 */
export async function* linesOf(response: Response, silenceMs: number): AsyncGenerator<string> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read(), silenceMs);
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } finally {
    // The server may be gone: whatever comes of this is nobody's business any more.
    reader.cancel().catch(() => undefined);
  }
}

async function inTime<T>(reading: Promise<T>, silenceMs: number): Promise<T> {
  const silence = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    silence.reject(new OwnError("cancelled", `the mount said nothing for ${silenceMs} ms`));
  }, silenceMs);
  try {
    return await Promise.race([reading, silence.promise]);
  } catch (error) {
    if (error instanceof OwnError) throw error;
    throw new OwnError("cancelled", "the connection to the mount broke off", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
