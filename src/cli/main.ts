#!/usr/bin/env node
import { runCommand } from './program.ts';
import { guardOutput } from './standard-output.ts';

guardOutput();
process.exitCode = await runCommand(process.argv.slice(2));
