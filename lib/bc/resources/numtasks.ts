/** Tasks, threads included. Charged by fork, with LIMIT. Source: v6.md, tasks. */
import type { Resource } from '../resource.js';

export const numtasks: Resource = { name: 'numtasks', unit: 'items', barrier: 128n, limit: 128n };
