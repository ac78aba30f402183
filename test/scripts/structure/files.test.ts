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

  test("wants a test's subject where the test says it is", () => {
    const sources = { "src/core/vfs/nodes.ts": "", "scripts/build.ts": "" };
    expect(
      complaints({
        ...sources,
        "test/core/vfs/nodes.test.ts": "",
        "test/core/vfs/nodes.renames.test.ts": "",
        "test/core/vfs/nodes_lost_and_found.test.ts": "",
        "test/core/vfs/model.test.ts": 'import { Nodes } from "../../../src/core/vfs/nodes.ts";\n',
        "test/scripts/build.test.ts": "",
        "test/e2e/anything.test.ts": "",
      }),
    ).toEqual([]);
    expect(complaints({ ...sources, "test/core/vfs/node.test.ts": "" })).toEqual([
      "test/core/vfs/node.test.ts",
    ]);
    const elsewhere = 'import { build } from "../../../scripts/build.ts";\n';
    expect(complaints({ ...sources, "test/core/vfs/model.test.ts": elsewhere })).toHaveLength(1);
    expect(complaints({ ...sources, "test/core/nodes.test.ts": "" })).toEqual([
      "test/core/nodes.test.ts",
    ]);
  });

  test("accepts a test of a whole directory under the directory's name", () => {
    expect(
      complaints({ "src/core/fuse/handlers/read.ts": "", "test/core/fuse/handlers.test.ts": "" }),
    ).toEqual([]);
  });
});
