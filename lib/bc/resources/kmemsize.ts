/** Kernel memory, in bytes. Charged by its allocation, with BARRIER or LIMIT. Source: v6.md, kmemsize. */
import type { Resource } from '../resource.js';

export const kmemsize: Resource = { name: 'kmemsize', unit: 'bytes', barrier: 65536n, limit: 65536n };
