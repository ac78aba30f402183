import { describe, expect, test } from "bun:test";
import { throwIfAborted, untilAborted } from "../../../src/core/origins/abort.ts";

const outcomeOf = (promise: Promise<unknown>) =>
  promise.then(
    (value) => value,
    (error) => error.code ?? error.message,
  );

describe("untilAborted", () => {
  test("settles as the promise does", async () => {
    const { signal } = new AbortController();
    expect(await outcomeOf(untilAborted(Promise.resolve(7), signal))).toBe(7);
    expect(await outcomeOf(untilAborted(Promise.reject(new Error("no")), signal))).toBe("no");
    expect(await outcomeOf(untilAborted(Promise.resolve(7)))).toBe(7);
  });

  test("rejects as soon as the signal aborts, with its reason as the cause", async () => {
    const controller = new AbortController();
    const waiting = untilAborted(new Promise(() => undefined), controller.signal);
    controller.abort("enough");
    await expect(waiting).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
    const late = untilAborted(new Promise(() => undefined), AbortSignal.abort());
    expect(await outcomeOf(late)).toBe("cancelled");
  });

  test("ignores what the promise comes to afterwards", async () => {
    const controller = new AbortController();
    const work = Promise.withResolvers<number>();
    const waiting = untilAborted(work.promise, controller.signal);
    controller.abort();
    work.reject(new Error("too late"));
    expect(await outcomeOf(waiting)).toBe("cancelled");
  });

  test("leaves no listener on a signal that lives on", async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    await untilAborted(Promise.resolve(), signal);
    await outcomeOf(untilAborted(Promise.reject(new Error("no")), signal));
    expect(listeners).toBe(0);
  });
});

describe("throwIfAborted", () => {
  test("throws `cancelled` once the signal has aborted", () => {
    expect(() => throwIfAborted(undefined)).not.toThrow();
    expect(() => throwIfAborted(new AbortController().signal)).not.toThrow();
    expect(() => throwIfAborted(AbortSignal.abort())).toThrow("cancelled");
  });
});
