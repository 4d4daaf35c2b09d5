/** Signals that ask a command to end, and the status a shell gives it then. */
const endings = [
  { name: 'SIGINT', status: 130 },
  { name: 'SIGTERM', status: 143 },
] as const;

/** Signals (Ctrl-C, SIGTERM) call `handle` instead of ending the process, until what this returns is called. */
export function onEnding(handle: (ending: (typeof endings)[number]) => void): () => void {
  const listeners = endings.map((ending) => ({ name: ending.name, listener: () => handle(ending) }));
  for (const { name, listener } of listeners) process.on(name, listener);
  return () => {
    for (const { name, listener } of listeners) process.off(name, listener);
  };
}

export interface Interrupt {
  readonly signal: AbortSignal;
  /** Status to exit with; 0 if no signal came. */
  readonly status: number;
  /** Has the first signal abort; until then it ends the process at once. */
  listen(): void;
  /** Lets signals end the process at once again. */
  release(): void;
}

/** Turns the first Ctrl-C (or SIGTERM) into an abort signal; a second one ends the process at once. */
export function createInterrupt(onFirst: () => void): Interrupt {
  const controller = new AbortController();
  let release = () => {};
  const interrupt = { signal: controller.signal, status: 0, listen, release: () => release() };
  function listen() {
    release = onEnding(({ status }) => {
      if (controller.signal.aborted) process.exit(status);
      interrupt.status = status;
      onFirst();
      controller.abort();
    });
  }
  return interrupt;
}
