import { describe, expect, test } from "bun:test";
import { nameFromBytes, pathFromText } from "../../../src/core/bytes.ts";
import type { EventAnswer } from "../../../src/core/control/event_json.ts";
import { CONTROL_STREAMS } from "../../../src/core/limits.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { Controlled } from "./controlled.ts";

const nas = "nas" as OriginId;
const disk = "disk" as OriginId;

async function all(events: AsyncIterable<EventAnswer | "missed">) {
  const found: (EventAnswer | "missed")[] = [];
  for await (const event of events) found.push(event);
  return found;
}

function typesOf(events: readonly (EventAnswer | "missed")[]): readonly string[] {
  return events.map((event) => (event === "missed" ? event : event.type));
}

async function next(events: AsyncGenerator<EventAnswer | "missed">): Promise<EventAnswer> {
  const { value, done } = await events.next();
  if (done || value === "missed") throw new Error("there is no next event");
  return value;
}

describe("GET /v1/events", () => {
  test("tells events with their time and fields, paths as text", async () => {
    await using controlled = new Controlled();
    controlled.serve();
    const path = pathFromText("Björk/Jóga.flac");
    controlled.events.emit({ type: "failover", path, from: nas, to: disk, reason: "timeout" });
    const bytes = nameFromBytes(Uint8Array.of(0xff, 0x41)) as string as typeof path;
    controlled.events.emit({ type: "file_added", origin: nas, path: bytes });
    const client = await controlled.client();
    expect(await all(client.events({ follow: false }))).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{8}-1$/),
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        ...{
          type: "failover",
          path: "Björk/Jóga.flac",
          from: "nas",
          to: "disk",
          reason: "timeout",
        },
      },
      {
        ...{ id: expect.stringMatching(/-2$/), time: expect.any(String) },
        ...{ type: "file_added", origin: "nas", path: "\\xffA" },
      },
    ]);
  });

  test("goes on with what happens, only of the types asked for", async () => {
    await using controlled = new Controlled();
    controlled.serve();
    const client = await controlled.client();
    const events = client.events({ follow: true, types: ["recovered", "scan_started"] });
    controlled.events.emit({ type: "recovered", origin: nas });
    expect((await next(events)).type).toBe("recovered");
    controlled.events.emit({ type: "all_origins_unhealthy" });
    controlled.events.emit({ type: "scan_started", origin: nas });
    expect(await next(events)).toMatchObject({ type: "scan_started", origin: "nas" });
    await events.return(undefined);
  });

  test("is taken up again after an event, by parameter or header", async () => {
    await using controlled = new Controlled();
    controlled.serve();
    for (let n = 0; n < 3; n++) controlled.events.emit({ type: "recovered", origin: nas });
    const client = await controlled.client();
    const [first] = await all(client.events({ follow: false }));
    const { id: after } = first as EventAnswer;
    expect(await all(client.events({ follow: false, after }))).toHaveLength(2);
    expect(await all(client.events({ follow: false, after: "latest" }))).toEqual([]);
    const headers = { "last-event-id": after };
    const text = await (await controlled.request("/v1/events?follow=false", { headers })).text();
    expect(text.match(/^id: /gm)).toHaveLength(2);
    // An id of another run says nothing of what this one had to tell.
    expect(await all(client.events({ follow: false, after: "00000000-2" }))).toHaveLength(3);
  });

  test("says that events were missed", async () => {
    await using controlled = new Controlled(4);
    controlled.serve();
    controlled.events.emit({ type: "recovered", origin: nas });
    const client = await controlled.client();
    const [first] = await all(client.events({ follow: false }));
    for (let n = 0; n < 9; n++) controlled.events.emit({ type: "recovered", origin: nas });
    const { id: after } = first as EventAnswer;
    expect(typesOf(await all(client.events({ follow: false, after })))).toEqual([
      "missed",
      ...Array(4).fill("recovered"),
    ]);
  });

  test("ends with the server", async () => {
    await using controlled = new Controlled();
    controlled.serve();
    const events = (await controlled.client()).events({ follow: true });
    controlled.events.emit({ type: "recovered", origin: nas });
    await next(events);
    const end = events.next();
    await controlled.close();
    const outcome = await end.then(
      ({ done }) => String(done),
      (error: unknown) => (error as { readonly code: string }).code,
    );
    expect(["true", "cancelled"]).toContain(outcome);
  });

  test("is read by so many at once; whoever leaves makes room", async () => {
    await using controlled = new Controlled();
    controlled.serve();
    controlled.events.emit({ type: "recovered", origin: nas });
    const client = await controlled.client();
    const streams = Array.from({ length: CONTROL_STREAMS }, () => client.events({ follow: true }));
    for (const stream of streams) await next(stream);
    await expect(all(client.events({ follow: false }))).rejects.toMatchObject({ code: "busy" });
    for (const stream of streams) await stream.return(undefined);
    for (let tries = 0; ; tries++) {
      const again = await all(client.events({ follow: false })).catch(() => undefined);
      if (again !== undefined) break;
      if (tries > 100) throw new Error("streams that were left are still counted");
      await Bun.sleep(20);
    }
  });
});
