import { describe, expect, test } from "bun:test";
import { OwnError } from "../../../src/core/errors.ts";
import type { Session } from "../../../src/core/fuse/session.ts";
import {
  DeferredRequests,
  type DeferredRequestsPorts,
} from "../../../src/core/mount/deferred_requests.ts";

const damaged = () => {
  throw new OwnError("catalog", "the catalog cannot be read");
};

/** Requests behind which everything fails that `failing` names. */
function setUp(failing: Partial<DeferredRequestsPorts>) {
  const replies: number[] = [];
  const faults: string[] = [];
  const requests = new DeferredRequests({
    session: { handle: () => 16, reply: {} } as unknown as Session,
    reply: (_memory, length) => void replies.push(length),
    listings: { ensure: async () => undefined } as never,
    opens: {} as never,
    reads: {} as never,
    files: {} as never,
    onLocalFailure: () => undefined,
    fingerprint: () => undefined,
    onClosed: () => undefined,
    onReleased: () => undefined,
    onAnswered: () => undefined,
    onFault: (what) => void faults.push(what),
    ...failing,
  });
  return { requests, replies, faults };
}

const LOOKUP = {
  kind: "directory",
  unique: 2,
  directory: 1,
  request: new Uint8Array(0),
} as const;

describe("DeferredRequests", () => {
  test("NFR-7.2 answers a directory request though the catalog cannot be read", async () => {
    const ensure = async () => damaged();
    const { requests, replies, faults } = setUp({ listings: { ensure } as never });
    requests.handle(LOOKUP);
    await requests.settled();
    expect(replies).toEqual([16]);
    expect(faults).toEqual(["a deferred directory"]);
  });

  test("tells a failure after the answer, or of what needs none, as a fault and goes on", async () => {
    const { requests, replies, faults } = setUp({ onAnswered: damaged, fingerprint: damaged });
    requests.handle(LOOKUP);
    requests.handle({ kind: "fingerprint", version: 1 });
    await requests.settled();
    expect(replies).toEqual([16]);
    expect(faults.sort()).toEqual(["a deferred directory", "a deferred fingerprint"]);
  });
});
