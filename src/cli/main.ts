#!/usr/bin/env node
import { runCommand } from './program.ts';

// The reader of a pipe (`| head`) may leave first: that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.exitCode = await runCommand(process.argv.slice(2));
