/** The conformance suite behind guard processes and all wrappers: a process for each test, which takes a while. */

import { guardedLocal, inAllWrappers, wrapped } from "../suites/harnesses.ts";
import { originConformance } from "../suites/origin.ts";

originConformance("a guarded directory behind all wrappers", wrapped(guardedLocal, inAllWrappers));
