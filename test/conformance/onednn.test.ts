import { afterAll, describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/engine/reference/backend.ts';
import { catalogue } from '../../src/ops/index.ts';
import { caseOf, examplesOf } from './cases.ts';
import { compareBackends } from './compare-backends.ts';
import { openOneDnn } from './open-onednn.ts';

const tolerance = 1e-4;

const onednn = openOneDnn();
const reference = createReferenceBackend();

afterAll(() => onednn?.close());

describe.skipIf(!onednn)('oneDNN computes what the reference computes', () => {
  const records = [...catalogue.values()].filter((record) => examplesOf(record).length > 0);
  describe.each(records.map((record) => [record.name, record] as const))('%s', (_, record) => {
    examplesOf(record).forEach((_example, index) => {
      it.each([false, true])(`${caseOf(record, index).title}, gradients %s`, (gradients) => {
        for (const { name, share, ...where } of compareBackends(reference, onednn!, caseOf(record, index, { gradients })))
          expect(share, `${name} ${JSON.stringify(where)}`).toBeLessThan(tolerance);
      });
    });
  });
});
