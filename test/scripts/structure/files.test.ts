import { describe, expect, test } from "bun:test";
import { checkFiles } from "../../../scripts/structure/files.ts";

/** The files that the check complains of. */
function complaints(files: Readonly<Record<string, string>>): readonly string[] {
  return checkFiles(new Map(Object.entries(files))).map(({ path }) => path);
}

describe("checkFiles()", () => {
  test("allows 400 lines and no more", () => {
    expect(complaints({ "src/a.ts": "x\n".repeat(400) })).toEqual([]);
    expect(complaints({ "src/a.ts": "x\n".repeat(401) })).toEqual(["src/a.ts"]);
  });

  test.each(["src/utils.ts", "src/core/origin-helpers.ts", "scripts/manager.ts", "src/utils/a.ts"])(
    "refuses the name %s",
    (path) => {
      expect(complaints({ [path]: "" })).toEqual([path]);
    },
  );

  test("accepts names that only contain such a word", () => {
    expect(complaints({ "src/core/utilization.ts": "", "src/mount_helper.ts": "" })).toEqual([]);
  });

  test("wants tests where the sources have a directory, or a file with tests of several aspects", () => {
    const sources = {
      "src/core/vfs/nodes.ts": "",
      "src/core/origins/s3.ts": "",
      "scripts/build.ts": "",
    };
    expect(
      complaints({
        ...sources,
        "test/core/vfs/nodes.test.ts": "",
        "test/core/vfs/nodes_renamed.test.ts": "",
        "test/core/origins/s3/fuzz.test.ts": "",
        "test/scripts/build.test.ts": "",
        "test/e2e/anything.test.ts": "",
        "test/core/shed/support.ts": "",
      }),
    ).toEqual([]);
    expect(complaints({ ...sources, "test/core/vf/nodes.test.ts": "" })).toEqual([
      "test/core/vf/nodes.test.ts",
    ]);
    expect(complaints({ ...sources, "test/core/origins/s/fuzz.test.ts": "" })).toHaveLength(1);
  });
});
