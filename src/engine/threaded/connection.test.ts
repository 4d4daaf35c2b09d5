import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { Connection } from './connection.ts';

const connectionTo = (script: string) =>
  new Connection(new Worker(`const { parentPort } = require('node:worker_threads'); ${script}`, { eval: true }));

it.each([
  ['exits', "parentPort.on('message', () => process.exit(7));", /ended with code 7/],
  ['throws', "parentPort.on('message', () => { throw new Error('out of luck'); });", /out of luck/],
])('an engine whose thread %s fails what is under way and what is asked later, for the same reason', async (_, script, reason) => {
  const connection = connectionTo(script);
  const asked = [connection.ask({ kind: 'createStore' }), connection.ask({ kind: 'createStore' })];
  for (const answer of asked) await expect(answer).rejects.toThrow(reason);
  await expect(connection.ask({ kind: 'createStore' })).rejects.toThrow(reason);
  await connection.release({ kind: 'closeStore', store: 0 });
  await connection.close();
  await expect(connection.ask({ kind: 'createStore' })).rejects.toThrow(reason);
});
