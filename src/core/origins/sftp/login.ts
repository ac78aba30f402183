/**
 * How to log in: which keys and passwords to offer, in which order, and what to say when the server
 * takes none of them. Order: the origin's or ~/.ssh/config's key files, the agent, the usual key
 * files, the password (also typed into keyboard-interactive prompts that hide their input).
 */

import type { AnyAuthMethod, AuthHandlerMiddleware, Prompt } from "ssh2";
import type { Secret } from "../../config/secret.ts";
import { messageOf } from "../../errors.ts";
import { shownServerText } from "./errors.ts";
import type { ReadKey } from "./key_files.ts";

/** Secrets of one origin; which are there decides what can be tried. */
export interface LoginSecrets {
  readonly password?: Secret | undefined;
  /** Opens encrypted key files. */
  readonly passphrase?: Secret | undefined;
}

export interface LoginOptions {
  readonly user: string;
  /** Key files somebody named; what is wrong with one of them is told. */
  readonly identityFiles: readonly string[];
  /** Key files tried when they exist. */
  readonly usualFiles: readonly string[];
  /** The agent's socket (SSH_AUTH_SOCK). */
  readonly agentSocket: string | undefined;
  readonly secrets: LoginSecrets;
  /** Opens a key file; called only when its turn comes. */
  readonly readKey: (file: string) => ReadKey;
}

interface Attempt {
  /** What the server calls it. */
  readonly method: "publickey" | "password" | "keyboard-interactive";
  readonly name: string;
  /** What to offer; undefined when there turns out to be nothing. */
  readonly offer: () => AnyAuthMethod | undefined;
}

/** One login; made anew for each connection. */
export class Login {
  readonly #options: LoginOptions;
  readonly #left: Set<Attempt>;
  readonly #tried: string[] = [];
  readonly #unusable: string[] = [];
  #serverMethods: readonly string[] | undefined;

  constructor(options: LoginOptions) {
    this.#options = options;
    const named = new Set(options.identityFiles);
    const usual = options.usualFiles.filter((file) => !named.has(file));
    this.#left = new Set([
      ...[...named].map((file) => this.#keyFile(file, true)),
      ...agent(options),
      ...usual.map((file) => this.#keyFile(file, false)),
      ...passwords(options),
    ]);
  }

  /** Chooses the next attempt among what the server still accepts; ssh2's `authHandler`. */
  readonly next: AuthHandlerMiddleware = (methodsLeft, _partial, answer) => {
    const accepted: readonly string[] | null = methodsLeft;
    if (accepted !== null) this.#serverMethods = accepted;
    // ssh2's types leave out what its documentation says: `false` ends the login.
    (answer as (method: AnyAuthMethod | false) => void)(this.#choose(accepted) ?? false);
  };

  /** An agent that cannot be asked is told of, and the login goes on. */
  agentFailed(error: unknown): void {
    this.#unusable.push(`the agent failed (${messageOf(error)})`);
  }

  /** Why nobody was let in, and what to do. */
  explain(): string {
    const tried = this.#tried.length === 0 ? "nothing to offer" : `tried ${this.#tried.join(", ")}`;
    const accepts =
      this.#serverMethods === undefined
        ? ""
        : `; the server accepts ${shownServerText(this.#serverMethods.join(", "))}`;
    const unusable = this.#unusable.map((reason) => `; ${reason}`).join("");
    return (
      `the server does not let ${this.#options.user} in: ${tried}${accepts}${unusable}. ` +
      "Set identity_file, load the key into the agent, or give a password under credentials"
    );
  }

  #choose(accepted: readonly string[] | null): AnyAuthMethod | undefined {
    for (const attempt of this.#left) {
      if (accepted !== null && !accepted.includes(attempt.method)) continue;
      this.#left.delete(attempt);
      const offer = attempt.offer();
      if (offer === undefined) continue;
      this.#tried.push(attempt.name);
      return offer;
    }
    return undefined;
  }

  #keyFile(file: string, named: boolean): Attempt {
    const { readKey, user } = this.#options;
    const offer = (): AnyAuthMethod | undefined => {
      const read = readKey(file);
      if ("key" in read) return { type: "publickey", username: user, key: read.key };
      if (named || !read.missing) this.#unusable.push(read.reason);
      return undefined;
    };
    return { method: "publickey", name: `key ${file}`, offer };
  }
}

function agent({ agentSocket, user }: LoginOptions): readonly Attempt[] {
  if (agentSocket === undefined || agentSocket === "") return [];
  const offer = { type: "agent", username: user, agent: agentSocket } as const;
  return [{ method: "publickey", name: "the agent's keys", offer: () => offer }];
}

function passwords({ user, secrets: { password } }: LoginOptions): readonly Attempt[] {
  if (password === undefined) return [];
  const answers = (prompts: readonly Prompt[]) =>
    prompts.map(({ echo }) => (echo === true ? "" : password.reveal()));
  return [
    {
      method: "password",
      name: "the password",
      offer: () => ({ type: "password", username: user, password: password.reveal() }),
    },
    {
      method: "keyboard-interactive",
      name: "the password by keyboard-interactive",
      offer: () => ({
        type: "keyboard-interactive",
        username: user,
        prompt: (_name, _instructions, _language, prompts, finish) => finish(answers(prompts)),
      }),
    },
  ];
}
