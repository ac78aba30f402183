/** An origin that is over at once when it is closed (F-9). */

import { displayPath } from "../../bytes.ts";
import { OriginError } from "../../errors.ts";
import { cancelled } from "../abort.ts";
import type { Origin } from "../origin.ts";
import { following, type Operation, WrappedOrigin } from "./wrapped.ts";

/**
 * `close` ends every operation under way with `connection`, whether or not the inner origin does,
 * and none that comes after it reaches the inner origin.
 */
export function withClosing(inner: Origin): Origin {
  return new ClosingOrigin(inner);
}

class ClosingOrigin extends WrappedOrigin {
  readonly #closing: AbortController;

  constructor(inner: Origin) {
    const closing = new AbortController();
    super(inner, (operation, signal, run) => {
      if (closing.signal.aborted) return Promise.reject(closed(inner, operation));
      if (signal?.aborted) return Promise.reject(cancelled(signal));
      const { promise, reject } = Promise.withResolvers<never>();
      const ending = new AbortController();
      const stop = new DisposableStack();
      stop.use(following(signal, ending));
      stop.use(following(closing.signal, ending));
      ending.signal.addEventListener(
        "abort",
        () => reject(closing.signal.aborted ? closed(inner, operation) : cancelled(signal)),
        { once: true },
      );
      return Promise.race([run(ending.signal), promise]).finally(() => stop.dispose());
    });
    this.#closing = closing;
  }

  override close(): Promise<void> {
    this.#closing.abort();
    return super.close();
  }
}

function closed(origin: Origin, { path }: Operation): OriginError {
  return new OriginError("connection", origin.id, displayPath(path), "the origin was removed");
}
