/** The program `musicfs`: which commands there are. What they do is in src/commands. */

import { basename } from "node:path";
import { Command, CommanderError, Option } from "commander";
import type { WholeProgram } from "./commands/definition.ts";
import { EXIT, exitCodeOf } from "./commands/exit_code.ts";
import { print, printError } from "./commands/output.ts";
import { platformProblem, thisPlatform } from "./commands/platform.ts";
import { versionText } from "./commands/version.ts";
import { suggest } from "./core/config/suggest.ts";
import { OwnError } from "./core/errors.ts";
import { LOG_LEVELS } from "./core/log.ts";

interface CommandModule {
  /** Adds arguments, flags, help and action. */
  readonly setUp: (command: Command, wholeProgram: WholeProgram) => void;
}

interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Loaded when the command is used: `--help` pays for none of them. */
  readonly load: () => Promise<CommandModule>;
  readonly hidden?: boolean;
}

const MOUNT_HELPER = "mount.musicfs";

const COMMANDS: readonly CommandEntry[] = [
  { name: "mount", summary: "mount the library", load: () => import("./commands/mount.ts") },
  { name: "unmount", summary: "end a mount", load: () => import("./commands/unmount.ts") },
  {
    name: "origins",
    summary: "add, change, remove, list, enable and disable origins",
    load: () => import("./commands/origins.ts"),
  },
  {
    name: "status",
    summary: "show what a running mount is doing",
    load: () => import("./commands/status.ts"),
  },
  { name: "health", summary: "check the origins", load: () => import("./commands/health.ts") },
  {
    name: "cache",
    summary: "show, check, clear and fill the cache",
    load: () => import("./commands/cache.ts"),
  },
  {
    name: "sync-delta",
    summary: "bring cached files to their new versions, fetching only what changed",
    load: () => import("./commands/sync_delta.ts"),
  },
  { name: "scan", summary: "look for changes", load: () => import("./commands/scan.ts") },
  {
    name: "events",
    summary: "show what happened in a running mount",
    load: () => import("./commands/events.ts"),
  },
  {
    name: "doctor",
    summary: "look for what is in the way of a mount",
    load: () => import("./commands/doctor.ts"),
  },
  {
    name: "completion",
    summary: "print what a shell needs to complete commands",
    load: () => import("./commands/completion.ts"),
  },
  {
    name: "man",
    summary: "print the manual page",
    load: () => import("./commands/man.ts"),
  },
  {
    name: MOUNT_HELPER,
    summary: "mount as mount(8) asks for it, for /etc/fstab",
    load: () => import("./commands/fstab_mount.ts"),
    hidden: true,
  },
];

const EXAMPLES = `
Examples:
  musicfs mount /mnt/music --origin /srv/music --origin /mnt/nas/music
  musicfs origins add disk --type local --path /srv/music --priority 1
  musicfs mount --daemon
  musicfs health
  musicfs unmount /mnt/music

Every command has --help; docs/configuration.md describes the file, --json and the exit codes.`;

function buildProgram(onCommand: (name: string) => void): Command {
  const program = new Command()
    .name("musicfs")
    .description("One read-only music library over many storage origins.")
    .version(`musicfs ${versionText()}`, "-V, --version", "print the version")
    .option("--licenses", "print the licences of everything compiled in")
    .option("--config <FILE>", "the configuration file")
    .option("--cache-dir <DIR>", "where catalog, cache and logs are")
    .addOption(new Option("--log-level <LEVEL>", "how much is logged").choices(LOG_LEVELS))
    .option("--json", "print results and errors as JSON")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
    .addHelpText("after", EXAMPLES)
    .allowExcessArguments()
    .action(async ({ licenses }: { readonly licenses?: true }, command: Command) => {
      const [unknown] = command.args;
      if (unknown !== undefined) throw unknownCommand(unknown);
      if (!licenses) command.help({ error: true });
      print((await (await import("./commands/licenses.ts")).licenses()).trimEnd());
    });
  for (const { name, summary, hidden = false } of COMMANDS) {
    program.command(name, { hidden }).description(summary).allowExcessArguments(false);
  }
  program.hook("preSubcommand", async (_program, command) => {
    onCommand(command.name());
    const entry = COMMANDS.find(({ name }) => name === command.name());
    (await entry?.load())?.setUp(command, wholeProgram);
  });
  return program;
}

/** For completion and the man page, which tell of every command that help shows. */
async function wholeProgram(): Promise<Command> {
  const program = buildProgram(() => undefined);
  for (const { name, load, hidden } of COMMANDS) {
    const command = program.commands.find((each) => each.name() === name);
    if (hidden !== true && command !== undefined) (await load()).setUp(command, wholeProgram);
  }
  return program;
}

function unknownCommand(name: string): OwnError {
  const near = suggest(
    name,
    COMMANDS.map((command) => command.name),
  );
  const hint = near === undefined ? "see musicfs --help" : `did you mean "${near}"?`;
  return new OwnError("usage", `there is no command "${name}"; ${hint}`);
}

/** Commander's words as one of our errors; undefined when help or the version was asked for. */
function usageError(error: CommanderError): OwnError | undefined {
  if (error.exitCode === EXIT.done) return undefined;
  const said = error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
  const message = error.code === "commander.help" ? "which command? see above" : said;
  return new OwnError("usage", message);
}

/** `help COMMAND` as `COMMAND --help`, which loads the command first. */
function helpAsFlag(args: readonly string[]): readonly string[] {
  const [first, ...command] = args;
  return first === "help" && command.length > 0 ? [...command, "--help"] : args;
}

async function run(args: readonly string[]): Promise<void> {
  let command = "";
  try {
    await buildProgram((name) => {
      command = name;
    }).parseAsync(helpAsFlag(args), { from: "user" });
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? usageError(thrown) : thrown;
    if (error === undefined) return;
    printError(error, { json: args.includes("--json") });
    const code = exitCodeOf(error);
    // Monitoring tells "could not look" from "looked, and it is bad".
    process.exitCode = command === "health" ? EXIT.partly : code;
  }
}

const problem = platformProblem(thisPlatform());
if (problem !== undefined) {
  printError(new OwnError("unsupported", problem), { json: false });
  process.exit(EXIT.failed);
}
if (process.argv[2] === "__guard") {
  const { guardMain } = await import("./core/origins/disk/guard_main.ts");
  guardMain();
} else if (process.argv[2] === "__abort") {
  const { abortMain } = await import("./core/fuse/abort_main.ts");
  await abortMain(process.argv.slice(3));
} else if (process.argv[2] === "__complete") {
  const { printCompletion } = await import("./commands/completion/print.ts");
  await printCompletion(await wholeProgram(), process.argv.slice(3));
} else {
  // mount(8) calls its helper by a link's name.
  const called = basename(process.argv0);
  if (called === MOUNT_HELPER) process.argv.splice(2, 0, MOUNT_HELPER);
  // Timers of the core keep no process alive; a command that waits does.
  const waiting = setInterval(() => undefined, 2 ** 30);
  await run(process.argv.slice(2));
  clearInterval(waiting);
}
process.exit();
