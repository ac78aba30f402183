/**
 * The recorded exchanges of fixtures/exchanges.txt (written by test/e2e/fuse/record.ts): lines
 * `> request` and `< reply` in hexadecimal, an empty reply where none was sent, `# …` for people.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface RecordedExchange {
  readonly title: string;
  readonly request: Uint8Array;
  readonly reply: Uint8Array;
}

export function readExchanges(): readonly RecordedExchange[] {
  const text = readFileSync(join(import.meta.dir, "fixtures/exchanges.txt"), "utf8");
  const lines = text.split("\n").filter((line) => line !== "");
  const exchanges: RecordedExchange[] = [];
  for (let i = 0; i + 2 < lines.length; i += 3) {
    const [title = "", request = "", reply = ""] = lines.slice(i, i + 3);
    if (!title.startsWith("# ") || !request.startsWith("> ") || !reply.startsWith("<")) {
      throw new Error(`fixtures/exchanges.txt: the exchange at line ${i + 1} is not one`);
    }
    exchanges.push({
      title: title.slice(2),
      request: Uint8Array.fromHex(request.slice(2)),
      reply: Uint8Array.fromHex(reply.slice(2)),
    });
  }
  return exchanges;
}
