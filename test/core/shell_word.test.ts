import { describe, expect, test } from "bun:test";
import { shellWord } from "../../src/core/shell_word.ts";

describe("shellWord", () => {
  test.each(["~/music", "SHA256:ab+/c", "--port=22", "", "a b", "it's", "$(x)`y`\\", "*", "; ls"])(
    "a shell takes %p for one word, as it was",
    (text) => {
      // The tilde of a plain word is for the shell to expand.
      const { stdout } = Bun.spawnSync(["sh", "-c", `printf %s, ${shellWord(text)}`], {
        env: { HOME: "~" },
      });
      expect(stdout.toString()).toBe(`${text},`);
    },
  );
});
