/** Status a shell gives a command that a signal ended. */
const statusOf = { SIGINT: 130, SIGTERM: 143 } as const;
type Ending = keyof typeof statusOf;

export interface Interrupt {
  readonly signal: AbortSignal;
  /** Status to exit with; 0 if no signal came. */
  readonly status: number;
  /** Lets signals end the process at once again. */
  release(): void;
}

/** Turns the first Ctrl-C (or SIGTERM) into an abort signal; a second one ends the process at once. */
export function catchInterrupt(onFirst: () => void): Interrupt {
  const controller = new AbortController();
  const interrupt = { signal: controller.signal, status: 0, release };
  function handle(name: Ending) {
    const status = statusOf[name];
    if (controller.signal.aborted) process.exit(status);
    interrupt.status = status;
    onFirst();
    controller.abort();
  }
  const names = Object.keys(statusOf) as Ending[];
  for (const name of names) process.on(name, handle);
  function release() {
    for (const name of names) process.off(name, handle);
  }
  return interrupt;
}
