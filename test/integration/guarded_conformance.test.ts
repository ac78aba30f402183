/** The conformance suite behind guard processes, alone and with all wrappers: a process for each test, which takes a while. */

import { guardedLocal, inAllWrappers, wrapped } from "../suites/harnesses.ts";
import { originConformance } from "../suites/origin.ts";

originConformance("a local directory behind guard processes", guardedLocal);
originConformance("a guarded directory behind all wrappers", wrapped(guardedLocal, inAllWrappers));
