/** Bytes against what the server says of the whole. */

import { OwnError } from "../../errors.ts";
import type { ContentProof } from "../../origins/origin.ts";

/** Takes bytes in order and tells at their end whether they are the proved ones. */
export interface Verdict {
  push(bytes: Uint8Array): void;
  holds(): boolean;
}

export function verdictOn(proof: ContentProof): Verdict {
  if (proof.kind !== "parts") return new WholeVerdict(proof.kind, proof.hex);
  const { hex } = proof;
  const guesses = proof.partBytes.map((partBytes) => new PartsVerdict(hex, partBytes));
  return {
    push: (bytes) => guesses.forEach((guess) => void guess.push(bytes)),
    holds: () => guesses.some((guess) => guess.holds()),
  };
}

class WholeVerdict implements Verdict {
  readonly #hasher: Bun.CryptoHasher;

  constructor(
    kind: "md5" | "sha256",
    readonly hex: string,
  ) {
    this.#hasher = new Bun.CryptoHasher(kind);
  }

  push(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
  }

  holds(): boolean {
    return this.#hasher.digest("hex") === this.hex;
  }
}

class PartsVerdict implements Verdict {
  readonly #whole = new Bun.CryptoHasher("md5");
  #part = new Bun.CryptoHasher("md5");
  #held = 0;

  constructor(
    readonly hex: string,
    readonly partBytes: number,
  ) {
    if (partBytes < 1) throw new OwnError("internal", "a part has at least one byte");
  }

  push(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.byteLength > 0) {
      const taken = rest.subarray(0, this.partBytes - this.#held);
      this.#part.update(taken);
      this.#held += taken.byteLength;
      if (this.#held === this.partBytes) this.#endPart();
      rest = rest.subarray(taken.byteLength);
    }
  }

  holds(): boolean {
    if (this.#held > 0) this.#endPart();
    return this.#whole.digest("hex") === this.hex;
  }

  #endPart(): void {
    this.#whole.update(this.#part.digest());
    this.#part = new Bun.CryptoHasher("md5");
    this.#held = 0;
  }
}
