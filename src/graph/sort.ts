import { enumOf } from './enums.js';

export type SortDirection = 'ASC' | 'DESC';

export const SortDirectionEnum = enumOf<SortDirection>(
  'SortDirection',
  'Which end of an order comes first.',
  {
    ASC: 'The smallest, the oldest, A.',
    DESC: 'The largest, the newest, Z.',
  },
);
