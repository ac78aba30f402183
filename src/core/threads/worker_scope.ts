/** A Worker's side of its channel to the thread that started it, typed. */

interface WorkerScope<In, Out> {
  addEventListener(type: "message", listener: (event: { readonly data: In }) => void): void;
  postMessage(message: Out, transfer?: readonly ArrayBufferLike[]): void;
}

export interface WorkerChannel<In, Out> {
  /** Messages come while the Worker's event loop runs. */
  onMessage(listener: (message: In) => void): void;
  /** Works from inside a loop that never returns, too. What is transferred is gone here. */
  post(message: Out, transfer?: readonly ArrayBufferLike[]): void;
}

export function workerChannel<In, Out>(): WorkerChannel<In, Out> {
  const scope = globalThis as unknown as WorkerScope<In, Out>;
  return {
    onMessage: (listener) => scope.addEventListener("message", ({ data }) => listener(data)),
    post: (message, transfer = []) => scope.postMessage(message, transfer),
  };
}
