/** The metrics page on a TCP address, for who asked for it: nothing else is to be had there. */

import type { ListenAddress } from "../config/config.ts";
import { messageOf, OwnError } from "../errors.ts";
import type { Metrics } from "./metrics.ts";
import { targetOf } from "./request_target.ts";

/** Throws OwnError `config` when nobody can listen there. */
export function serveMetrics(
  { host, port }: ListenAddress,
  metrics: Metrics,
  onFault: (message: string) => void,
): AsyncDisposable & { readonly port: number } {
  let server: Bun.Server<undefined>;
  try {
    server = Bun.serve({
      hostname: host,
      port,
      // Bun shares a port unless told not to.
      reusePort: false,
      development: false,
      maxRequestBodySize: 0,
      async fetch(request) {
        if (targetOf(request).pathname !== "/metrics")
          return new Response("see /metrics\n", { status: 404 });
        if (request.method !== "GET") return new Response("GET only\n", { status: 405 });
        const { text, type } = await metrics.page();
        return new Response(text, { headers: { "content-type": type } });
      },
      error(error) {
        onFault(`the metrics page: ${messageOf(error)}`);
        return new Response("failed\n", { status: 500 });
      },
    });
  } catch (error) {
    const message = `nobody can listen on ${host}:${port} for metrics: ${messageOf(error)}`;
    throw new OwnError("config", message, { cause: error });
  }
  return { port: server.port ?? port, [Symbol.asyncDispose]: () => server.stop(true) };
}
