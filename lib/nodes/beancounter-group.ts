/** `<id>/`: a beancounter's directory. It holds a reference for as long as it is there. Source: v6.md, the tree. */
import type { Beancounter } from '../bc/beancounter.js';
import { dummy } from '../bc/resource.js';
import { parseUnsigned, printValue } from '../bc/value.js';
import type { Attribute } from '../configfs/attribute.js';
import { Group, type Item } from '../configfs/item.js';
import { BcfsError, type Caller } from '../errors.js';
import { ResourceItem } from './resource-item.js';
import type { BeancountersGroup } from './subsystem.js';

/** Pids and tids are the kernel's int; in v6 they are cut to 32 bits. */
const PID_BITS = 32;

export class BeancounterGroup extends Group {
  readonly bc: Beancounter;
  readonly subsystem: BeancountersGroup;

  /** @param bc with the reference that the directory holds */
  constructor(subsystem: BeancountersGroup, bc: Beancounter) {
    super(resourceItems(subsystem, bc));
    this.bc = bc;
    this.subsystem = subsystem;
  }

  override get attributes(): readonly Attribute[] {
    return attributes;
  }
}

/** Of all resources that are registered. */
function resourceItems(
  subsystem: BeancountersGroup,
  { counters }: Beancounter,
): [name: string, item: Item][] {
  return counters
    .filter(({ resource }) => resource !== dummy)
    .map((counter) => [counter.resource.name, new ResourceItem(counter, subsystem)]);
}

const attributes: readonly Attribute<BeancounterGroup>[] = [
  { name: 'id', mode: 0o444, show: ({ bc }) => printValue(bc.id) },
  {
    name: 'tasks',
    mode: 0o200,
    store: (group, text, caller) =>
      group.subsystem.source.move(parsePid(group, text), group.bc, trusted(group, 'tasks', caller)),
  },
  {
    name: 'threads',
    mode: 0o200,
    store: (group, text, caller) =>
      group.subsystem.source.moveThread(parsePid(group, text), group.bc, trusted(group, 'threads', caller)),
  },
];

/**
 * Who moves a task: whoever may write the file does so with the rights of this process.
 *
 * @throws BcfsError EPERM if that is not known, and the file was given to others
 */
function trusted(group: BeancounterGroup, file: string, caller: Caller | undefined): Caller | undefined {
  const { owner, mover, trust } = group.subsystem;
  const { uid = owner, mode = 0 } = group.link?.settings?.get(file) ?? {};
  const isGiven = (uid !== 0 && uid !== mover) || (mode & 0o022) !== 0;
  if (caller === undefined && isGiven && !trust) {
    throw new BcfsError('EPERM', `nobody tells who writes ${file}, and it was given to others`);
  }
  return caller;
}

function parsePid({ subsystem }: BeancounterGroup, text: string): number {
  const pid = parseUnsigned(text, subsystem.dialect, PID_BITS);
  if (pid === undefined) throw new BcfsError('EINVAL', 'not a pid');
  return Number(pid);
}
