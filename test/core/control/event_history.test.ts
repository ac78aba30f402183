import { describe, expect, test } from "bun:test";
import type { BytePath } from "../../../src/core/bytes.ts";
import { EventHistory, type HistoryReader } from "../../../src/core/control/event_history.ts";
import { EventBus } from "../../../src/core/events.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const nas = "nas" as OriginId;

function setUp(capacity: number) {
  const clock = new VirtualClock();
  const events = new EventBus();
  const history = new EventHistory(events, clock, capacity);
  const file = () => events.emit({ type: "file_added", origin: nas, path: "a" as BytePath });
  const other = () => events.emit({ type: "recovered", origin: nas });
  return { clock, events, history, file, other };
}

function rest(reader: HistoryReader): (number | "missed")[] {
  const found: (number | "missed")[] = [];
  for (let item = reader.next(); item !== undefined; item = reader.next()) {
    found.push(item === "missed" ? item : item.serial);
  }
  return found;
}

describe("EventHistory", () => {
  test("reads all that is kept, what came after an event, and goes on with what comes", () => {
    const { history, other } = setUp(10);
    for (let n = 0; n < 3; n++) other();
    const [all, later] = [history.read(), history.read(2)];
    expect([rest(all), rest(later), rest(history.read(3))]).toEqual([[1, 2, 3], [3], []]);
    other();
    expect([rest(all), rest(later), history.latest]).toEqual([[4], [4], 4]);
  });

  test("keeps files apart, so that many of them push nothing else out, and in order", () => {
    const { history, file, other } = setUp(3);
    other();
    for (let n = 0; n < 100; n++) file();
    other();
    expect(rest(history.read())).toEqual([1, 99, 100, 101, 102]);
  });

  test("says that events were missed: before the reader came, or while it was slow", () => {
    const { history, other } = setUp(3);
    const slow = history.read();
    other();
    expect(rest(slow)).toEqual([1]);
    for (let n = 0; n < 5; n++) other();
    expect(rest(slow)).toEqual(["missed", 4, 5, 6]);
    expect(rest(history.read(1))).toEqual(["missed", 4, 5, 6]);
    expect(rest(history.read(3))).toEqual([4, 5, 6]);
    expect(rest(history.read())).toEqual([4, 5, 6]);
  });

  test("wakes who waits, at an event, after the time or when asked to stop", async () => {
    const { clock, history, other } = setUp(3);
    const event = history.changed(1000);
    other();
    expect(await event).toBe(true);
    const silence = history.changed(1000);
    await clock.advance(1000);
    expect(await silence).toBe(false);
    const stop = new AbortController();
    const stopped = history.changed(1000, stop.signal);
    stop.abort();
    expect(await stopped).toBe(false);
    expect(await history.changed(1000, stop.signal)).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  test("listens until it is disposed (F-9)", () => {
    const { events, history } = setUp(3);
    expect(events.listenerCount).toBe(1);
    history[Symbol.dispose]();
    expect(events.listenerCount).toBe(0);
  });
});
