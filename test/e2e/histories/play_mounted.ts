/**
 * Plays a history of the model on the real mount of the real binary: local origins in directories, the
 * same operations done to their files, to the configuration and to the process, and applications that
 * make system calls. What takes virtual time there takes little of real time here; faults of an origin
 * are its going away.
 */

import { basename } from "node:path";
import { type Content, holds } from "../../model/contents.ts";
import { describeOperation, type History, type Operation } from "../../model/operations.ts";
import type { Played } from "../../model/play.ts";
import type { PromiseName } from "../../model/promises.ts";
import { noReads } from "../../model/read_class.ts";
import type { Trace } from "../../model/trace_watch.ts";
import { Violation } from "../../model/violation.ts";
import type { Answer, Request } from "./application.ts";
import { ApplicationProcess } from "./application_process.ts";
import { MountedLibrary } from "./mounted_library.ts";
import { TreeOracle } from "./tree_oracle.ts";

/** What a loaded machine adds to any deadline. */
const SLACK_MS = 10_000;
const DIRECTORY_LIMIT_MS = 2000 + SLACK_MS;
const OPEN_LIMIT_MS = 32_000 + SLACK_MS;
/** A wait of the model takes no longer here. */
const LONGEST_WAIT_MS = 250;
const SETTLE_MS = 20_000;
const LOOK_AGAIN_MS = 100;

interface OpenFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** What it may be, by all that was read. */
  contents: readonly Content[];
  /** Nothing happened since. */
  isUndisturbed: boolean;
}

export interface MountedOptions {
  readonly trace?: Trace;
}

export async function playMounted(history: History, options: MountedOptions = {}): Promise<Played> {
  await using library = new MountedLibrary(history.setup);
  const play = new MountedPlay(history, library, options.trace ?? (() => undefined));
  try {
    await play.run();
  } catch (error) {
    if (!(error instanceof Violation)) {
      play.trace(library.log);
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return play.played(new Violation("no faults", detail, play.step));
    }
    play.trace(library.log);
    return play.played(error);
  } finally {
    await play[Symbol.asyncDispose]();
  }
  return play.played(undefined);
}

class MountedPlay implements AsyncDisposable {
  step = 0;
  readonly #reads = noReads();
  readonly #oracle: TreeOracle;
  readonly #open = new Map<number, OpenFile>();
  #application: ApplicationProcess;

  constructor(
    readonly history: History,
    readonly library: MountedLibrary,
    readonly trace: Trace,
  ) {
    this.#oracle = new TreeOracle(library);
    this.#application = new ApplicationProcess(library.mountPoint);
  }

