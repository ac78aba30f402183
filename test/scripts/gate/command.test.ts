import { describe, expect, test } from "bun:test";
import { runCommand } from "../../../scripts/gate/command.ts";
import { leftProcesses } from "../../../scripts/gate/leftovers.ts";

describe("runCommand()", () => {
  test("returns the exit status", async () => {
    expect(await runCommand(["sh", "-c", "exit 7"], { deadlineMs: 10_000 })).toEqual({
      status: 7,
      timedOut: false,
    });
  });

  test("passes the environment on and gives no input", async () => {
    const command = ["sh", "-c", '[ "$ANSWER" = 42 ] && ! read -r line'] as const;
    const { status } = await runCommand(command, { env: { ANSWER: "42" }, deadlineMs: 10_000 });
    expect(status).toBe(0);
  });

  test("kills everything the command started at the deadline", async () => {
    const mark = `musicfs-${crypto.randomUUID()}`;
    const result = await runCommand(["sh", "-c", "sleep 60 & sleep 60"], {
      env: { MARK: mark },
      deadlineMs: 200,
    });
    expect(result).toEqual({ status: null, timedOut: true });
    while (leftProcesses(mark).length > 0) await Bun.sleep(5);
  });
});
