/**
 * Loaded before the program: the n-th call of one system call on its main thread fails, as
 * `MUSICFS_FAILING_CALL=NAME:N` says. At the exit `MUSICFS_FAILING_REPORT` gets the call's name, or
 * nothing when there were not as many.
 */

import { writeFileSync } from "node:fs";
import { EIO } from "../../../src/core/sys/errno.ts";
import type { Syscalls } from "../../../src/core/sys/libc.ts";
import { failSyscalls } from "../../faults/failing_libc.ts";
import { Strikes } from "../../faults/strikes.ts";

const { MUSICFS_FAILING_CALL = "", MUSICFS_FAILING_REPORT = "" } = process.env;
const [name = "", nth = ""] = MUSICFS_FAILING_CALL.split(":");
const strikes = new Strikes({ nth: Number(nth) });
failSyscalls({ name: "EIO", errno: EIO, calls: [name as keyof Syscalls] }, strikes);
process.on("exit", () => writeFileSync(MUSICFS_FAILING_REPORT, strikes.struck.join()));
