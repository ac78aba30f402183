/** Runs the view in a terminal, and gives the terminal back however it ends. */

import { render } from "ink";
import { Dashboard, type DashboardProps } from "./dashboard.tsx";

const MOST_FRAMES_PER_SECOND = 10;

export interface WatchOptions extends DashboardProps {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
}

/** Resolves when its user quits. Signals end the process as usual, the terminal restored before. */
export async function watch({ stdin, stdout, ...props }: WatchOptions): Promise<void> {
  const view = render(<Dashboard {...props} />, {
    stdin,
    stdout,
    // Also where CI is set: whoever calls this has seen that it is a terminal.
    interactive: true,
    alternateScreen: true,
    incrementalRendering: true,
    maxFps: MOST_FRAMES_PER_SECOND,
    patchConsole: false,
  });
  await view.waitUntilExit();
}
