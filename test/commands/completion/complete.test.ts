import { describe, expect, test } from "bun:test";
import { Argument, Command, Option } from "commander";
import { complete } from "../../../src/commands/completion/complete.ts";
import { repeatable } from "../../../src/commands/repeatable.ts";

/** A program that has one of everything. */
function program(): Command {
  const top = new Command("music").option("--config <FILE>", "a file").option("--json", "as JSON");
  top
    .command("play")
    .description("play it")
    .addArgument(new Argument("<speed>", "how fast").choices(["slow", "fast"]))
    .argument("[origin...]", "from where")
    .addOption(new Option("--mode <mode>", "how").choices(["loud", "low"]))
    .option("--exclude <GLOB>", "what not", repeatable)
    .option("-v, --verbose [true|false]", "say more");
  const nested = top.command("list").description("lists");
  nested.command("make").description("make one").argument("<name>", "a new name");
  nested.command("drop").description("drop one").argument("<id>", "which");
  top.command("mount").description("mount it").argument("[mountpoint]");
  top.command("secret", { hidden: true });
  return top;
}

const sources = {
  originIds: async (file: string | undefined) => (file === "/my" ? ["mine"] : ["nas", "disk"]),
};

async function texts(...words: readonly string[]): Promise<readonly string[]> {
  const { candidates } = await complete(program(), words, sources);
  return candidates.map(({ text }) => text);
}

async function paths(...words: readonly string[]): Promise<string> {
  return (await complete(program(), words, sources)).paths;
}

describe("complete()", () => {
  test("offers commands with what they do, and none that are hidden", async () => {
    expect(await complete(program(), [""], sources)).toEqual({
      candidates: [
        { text: "play", description: "play it" },
        { text: "list", description: "lists" },
        { text: "mount", description: "mount it" },
      ],
      paths: "none",
    });
    expect(await texts("pl")).toEqual(["play"]);
    expect(await texts("list", "")).toEqual(["make", "drop"]);
    expect(await texts("list", "d")).toEqual(["drop"]);
    expect(await texts("--json", "list", "d")).toEqual(["drop"]);
  });

  test("offers flags of the command and the program, and each once unless it may be repeated", async () => {
    expect(await texts("play", "-")).toEqual([
      ...["--mode", "--exclude", "--verbose", "--config", "--json", "--help"],
    ]);
    expect(await texts("play", "--mode", "loud", "--exclude", "x", "--")).toEqual([
      ...["--exclude", "--verbose", "--config", "--json", "--help"],
    ]);
    expect(await texts("list", "--m")).toEqual([]);
  });

  test("offers a flag's values, after a blank, an equals sign, and what bash makes of that", async () => {
    expect(await texts("play", "--mode", "")).toEqual(["loud", "low"]);
    expect(await texts("play", "--mode", "lo")).toEqual(["loud", "low"]);
    expect(await texts("play", "--mode=lou")).toEqual(["--mode=loud"]);
    expect(await texts("play", "--mode", "=")).toEqual(["loud", "low"]);
    expect(await texts("play", "--mode", "=", "lou")).toEqual(["loud"]);
    expect(await texts("play", "--nonsense=")).toEqual([]);
  });

  test("a value that may be left out is offered, and is no argument", async () => {
    expect(await texts("play", "--verbose", "")).toEqual(["true", "false"]);
    expect(await texts("play", "--verbose", "--mo")).toEqual(["--mode"]);
    expect(await texts("play", "--verbose", "--mode", "low", "")).toEqual(["slow", "fast"]);
    expect(await texts("play", "-v", "true", "")).toEqual(["slow", "fast"]);
  });

  test("offers arguments by their place, origins of the configuration that is named", async () => {
    expect(await texts("play", "")).toEqual(["slow", "fast"]);
    expect(await texts("play", "slow", "")).toEqual(["nas", "disk"]);
    expect(await texts("play", "slow", "nas", "d")).toEqual(["disk"]);
    expect(await texts("list", "drop", "")).toEqual(["nas", "disk"]);
    expect(await texts("list", "drop", "nas", "")).toEqual([]);
    expect(await texts("--config", "/my", "list", "drop", "")).toEqual(["mine"]);
    expect(await texts("list", "drop", "--config=/my", "")).toEqual(["mine"]);
  });

  test("names for something new are left to the person", async () => {
    expect(await complete(program(), ["list", "make", ""], sources)).toEqual({
      candidates: [],
      paths: "none",
    });
  });

  test("lets the shell offer files and directories where these are wanted", async () => {
    expect(await paths("--config", "")).toBe("files");
    expect(await paths("mount", "/mn")).toBe("directories");
    expect(await paths("play", "--mode", "")).toBe("none");
  });

  test("after -- nothing is a flag", async () => {
    expect(await texts("play", "--", "--")).toEqual([]);
    expect(await texts("play", "--", "s")).toEqual(["slow"]);
  });
});