  played(violation: Violation | undefined): Played {
    return { violation, steps: this.step, reads: this.#reads };
  }

  async run(): Promise<void> {
    await this.library.start();
    for (const operation of this.history.operations) {
      this.trace(`${this.step} ${describeOperation(operation)}`);
      await this.#perform(operation);
      this.step++;
    }
    await this.#endWell();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#application[Symbol.asyncDispose]();
  }

  async #perform(operation: Operation): Promise<void> {
    const { library } = this;
    switch (operation.do) {
      case "put":
        for (const on of operation.on) {
          await this.#change(() => {
            library.origins.get(on)?.put(operation.path, operation.content, this.step);
          });
        }
        return;
      case "edit":
        return this.#change(() =>
          library.origins.get(operation.on)?.edit(operation.path, operation.keepsMtime, this.step),
        );
      case "copy":
        return this.#change(() => {
          const from = library.origin(operation.from);
          library.origins.get(operation.on)?.copy(from, operation.path, operation.to, this.step);
        });
      case "remove":
        return this.#change(() => library.origins.get(operation.on)?.remove(operation.path));
      case "rename":
        return this.#change(() =>
          library.origins.get(operation.on)?.rename(operation.path, operation.to, this.step),
        );
      case "make_directory":
        return this.#change(() => library.origins.get(operation.on)?.makeDirectory(operation.path));
      case "fault":
        return this.#change(() => library.origins.get(operation.on)?.show("away"));
      case "heal":
        return this.#change(() => library.origins.get(operation.on)?.show("there"));
      case "blank":
        return this.#change(() =>
          library.origins.get(operation.on)?.show(operation.blank ? "blank" : "there"),
        );
      case "set_priority":
        return this.#configure(() => library.setPriority(operation.on, operation.priority));
      case "enable":
        return this.#configure(() => library.enable(operation.on, operation.enabled));
      case "detach":
        return this.#configure(() => library.detach(operation.on));
      case "attach":
        return this.#configure(() => library.attach(operation.on, operation.priority));
      case "scan":
        if (operation.allowEmpty) this.#oracle.forget();
        return library.scan(operation.on, operation.allowEmpty);
      case "restart":
        await this.#closeAll();
        await this.#endMount("restart");
        return library.start();
      case "kill":
        await library.kill();
        await this.#application[Symbol.asyncDispose]();
        this.#open.clear();
        this.#application = new ApplicationProcess(library.mountPoint);
        return library.start();
      case "stat":
        return this.#stat(operation.path);
      case "list":
        return this.#list(operation.path);
      case "open":
        return this.#openFile(operation.slot, operation.path);
      case "read": {
        const { slot, at, lengthBytes } = operation;
        const file = this.#open.get(slot);
        if (file === undefined) return;
        return this.#read(slot, file, Math.floor((file.sizeBytes * at) / 1000), lengthBytes);
      }
      case "close":
        return this.#close(operation.slot);
      case "wait":
        await Bun.sleep(Math.min(operation.ms, LONGEST_WAIT_MS));
        return;
      // Nothing that a person could do to a disk, or to a mount.
      case "pin":
      case "clear_cache":
      case "cache_disk":
      case "harm_cache":
      case "degrade":
      case "lose_watch":
      case "check":
      case "sleep_machine":
        return;
    }
  }

  /** Something at an origin; what makes no sense there does nothing. */
  async #change(work: () => unknown): Promise<void> {
    for (const file of this.#open.values()) file.isUndisturbed = false;
    try {
      await work();
    } catch (error) {
      // A path that leads through a file or to nothing: the operation makes no sense here.
      this.trace(`  not done: ${error}`);
    }
  }

  async #configure(work: () => Promise<void>): Promise<void> {
    for (const file of this.#open.values()) file.isUndisturbed = false;
    this.#oracle.forget();
    await work();
    this.#oracle.forget();
  }

  async #stat(path: string): Promise<void> {
    const { error, isDirectory } = await this.#ask({ do: "stat", path }, DIRECTORY_LIMIT_MS);
    if (error === undefined) {
      if (!isDirectory) this.#oracle.sawFile(path, this.step);
      return;
    }
    if (error !== "ENOTDIR") this.#expect(error, ["ENOENT"], `stat ${path}`);
    if (error === "ENOENT") this.#checkAbsence(path);
  }

  async #list(path: string): Promise<void> {
    const { error, names = [] } = await this.#ask({ do: "list", path }, DIRECTORY_LIMIT_MS);
    if (error !== undefined) {
      this.#expect(error, ["ENOENT", "ENOTDIR"], `list ${path}`);
      return;
    }
    if (new Set(names).size < names.length) {
      this.#fail("well-formed", `${path} lists a name twice: ${names.join(" ")}`);
    }
    for (const file of this.#oracle.shownIn(path)) {
      if (!names.includes(basename(file))) this.#checkAbsence(file);
    }
  }

  async #openFile(slot: number, path: string): Promise<void> {
    if (this.#open.has(slot)) return;
    const found = await this.#ask({ do: "stat", path }, DIRECTORY_LIMIT_MS);
    if (found.isDirectory) return;
    const { error, sizeBytes = 0 } = await this.#ask({ do: "open", slot, path }, OPEN_LIMIT_MS);
    if (error !== undefined) {
      this.#expect(error, ["ENOENT", "ENOTDIR", "EIO", "ESTALE"], `open ${path}`);
      if (error === "ENOENT") this.#checkAbsence(path);
      return;
    }
    const ever = [...this.#oracle.contentsEver(path)];
    const contents = ever.filter(({ bytes }) => bytes.byteLength === sizeBytes);
    if (contents.length === 0) {
      this.#fail("bytes of one version", `${path} has ${sizeBytes} bytes, as it never had`);
    }
    this.#oracle.sawFile(path, this.step);
    this.#open.set(slot, { path, sizeBytes, contents, isUndisturbed: this.#isCalm });
  }

  async #read(slot: number, file: OpenFile, offsetBytes: number, askedBytes: number) {
    const request = { do: "read", slot, offsetBytes, lengthBytes: askedBytes } as const;
    const limitMs = this.history.setup.readDeadlineMs + SLACK_MS;
    const { error, bytes = "", isCut = false } = await this.#ask(request, limitMs);
    const { path, sizeBytes } = file;
    const what = `read ${path} at ${offsetBytes}`;
    if (error !== undefined || isCut) {
      this.#expect(error ?? "EIO", ["EIO"], what);
      if (file.isUndisturbed) this.#fail("a good replica serves", `${what}: ${error ?? "cut"}`);
    }
    if (error !== undefined) return;
    const got = Buffer.from(bytes, "base64");
    const lengthBytes = Math.max(0, Math.min(askedBytes, sizeBytes - offsetBytes));
    if (got.byteLength > lengthBytes || (got.byteLength < lengthBytes && !isCut)) {
      this.#fail("whole reads", `${what}: ${got.byteLength} bytes, not ${lengthBytes}`);
    }
    const fitting = file.contents.filter((content) => holds(content, offsetBytes, got));
    if (got.byteLength === 0) return;
    this.#reads[fitting.length > 0 ? "proved" : "wrong"]++;
    if (fitting.length === 0) {
      const numbers = file.contents.map(({ number }) => number).join(" or ");
      this.#fail("bytes of one version", `${what}: ${got.byteLength} not of content ${numbers}`);
    }
    file.contents = fitting;
  }

  async #close(slot: number): Promise<void> {
    if (!this.#open.delete(slot)) return;
    const { error } = await this.#ask({ do: "close", slot }, OPEN_LIMIT_MS);
    if (error !== undefined) this.#fail("errors are promised ones", `close: ${error}`);
  }

  async #closeAll(): Promise<void> {
    for (const slot of [...this.#open.keys()]) await this.#close(slot);
  }

  async #endMount(what: string): Promise<void> {
    const code = await this.library.stop();
    if (code !== 0) this.#fail("no faults", `the ${what} ended with status ${code}`);
  }

  /** All is well: in the end the tree is what origins hold, with every byte. */
  async #endWell(): Promise<void> {
    await this.#change(() => {
      for (const origin of this.library.origins.values()) origin.show("there");
    });
    await this.#closeAll();
    for (const origin of this.library.origins.values()) origin.check();
    const expected = [...this.#oracle.merged()].map(([path, merged]) =>
      merged.kind === "file" ? `${path}: content ${merged.content.number}` : `${path}/`,
    );
    expected.sort();
    let shown: readonly string[] = [];
    // Until an origin that was away is checked again, what others hold may be shown in its place.
    const endMs = performance.now() + SETTLE_MS;
    do {
      for (const { id } of this.library.ranked) await this.library.scan(id, true);
      shown = await this.#walk();
      if (Bun.deepEquals(shown, expected)) break;
      await Bun.sleep(LOOK_AGAIN_MS);
    } while (performance.now() < endMs);
    if (!Bun.deepEquals(shown, expected)) {
      const detail = `${shown.join(", ")}; not ${expected.join(", ")}`;
      this.#fail("the tree is what origins hold", detail);
    }
    await this.#endMount("end");
  }

  /** All that the mount shows, sorted. */
  async #walk(): Promise<readonly string[]> {
    const found: string[] = [];
    const walk = async (directory: string): Promise<void> => {
      const { names = [] } = await this.#ask({ do: "list", path: directory }, DIRECTORY_LIMIT_MS);
      for (const name of names) {
        const path = directory === "" ? name : `${directory}/${name}`;
        const { isDirectory } = await this.#ask({ do: "stat", path }, DIRECTORY_LIMIT_MS);
        found.push(isDirectory ? `${path}/` : `${path}: ${await this.#readWhole(path)}`);
        if (isDirectory) await walk(path);
      }
    };
    await walk("");
    return found.sort();
  }

  /** Which content a file is, from end to end. */
  async #readWhole(path: string): Promise<string> {
    await this.#openFile(0, path);
    const file = this.#open.get(0);
    if (file === undefined) return "cannot be opened";
    await this.#read(0, file, 0, file.sizeBytes + 1);
    await this.#close(0);
    // Of nothing, there is only one.
    return `content ${file.contents.map(({ number }) => number).join(" or ")}`;
  }

  /** True while every origin is where it should be. */
  get #isCalm(): boolean {
    return [...this.library.origins.values()].every(({ presence }) => presence === "there");
  }

  #checkAbsence(path: string): void {
    const holder = this.#oracle.whoStillHas(path);
    if (holder === undefined) return;
    this.#fail("absence is not deletion", `${path} is not shown any more, and ${holder} has it`);
  }

  async #ask(request: Request, limitMs: number): Promise<Answer> {
    const answer = await this.#application.ask(request, limitMs + SLACK_MS);
    const { bytes, ...rest } = answer;
    this.trace(`  ${JSON.stringify(request)}: ${JSON.stringify(rest)}, ${bytes?.length ?? 0}`);
    if (answer.tookMs > limitMs) {
      this.#fail("answered in time", `${JSON.stringify(request)} took ${answer.tookMs} ms`);
    }
    return answer;
  }

  #expect(error: string, expected: readonly string[], what: string): void {
    if (!expected.includes(error)) this.#fail("errors are promised ones", `${what}: ${error}`);
  }

  #fail(promise: PromiseName, detail: string): never {
    throw new Violation(promise, detail, this.step);
  }
}
