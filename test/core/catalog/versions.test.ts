import { describe, expect, test } from "bun:test";
import { A, B, C, file, namesOf, origin, path, TestCatalog } from "./fixture.ts";
import { brokenInvariants } from "./invariants.ts";

/** One file of the same size on three origins; answers their versions. */
async function threeReplicas(
  catalog: TestCatalog,
): Promise<Partial<Record<"a" | "b" | "c", number>>> {
  await catalog.store.configureOrigins([origin(A, 1), origin(B, 2), origin(C, 3)]);
  for (const id of [A, B, C])
    await catalog.list(id, "", [file("x", 4, { mode: id === A ? 0o600 : 0o640 })]);
  const version = catalog.node("x")?.version ?? 0;
  return Object.fromEntries(
    catalog.reader.replicas(version).map((replica) => [replica.origin, replica.version]),
  );
}

function matches(catalog: TestCatalog, version: number): string[] {
  return catalog.reader.replicas(version).map(({ origin, match }) => `${origin} ${match}`);
}

describe("versions", () => {
  test("of equal size are unverified, then told by fingerprints (FR-13.4)", async () => {
    await using catalog = new TestCatalog();
    const { store } = catalog;
    const { a = 0, b = 0, c = 0 } = await threeReplicas(catalog);
    expect(matches(catalog, a)).toEqual(["a proved", "b unverified", "c unverified"]);
    await store.setFingerprint(a, "11");
    expect((await store.setFingerprint(b, "11")).events).toEqual([]);
    const changes = await store.setFingerprint(c, "22");
    expect(changes.names).toEqual([]);
    expect(changes.events).toEqual([
      { type: "replica_mismatch", path: path("x"), origins: [A, C], how: "fingerprint" },
      { type: "replica_mismatch", path: path("x"), origins: [B, C], how: "fingerprint" },
    ]);
    expect(matches(catalog, a)).toEqual(["a proved", "b probable", "c different"]);
    expect(matches(catalog, c)).toEqual(["a different", "b different", "c proved"]);
    expect((await store.setFingerprint(c, "22")).events).toEqual([]);
  });

  test("keep what they consist of until nothing holds them any more", async () => {
    await using catalog = new TestCatalog();
    const { store, reader } = catalog;
    const { a = 0, b = 0 } = await threeReplicas(catalog);
    const manifest = Uint8Array.of(1, 2, 3);
    const content = { md5: "11", sha256: "aa", manifest };
    expect(reader.content(a)).toBeUndefined();
    await store.setContent(a, content);
    expect(reader.content(a)).toEqual(content);
    await store.setContent(b, content);
    expect(matches(catalog, a).slice(0, 2)).toEqual(["a proved", "b proved"]);
    await store.setContent(99_999, content);
    expect(reader.content(99_999)).toBeUndefined();
  });

  test("of equal hash become one; the visible one's id stays (FR-13.4)", async () => {
    await using catalog = new TestCatalog();
    const { store, reader } = catalog;
    const { a = 0, b = 0, c = 0 } = await threeReplicas(catalog);
    expect(reader.filesWithoutProvedReplica()).toBe(1);
    await store.setSha256(b, "aa");
    const changes = await store.setSha256(a, "aa");
    expect(changes).toEqual({ names: [], directories: [], events: [] });
    expect(catalog.node("x")).toMatchObject({ version: a, mode: 0o600 });
    expect(reader.replicas(a).map(({ version }) => version)).toEqual([a, a, c]);
    expect(matches(catalog, a)).toEqual(["a proved", "b proved", "c unverified"]);
    expect(reader.filesWithoutProvedReplica()).toBe(0);
    // A handle that was opened on the other id still reads.
    expect(matches(catalog, b)).toEqual(["a proved", "b proved", "c unverified"]);
    const mismatch = await store.setSha256(c, "bb");
    expect(mismatch.events.map(({ type }) => type)).toEqual([
      "replica_mismatch",
      "replica_mismatch",
    ]);
    expect(matches(catalog, a)).toEqual(["a proved", "b proved", "c different"]);
    expect(brokenInvariants(catalog.file)).toEqual([]);
  });

  test("that merge below the visible one keep the older id", async () => {
    await using catalog = new TestCatalog();
    const { a = 0, b = 0, c = 0 } = await threeReplicas(catalog);
    await catalog.store.setSha256(c, "aa");
    await catalog.store.setSha256(b, "aa");
    expect(catalog.reader.replicas(a).map(({ version }) => version)).toEqual([a, b, b]);
    // A better priority shows the attributes of its own replica under the shared version.
    await catalog.store.configureOrigins([origin(A, 9), origin(B, 8), origin(C, 1)]);
    expect(catalog.node("x")).toMatchObject({ version: b, mode: 0o640 });
  });

  test("part again when one replica changes", async () => {
    await using catalog = new TestCatalog();
    const { a = 0, b = 0 } = await threeReplicas(catalog);
    await catalog.store.setSha256(a, "aa");
    await catalog.store.setSha256(b, "aa");
    await catalog.list(A, "", [file("x", 4, { token: "edited" })]);
    const visible = catalog.node("x")?.version ?? 0;
    expect(visible).not.toBe(a);
    expect(matches(catalog, visible)).toEqual(["a proved", "b unverified", "c unverified"]);
    expect(catalog.reader.filesWithoutProvedReplica()).toBe(1);
    // The old version is still one replica's and survives the next opening.
    await catalog.reopen();
    expect(matches(catalog, a)).toEqual(["a unverified", "b proved", "c unverified"]);
    expect(brokenInvariants(catalog.file)).toEqual([]);
  });

  test("compared and found different are never tried again", async () => {
    await using catalog = new TestCatalog();
    const { a = 0, b = 0, c = 0 } = await threeReplicas(catalog);
    await catalog.store.setDifferent(b, a);
    expect(matches(catalog, a)).toEqual(["a proved", "b different", "c unverified"]);
    expect(matches(catalog, b)).toEqual(["a different", "b proved", "c unverified"]);
    await catalog.reopen();
    expect(matches(catalog, a)).toEqual(["a proved", "b different", "c unverified"]);
    // The hash of the whole knows better than a comparison of parts.
    await catalog.store.setSha256(a, "aa");
    await catalog.store.setSha256(b, "aa");
    expect(matches(catalog, a)).toEqual(["a proved", "b proved", "c unverified"]);
    expect(c).toBeGreaterThan(0);
  });

  test("may be served in place of the visible one, until cleared or restarted", async () => {
    await using catalog = new TestCatalog();
    const { store } = catalog;
    const { a = 0, b = 0 } = await threeReplicas(catalog);
    const entry = catalog.node("x")?.entry ?? 0;
    const changes = await store.setServedVersion(entry, b);
    expect(namesOf(changes)).toEqual(["1/x"]);
    expect(catalog.node("x")).toMatchObject({ version: b, mode: 0o640 });
    expect(namesOf(await store.setServedVersion(entry, b))).toEqual([]);
    expect(namesOf(await store.setServedVersion(entry, undefined))).toEqual(["1/x"]);
    expect(catalog.node("x")).toMatchObject({ version: a, mode: 0o600 });
    await store.setServedVersion(entry, b);
    await catalog.reopen();
    expect(catalog.node("x")?.version).toBe(a);
    await catalog.store.setServedVersion(entry, b);
    // What is served changed: nobody has those bytes any more.
    await catalog.list(B, "", [file("x", 4, { token: "edited" })]);
    expect(catalog.node("x")?.version).toBe(a);
  });

  test("unknown are ignored", async () => {
    await using catalog = new TestCatalog();
    await threeReplicas(catalog);
    const none = { names: [], directories: [], events: [] };
    expect(await catalog.store.setFingerprint(99_999, "aa")).toEqual(none);
    expect(await catalog.store.setSha256(99_999, "aa")).toEqual(none);
    expect(await catalog.store.setServedVersion(99_999, 1)).toEqual(none);
    expect(catalog.reader.replicas(99_999)).toEqual([]);
    expect(catalog.reader.pathOf(99_999)).toBeUndefined();
  });
});

describe("applyStat", () => {
  test("records one file that was looked at", async () => {
    await using catalog = new TestCatalog();
    const { store } = catalog;
    await store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [file("x", 1)]);
    const changes = await store.applyStat(A, path("x"), file("x", 7));
    expect(namesOf(changes)).toEqual(["1/x"]);
    expect(catalog.tree()).toEqual(["x=7"]);
    await store.applyStat(A, path("new"), file("new", 2));
    expect(catalog.tree()).toEqual(["new=2", "x=7"]);
    await store.applyStat(A, path("no/such"), file("such", 2));
    expect(catalog.tree()).toEqual(["new=2", "x=7"]);
  });
});
