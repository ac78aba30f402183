import { memory } from "../../suites/harnesses.ts";
import { originConformance } from "../../suites/origin.ts";

originConformance("memory", memory);
