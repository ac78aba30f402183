/**
 * How to log in: which keys and passwords to offer, in which order, and what to say when the server
 * takes none of them. Order: the origin's or ~/.ssh/config's key files, the agent, the usual key
 * files, the password (also typed into keyboard-interactive prompts that hide their input).
 */

import { readFileSync, statSync } from "node:fs";
import type { AnyAuthMethod, AuthHandlerMiddleware, Prompt } from "ssh2";
import type { Secret } from "../../config/secret.ts";
import { messageOf } from "../../errors.ts";
import { shownServerText } from "./errors.ts";

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
}

/** ssh2's parser, as a parameter because ssh2 is loaded late. */
export type ParseKey = typeof import("ssh2").utils.parseKey;

interface Attempt {
  /** What the server calls it. */
  readonly method: "publickey" | "password" | "keyboard-interactive";
  readonly name: string;
  readonly offer: AnyAuthMethod;
}

/** Group or others may do something with the file. */
const OPEN_TO_OTHERS = 0o077;

/** One login; made anew for each connection. */
export class Login {
  readonly #attempts: readonly Attempt[];
  readonly #unusable: string[] = [];
  readonly #tried: string[] = [];
  #serverMethods: readonly string[] | undefined;

  constructor(options: LoginOptions, parseKey: ParseKey) {
    this.#attempts = [
      ...this.#keyFiles(options, options.identityFiles, parseKey),
      ...agent(options),
      ...this.#keyFiles(options, options.usualFiles, parseKey),
      ...passwords(options),
    ];
  }

  /** Chooses the next attempt among what the server still accepts; ssh2's `authHandler`. */
  readonly next: AuthHandlerMiddleware = (methodsLeft, _partial, offer) => {
    const accepted: readonly string[] | null = methodsLeft;
    if (accepted !== null) this.#serverMethods = accepted;
    const attempt = this.#attempts.find(
      ({ name, method }) =>
        !this.#tried.includes(name) && (accepted === null || accepted.includes(method)),
    );
    if (attempt === undefined) {
      // ssh2's types leave out what its documentation says: `false` ends the login.
      (offer as (method: AnyAuthMethod | false) => void)(false);
      return;
    }
    this.#tried.push(attempt.name);
    offer(attempt.offer);
  };

  /** An agent that cannot be asked is told of, and the login goes on. */
  agentFailed(error: unknown): void {
    this.#unusable.push(`the agent failed (${messageOf(error)})`);
  }

  /** Why nobody was let in, and what to do. */
  explain(user: string): string {
    const tried = this.#tried.length === 0 ? "nothing to offer" : `tried ${this.#tried.join(", ")}`;
    const accepts =
      this.#serverMethods === undefined
        ? ""
        : `; the server accepts ${shownServerText(this.#serverMethods.join(", "))}`;
    const unusable = this.#unusable.length === 0 ? "" : `; ${this.#unusable.join("; ")}`;
    return (
      `the server does not let ${user} in: ${tried}${accepts}${unusable}. ` +
      "Set identity_file, load the key into the agent, or give a password under credentials"
    );
  }

  #keyFiles(
    options: LoginOptions,
    files: readonly string[],
    parseKey: ParseKey,
  ): readonly Attempt[] {
    const mustExist = files === options.identityFiles;
    return [...new Set(files)].flatMap((file): readonly Attempt[] => {
      const found = readKeyFile(file, options.secrets.passphrase, parseKey);
      if ("key" in found) {
        const offer = { type: "publickey", username: options.user, key: found.key } as const;
        return [{ method: "publickey", name: `key ${file}`, offer }];
      }
      if (mustExist || !found.missing) this.#unusable.push(found.reason);
      return [];
    });
  }
}

type ReadKey =
  | { readonly key: Exclude<ReturnType<ParseKey>, Error> }
  | { readonly reason: string; readonly missing: boolean };

function readKeyFile(file: string, passphrase: Secret | undefined, parseKey: ParseKey): ReadKey {
  let text: Buffer;
  try {
    const { mode, uid } = statSync(file);
    if ((mode & OPEN_TO_OTHERS) !== 0 && uid === process.getuid?.()) {
      return { reason: `${file} is open to other users: chmod 600 it`, missing: false };
    }
    text = readFileSync(file);
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const reason = missing ? `${file} does not exist` : `${file}: ${messageOf(error)}`;
    return { reason, missing };
  }
  // ssh2 answers several keys for formats that may hold more than one.
  const parsed: unknown = parseKey(text, passphrase?.reveal());
  const key: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (isPrivateKey(key)) return { key };
  const encrypted = key instanceof Error && /encrypted|passphrase/i.test(key.message);
  if (!encrypted)
    return { reason: `${file} holds no private key that is supported`, missing: false };
  const advice =
    passphrase === undefined
      ? "give its passphrase under credentials or load it into the agent"
      : "the passphrase under credentials does not open it";
  return { reason: `${file} is encrypted: ${advice}`, missing: false };
}

function isPrivateKey(key: unknown): key is Exclude<ReturnType<ParseKey>, Error> {
  return (
    typeof key === "object" &&
    key !== null &&
    "isPrivateKey" in key &&
    typeof key.isPrivateKey === "function" &&
    key.isPrivateKey() === true
  );
}

function agent({ agentSocket, user }: LoginOptions): readonly Attempt[] {
  if (agentSocket === undefined || agentSocket === "") return [];
  const offer = { type: "agent", username: user, agent: agentSocket } as const;
  return [{ method: "publickey", name: "the agent's keys", offer }];
}

function passwords({ user, secrets: { password } }: LoginOptions): readonly Attempt[] {
  if (password === undefined) return [];
  const answers = (prompts: readonly Prompt[]) =>
    prompts.map(({ echo }) => (echo === true ? "" : password.reveal()));
  return [
    {
      method: "password",
      name: "the password",
      offer: { type: "password", username: user, password: password.reveal() },
    },
    {
      method: "keyboard-interactive",
      name: "the password by keyboard-interactive",
      offer: {
        type: "keyboard-interactive",
        username: user,
        prompt: (_name, _instructions, _language, prompts, finish) => finish(answers(prompts)),
      },
    },
  ];
}
