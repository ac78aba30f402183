import { useInput } from "ink";
import { useRef, useState } from "react";
import type { LiveOrigin } from "../core/control/live.ts";
import { messageOf } from "../core/errors.ts";

/** What the view can have done; absent where there is nobody to do it. */
export interface OriginActions {
  readonly check: (id: string) => Promise<void>;
  readonly setEnabled?: (id: string, enabled: boolean) => Promise<void>;
}

export interface KeyState {
  readonly selected: number;
  readonly panel: "none" | "details" | "help";
  readonly filter: string;
  readonly isTyping: boolean;
  readonly paused: boolean;
  /** The origin that would be enabled or disabled; asked about. */
  readonly asked: LiveOrigin | undefined;
  /** What came of the latest action. */
  readonly message: string | undefined;
}

const START: KeyState = {
  selected: 0,
  panel: "none",
  filter: "",
  isTyping: false,
  paused: false,
  asked: undefined,
  message: undefined,
};

/** What the keys have done so far. `originsFor` answers what a filter leaves to select from. */
export function useKeys(
  originsFor: (filter: string) => readonly LiveOrigin[],
  actions: OriginActions,
  quit: () => void,
): KeyState {
  // Keys may come faster than renders: each goes by what the one before has done.
  const latest = useRef(START);
  const [, draw] = useState(START);
  const set = (change: Partial<KeyState>) => {
    latest.current = { ...latest.current, ...change };
    draw(latest.current);
  };
  const selectedIn = (origins: readonly LiveOrigin[]) =>
    Math.max(0, Math.min(latest.current.selected, origins.length - 1));

  const carryOut = (what: string, work: Promise<void>) => {
    set({ asked: undefined, message: `${what}…` });
    work.then(
      () => set({ message: `${what}: done` }),
      (error: unknown) => set({ message: `${what}: ${messageOf(error)}` }),
    );
  };

  useInput((input, key) => {
    const state = latest.current;
    const origins = originsFor(state.filter);
    const selected = selectedIn(origins);
    const origin = origins[selected];
    if (state.isTyping) {
      if (key.return) set({ isTyping: false });
      else if (key.escape) set({ isTyping: false, filter: "" });
      else if (key.backspace || key.delete) set({ filter: state.filter.slice(0, -1) });
      else if (!key.ctrl && !key.meta) {
        // What is pasted, or typed fast, comes in one piece.
        const [typed = "", ...rest] = input.split(/[\r\n]/);
        set({ filter: state.filter + typed, selected: 0, isTyping: rest.length === 0 });
      }
      return;
    }
    const { asked } = state;
    if (asked !== undefined) {
      const verb = asked.enabled ? "disable" : "enable";
      if (input !== "y") set({ asked: undefined, message: `${asked.id} stays as it is` });
      else if (actions.setEnabled !== undefined) {
        carryOut(`${verb} ${asked.id}`, actions.setEnabled(asked.id, !asked.enabled));
      }
      return;
    }
    if (input === "q") quit();
    else if (key.upArrow || input === "k") set({ selected: Math.max(0, selected - 1) });
    else if (key.downArrow || input === "j") {
      set({ selected: Math.min(Math.max(0, origins.length - 1), selected + 1) });
    } else if (key.home) set({ selected: 0 });
    else if (key.end) set({ selected: Math.max(0, origins.length - 1) });
    else if (key.return) set({ panel: state.panel === "details" ? "none" : "details" });
    else if (input === "?") set({ panel: state.panel === "help" ? "none" : "help" });
    else if (key.escape) set({ panel: "none", filter: "", message: undefined });
    else if (input === "/") set({ isTyping: true });
    else if (input === "p") set({ paused: !state.paused });
    else if (origin === undefined) return;
    else if (input === "c") carryOut(`check ${origin.id}`, actions.check(origin.id));
    else if (input === "e") {
      if (actions.setEnabled !== undefined) set({ asked: origin });
      else set({ message: "no mount runs: use musicfs origins enable or disable" });
    }
  });
  const shown = latest.current;
  return { ...shown, selected: selectedIn(originsFor(shown.filter)) };
}
