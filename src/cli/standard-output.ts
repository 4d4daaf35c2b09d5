import { formatComplaint } from '../core/errors.ts';

type Lost = (error: NodeJS.ErrnoException) => void;

/** A command that only prints has nothing left to do. The reader of a pipe (`| head`) may leave first: that is no failure of ours. */
const end: Lost = ({ code, message }) => {
  if (code === 'EPIPE') process.exit(0);
  console.error(`error: ${formatComplaint({ where: 'standard output', expected: 'to print', got: message })}`);
  process.exit(1);
};

let onLost = end;

/** Decides what comes of the process once its output goes nowhere: a full disk, a reader that left. */
export function guardOutput(): void {
  process.stdout.on('error', (error) => onLost(error));
  // There is no place left to tell it.
  process.stderr.on('error', () => {});
}

/** Has the command go on without output: its work is worth more than its words. */
export function outlastOutput(): void {
  onLost = () => {};
}
