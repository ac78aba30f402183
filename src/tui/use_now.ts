import { useEffect, useReducer } from "react";

/** A mount tells its state every second: as long as it does, nothing needs drawing in between. */
const TICK_MS = 1200;

/**
 * The wall clock at each drawing, of which there is one at least in TICK_MS: ages count on although
 * nothing happens.
 */
export function useNow(wallMs: () => number): number {
  const [, draw] = useReducer((drawings: number) => drawings + 1, 0);
  // After each drawing: whatever it was for, the next one is not due before.
  useEffect(() => {
    const timer = setTimeout(draw, TICK_MS);
    return () => clearTimeout(timer);
  });
  return wallMs();
}
