/** `bcfs events <mountpoint>`: what happens to beancounters, a line each, as it happens. */
import type { HostEvent } from '../host/report.js';
import { controlSocketOf, events } from './control-client.js';
import { oneLine } from './exit.js';
import { writeAll } from './sh.js';

const STDOUT = 1;

/** Until the daemon ends, or nobody reads any more. */
export async function eventsCommand(mountpoint: string, flags: { readonly json?: true }): Promise<void> {
  const show = flags.json ? eventAsJson : eventAsText;
  for await (const event of events(await controlSocketOf(mountpoint))) {
    // At once, and the next one only then: whoever reads slowly slows us down, and the daemon not at all.
    if (writeAll(STDOUT, Buffer.from(`${show(event)}\n`)) < 0) return;
  }
}

export function eventAsText({ time, beancounter, resource, event, value }: HostEvent): string {
  return oneLine(`${new Date(time).toISOString()} ${beancounter} ${resource} ${event} ${value}`);
}

export function eventAsJson(event: HostEvent): string {
  return JSON.stringify({ ...event, time: new Date(event.time).toISOString() });
}
