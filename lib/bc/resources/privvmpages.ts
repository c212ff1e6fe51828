/** Private mappings: an upper estimate of the memory that could come into use. Source: v6.md, privvmpages. */
import type { Resource } from '../resource.js';
import { MAXVALUE } from '../value.js';

export const privvmpages: Resource = {
  name: 'privvmpages',
  unit: 'pages',
  barrier: MAXVALUE,
  limit: MAXVALUE,
};
