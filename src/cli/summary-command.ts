import { formatSummary, summarize, summaryColumns } from '../explain/index.ts';
import { formatCsv } from '../report/csv.ts';
import { namedNetwork } from './named-network.ts';
import type { NetworkChoice } from './network-choice.ts';

export interface SummaryCommandOptions extends NetworkChoice {
  json?: boolean;
  csv?: boolean;
}

/** A network's layers in numbers. */
export async function summaryCommand({ json, csv, ...choice }: SummaryCommandOptions): Promise<number> {
  const { module, inputShape, name } = await namedNetwork(choice);
  const summary = summarize(module, inputShape, { name });
  if (json) console.log(JSON.stringify(summary, null, 2));
  else if (csv) {
    const { names, rows } = summaryColumns(summary);
    process.stdout.write(formatCsv(names, rows));
  } else console.log(formatSummary(summary));
  return 0;
}
