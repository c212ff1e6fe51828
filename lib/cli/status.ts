/** `bcfs status <mountpoint>`: where each number comes from, how far it can be trusted, and what holds the limits. */
import type { Status } from '../host/report.js';
import { ask, controlSocketOf } from './control-client.js';
import { oneLine } from './exit.js';
import { table } from './table.js';

export async function statusCommand(mountpoint: string, flags: { readonly json?: true }): Promise<void> {
  const status = await ask(await controlSocketOf(mountpoint), { ask: 'status' });
  process.stdout.write(flags.json ? `${JSON.stringify(status)}\n` : showStatus(status));
}

/** As people read it. */
export function showStatus(status: Status): string {
  const { host, directories, interval, cost, beancounters, unseen, resources } = status;
  const facts = [
    ['host', host],
    ...directories.map((directory, i) => [i === 0 ? 'groups' : '', directory]),
    ['interval', `${interval} s`],
    ['last sample', cost === undefined ? 'none yet' : `${cost} ms of CPU`],
    [
      'beancounters',
      unseen === 0 ? String(beancounters) : `${beancounters}, ${unseen} of them without a directory`,
    ],
  ];
  const rows = resources.map(({ resource, unit, source, exactness, limit, enforcement }) => [
    resource,
    unit,
    source,
    exactness,
    limit,
    enforcement,
  ]);
  const notes = resources
    .filter(({ note }) => note !== '')
    .map(({ resource, note }) => `${oneLine(`${resource}: ${note}`)}\n`);
  return [
    table(facts),
    table([['RESOURCE', 'UNIT', 'HELD FROM', 'COUNT', 'LIMIT HELD BY', 'LIMIT'], ...rows]),
    ...(notes.length > 0 ? [notes.join('')] : []),
  ].join('\n');
}
