/**
 * Asks a server twice over TLS, which trusts it by NODE_EXTRA_CA_CERTS or not at all: `trusted_server.child.ts HOST PORT`.
 * Prints what came, or why nothing did, as JSON.
 */

import { HttpTransport } from "../../../../src/core/origins/s3/http.ts";

const [hostname = "", port = ""] = process.argv.slice(2);
const transport = new HttpTransport({ maxIdleConnections: 1 });
const request = { protocol: "https:", hostname, port: Number(port), method: "GET", path: "/" };

async function ask(): Promise<string> {
  const { response } = await transport.handle({ ...request, headers: { host: hostname } });
  return Buffer.from(response.body as Uint8Array).toString();
}

try {
  console.log(JSON.stringify([await ask(), await ask()]));
} catch (error) {
  console.log(JSON.stringify({ code: Object(error).code }));
} finally {
  transport.close();
}
