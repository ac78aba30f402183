/** Fresh key pairs. ssh2 makes a malformed one now and then (it drops a leading zero byte). */

import { utils } from "ssh2";

export interface KeyPair {
  readonly private: string;
  /** `ssh-ed25519 AAAA…` */
  readonly public: string;
}

export function ed25519Pair(passphrase?: string): KeyPair {
  for (;;) {
    const pair =
      passphrase === undefined
        ? utils.generateKeyPairSync("ed25519")
        : utils.generateKeyPairSync("ed25519", { passphrase, cipher: "aes256-ctr", rounds: 4 });
    if (!(utils.parseKey(pair.private, passphrase) instanceof Error)) {
      return { private: pair.private, public: pair.public.split(" ").slice(0, 2).join(" ") };
    }
  }
}
