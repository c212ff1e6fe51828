/** Open files. Charged by open, with LIMIT for CAP_SYS_ADMIN, else BARRIER. Source: v6.md, numfiles. */
import type { Resource } from '../resource.js';

export const numfiles: Resource = { name: 'numfiles', unit: 'items', barrier: 256n, limit: 512n };
