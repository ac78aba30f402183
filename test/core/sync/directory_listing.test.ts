import { describe, expect, test } from "bun:test";
import { TestLibrary } from "./fixture.ts";

describe("listOnDemand", () => {
  test("lists one directory and no other", async () => {
    await using library = await TestLibrary.open();
    for (let i = 0; i < 7; i++) library.memory.put(`d/x${i}`, "x");
    library.memory.put("e/y", "y");
    await library.list("");
    expect(library.catalog.tree()).toEqual(["d/", "e/"]);
    await library.list("d");
    expect(library.catalog.tree()).toHaveLength(9);
    expect(library.memory.counts.list).toBe(2);
  });

  test("removes at once what is gone", async () => {
    await using library = await TestLibrary.open();
    for (let i = 0; i < 7; i++) library.memory.put(`x${i}`, "x");
    await library.list("");
    library.memory.remove("x3");
    await library.list("");
    expect(library.catalog.tree()).not.toContain("x3=1");
    expect(library.catalog.tree()).toHaveLength(6);
  });

  test("learns from the parent that a directory is gone", async () => {
    await using library = await TestLibrary.open();
    for (const name of ["1", "2", "3", "a/b/x"]) library.memory.put(name, "x");
    await library.scan();
    library.memory.remove("a");
    const failure = await library.list("a/b").catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "not_found" });
    expect(library.catalog.tree()).toEqual(["1=1", "2=1", "3=1"]);
  });

  test("keeps a directory whose listing fails", async () => {
    await using library = await TestLibrary.open();
    library.memory.put("d/x", "x");
    await library.scan();
    library.memory.remove("d/x");
    using _down = library.faults.add({ fault: { kind: "error", code: "timeout" }, on: ["list"] });
    const failure = await library.list("d").catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "timeout" });
    expect(library.catalog.tree()).toContain("d/x=1");
  });

  test("leaves out directories that contain themselves, and what is excluded", async () => {
    await using library = await TestLibrary.open();
    library.memory.put("a/b/x", "x");
    library.memory.link("a/b/up", "../../a");
    library.memory.put("a/b/.nfs0001", "");
    await library.list("");
    await library.list("a");
    await library.list("a/b", [".nfs*"]);
    expect(library.catalog.tree()).toEqual(["a/", "a/b/", "a/b/x=1"]);
  });

  test("of one directory at once do not disturb each other", async () => {
    await using library = await TestLibrary.open();
    for (let i = 0; i < 20; i++) library.memory.put(`x${i}`, "x");
    await library.scan();
    library.memory.remove("x7");
    await Promise.all([library.list(""), library.scan(), library.list("")]);
    expect(library.catalog.tree()).toHaveLength(19);
  });
});
