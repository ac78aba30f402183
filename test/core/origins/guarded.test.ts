import { guardedLocal } from "../../suites/harnesses.ts";
import { originConformance } from "../../suites/origin.ts";

originConformance("a local directory behind guard processes", guardedLocal);
